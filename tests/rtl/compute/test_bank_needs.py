"""bank_needs: the banks of ACC[dst] and ACC[src], one cycle after the step was in s1."""

from itertools import pairwise
from random import Random

from rtl_bench import clock_and_reset, randomize, record

from myvta.isa.config import NAMED
from myvta.rtl.compute.bank_needs import BankNeeds, bank_needs
from myvta.rtl.compute.step import Step
from myvta.rtl.lib.bundles import bit

EMPTY = {"short_dst": 0, "short_src": 0, "long_dst": 0, "long_src": 0, "apart": 0}


def needs_of(row):
    """Return the needs of the step that a row shows in s1."""
    dst, src = (row[f"s1.{name}"] % 2 for name in ("dst", "src"))
    kind = "long" if row["s1.long"] else "short"
    return {
        **EMPTY, "apart": int(dst != src),
        f"{kind}_dst": row["s1.valid"] << dst,
        f"{kind}_src": (row["s1.valid"] and row["s1.pair"]) << src,
    }


def test_needs_are_those_of_the_advancing_step():
    random = Random(1)
    clock, reset = clock_and_reset()
    advance, s1, needs = bit(), Step(NAMED["1x4x4"]), BankNeeds()

    def drive(cycle):
        randomize(random, advance, s1.valid, s1.dst, s1.src, s1.pair, s1.long)

    rows = record(
        [bank_needs(clock, reset, advance, s1, needs)], clock, reset,
        {"advance": advance, "s1": s1, "needs": needs}, drive, cycles=300,
    )
    expected = EMPTY
    for row, after in pairwise(rows):
        if row["advance"]:
            expected = needs_of(row)
        assert {name: after[f"needs.{name}"] for name in EMPTY} == expected

"""bank_needs: banks of the operands, one cycle after the step was in ``check``."""

from itertools import pairwise
from random import Random

import pytest
from rtl_bench import clock_and_reset, randomize, record

from myvta.isa.config import NAMED
from myvta.rtl.compute.bank_needs import BankNeeds, bank_needs
from myvta.rtl.compute.step import Step
from myvta.rtl.lib.bundles import bit

NAMES = ("needs.first", "needs.second", "waiting.reads", "waiting.chained")


def expected_of(row):
    """Return the needs of the step that a row shows in ``check``, and whether ACC[src] is late."""
    dst, src = (row[f"checked.{name}"] for name in ("dst", "src"))
    mine, other = 1 << dst % 2, 1 << src % 2
    first = second = reads = 0
    chained, apart = False, mine != other
    if row["checked.valid"] and row["checked.gemm"]:
        if not row["checked.overwrite"] and not row["checked.clear"]:
            chained = row["waiting.valid"] and row["waiting.dst"] == dst
            reads = 0 if chained else mine
    elif row["checked.valid"] and row["checked.skips_dst"]:
        second = other
    elif row["checked.valid"]:
        first = mine | (other if row["checked.pair"] else 0)
        second = mine if row["checked.pair"] and mine == other else 0
    late = row["checked.pair"] and (row["checked.skips_dst"] or not apart)
    return (first, second, reads, int(chained)), late


@pytest.mark.parametrize("depthwise", [False, True])
def test_needs_are_those_of_the_advancing_step(depthwise):
    """A chained step that does not advance at once, a DWC, reads the bank instead."""
    random = Random(1)
    clock, reset = clock_and_reset()
    config = NAMED["1x4x4"].replace(depthwise=depthwise)
    advance, checked, waiting, needs = bit(), Step(config), Step(config), BankNeeds()

    def drive(cycle):
        randomize(random, advance, checked.valid, checked.gemm, checked.overwrite, checked.clear)
        randomize(random, waiting.valid)
        checked.pair.next = not checked.gemm.next and random.random() < 0.6
        checked.skips_dst.next = checked.pair.next and random.random() < 0.4
        for step in (checked, waiting):
            step.dst.next, step.src.next = random.randrange(3), random.randrange(3)

    rows = record(
        [bank_needs(clock, reset, advance, checked, waiting, needs, config=config)], clock, reset,
        {"advance": advance, "checked": checked, "waiting": waiting, "needs": needs}, drive,
        cycles=900,
    )
    expected, late, seen = (0, 0, 0, 0), False, set()
    for row, after in pairwise(rows):
        if row["advance"]:
            expected, late = expected_of(row)
            seen.add(expected)
        elif depthwise and expected[-1]:
            expected = (*expected[:2], 1 << row["waiting.dst"] % 2, 0)
        assert tuple(after[name] for name in NAMES) == expected
        assert after["waiting.late"] == late
    # 0; dst of 2 banks, alone, with src in either; src alone; GEMM in 2 banks; chained
    assert len(seen) == 11

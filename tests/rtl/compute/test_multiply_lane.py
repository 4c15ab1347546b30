"""multiply_lane: whole products, rounded where asked, a fixed number of stages later."""

from random import Random

import pytest
from rtl_bench import clock_and_reset, randomize, record

from myvta.rtl.compute.multiply_lane import (
    MULTIPLIER_BITS,
    MULTIPLIER_LATENCY,
    PRODUCT_BITS,
    multiply_lane,
)
from myvta.rtl.lib.bundles import bit, word

EDGES = (0, 1, -1, 2**15, -(2**16), 2**16 - 1, 2**17, -(2**17), 2**31 - 1, -(2**31), 2**30)


def signed(value, bits):
    """Two's complement."""
    return value - (value >> bits - 1 << bits)


@pytest.mark.parametrize("bits", [32, PRODUCT_BITS])
def test_product_is_exact(bits):
    random = Random(6)
    clock, reset = clock_and_reset()
    p, m, product = word(32), word(MULTIPLIER_BITS), word(bits)
    rounds, used = bit(), bit()
    rounding = rounds if bits == PRODUCT_BITS else None

    def drive(cycle):
        randomize(random, p, rounds, used)
        m.next = random.randint(-(2**31), 2**31) % 2**MULTIPLIER_BITS
        if random.random() < 0.7:
            p.next = random.choice(EDGES) % 2**32
        if random.random() < 0.7:
            m.next = random.choice([*EDGES, 2**31]) % 2**MULTIPLIER_BITS

    block = multiply_lane(clock, p, m, rounding, used, product)
    watched = {"p": p, "m": m, "rounds": rounds, "product": product, "used": used}
    rows = record([block], clock, reset, watched, drive, cycles=600)
    steps = [
        (row, after)
        for row, before, after in zip(
            rows, rows[MULTIPLIER_LATENCY - 1 :], rows[MULTIPLIER_LATENCY:], strict=False,
        )
        if before["used"]
    ]
    assert len(steps) > 200
    for row, after in steps:
        exact = signed(row["p"], 32) * signed(row["m"], MULTIPLIER_BITS)
        if rounding is not None and row["rounds"]:
            exact += 2**30
        assert after["product"] == exact % 2**bits, row

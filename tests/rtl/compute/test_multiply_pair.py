"""multiply_pair: both products exact, above all where the lower one borrows from the upper one."""

from __future__ import annotations

import itertools

import pytest
from myhdl import Signal, Simulation, StopSimulation, delay, instance

from myvta.isa.config import named
from myvta.rtl.compute.multiply_pair import pair_bits, pair_multiplier, weight_pair
from myvta.rtl.lib.bundles import signed_word, word


def corners(width: int) -> list[int]:
    top = 1 << (width - 1)
    return [-top, 1 - top, -1, 0, 1, top - 1]


@pytest.mark.parametrize("name", ["default", "1x16x16_w4", "1x16x16_int4"])
def test_products_of_extreme_operands(name):
    config = named(name)
    inp_width, wgt_width = config.inp_width, config.wgt_width
    clock, enable = Signal(False), Signal(True)
    inp, wgt = word(2 * inp_width), word(3 * wgt_width)
    pair = signed_word(pair_bits(config))
    low, high = (signed_word(inp_width + wgt_width) for _ in range(2))
    cases = list(itertools.product(corners(wgt_width), corners(wgt_width), corners(inp_width)))
    got = []

    @instance
    def drive():
        for a, b, x in cases:
            # the operands not asked for are all ones
            inp.next = (x % (1 << inp_width)) << inp_width | ((1 << inp_width) - 1)
            wgt.next = (
                (b % (1 << wgt_width)) << 2 * wgt_width | ((1 << wgt_width) - 1) << wgt_width
                | a % (1 << wgt_width)
            )
            for _ in range(2):
                clock.next = False
                yield delay(5)
                clock.next = True
                yield delay(5)
            got.append((int(low), int(high)))
        raise StopSimulation

    Simulation(
        drive,
        weight_pair(
            clock, enable, wgt, pair, config=config, low_lo=0, high_lo=2 * wgt_width,
        ),
        pair_multiplier(clock, inp, pair, low, high, config=config, inp_lo=inp_width),
    ).run(quiet=1)
    assert got == [(a * x, b * x) for a, b, x in cases]

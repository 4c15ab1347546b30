"""pair_chain: both sums exact for extreme operands, above all where L does not fit into S bits."""

from __future__ import annotations

from random import Random

import pytest
from rtl_bench import clock_and_reset, record
from step_bench import pack, unpack

from myvta.isa.config import named
from myvta.rtl.compute.pair_chain import (
    CHAIN,
    CHAIN_LATENCY,
    delayed_element,
    pair_bits,
    pair_chain,
    weight_chain,
)
from myvta.rtl.lib.bundles import bit, signed_word, word


def operands(random: Random, width: int) -> list[int]:
    """Return the operands of a chain: all the lowest, all at an end of the range, or any."""
    low = -(1 << (width - 1))
    choices = random.choice([[low], [low, -1 - low], range(low, -low)])
    return [random.choice(choices) for _ in range(CHAIN)]


@pytest.mark.parametrize("name", ["default", "1x16x16_w4", "1x16x16_int4", "2x16x16"])
def test_sums_of_extreme_operands(name):
    config, random = named(name), Random(7)
    inp_width, wgt_width = config.inp_width, config.wgt_width
    offset = (1 << inp_width + wgt_width) - 1
    clock, reset = clock_and_reset()
    enable, low_sum, high_sum = bit(), signed_word(20), signed_word(20)
    # the chain's operands begin at element 1
    inp, wgt = word((CHAIN + 1) * inp_width), word((2 * CHAIN + 1) * wgt_width)
    tiles = [None]

    def drive(cycle):
        tiles.append([operands(random, width) for width in (inp_width, wgt_width, wgt_width)])
        x, low, high = tiles[-1]
        # inputs are registered outside: a cycle after the weights
        inp.next = pack([-1, *tiles[-2][0]], inp_width) if tiles[-2] else 0
        wgt.next = pack([-1, *low, *high], wgt_width)
        enable.next = random.random() < 0.8

    elements, pairs = [], [signed_word(pair_bits(config)) for _ in range(CHAIN)]
    high_bits, blocks = word(CHAIN), []
    for k in range(CHAIN):
        elements.append(word(inp_width))
        blocks.append(
            delayed_element(clock, inp, elements[k], lo=(1 + k) * inp_width, stages=k)
        )
    blocks += [
        weight_chain(
            clock, enable, wgt, pairs, high_bits, config=config, low_lo=wgt_width,
            high_lo=(1 + CHAIN) * wgt_width,
        ),
        pair_chain(
            clock, inp, elements, pairs, high_bits, low_sum, high_sum, config=config,
            lo=inp_width,
        ),
    ]
    watched = {"enable": enable, "low": low_sum, "high": high_sum}
    rows = record(blocks, clock, reset, watched, drive, cycles=300)
    steps = [at for at, row in enumerate(rows[: -1 - CHAIN_LATENCY]) if row["enable"]]
    lowest = 0
    for at in steps:
        x, low, high = tiles[at]
        exact = [sum(a * b for a, b in zip(x, weights, strict=True)) for weights in (low, high)]
        after = rows[at + 1 + CHAIN_LATENCY]
        sums = [unpack(after[name] % 2**20, 20, 1)[0] for name in ("low", "high")]
        assert sums == [exact[0] + offset, exact[1] - offset]
        lowest += exact[0] == offset + 1
    assert lowest > 3  # the only sum that exceeds S bits and a sign

"""mac_array: dot products of random and extreme tiles, with slots between them that are none."""

import math
from random import Random

import numpy as np
import pytest
from rtl_bench import clock_and_reset, record
from step_bench import pack, unpack

from myvta.isa import geometry
from myvta.isa.config import NAMED
from myvta.rtl.compute.array_operands import array_operands, operand_words
from myvta.rtl.compute.mac_array import dot_bits, mac_array, mac_latency
from myvta.rtl.lib.bundles import bit, word


def tile(random, shape, width):
    """Return a tile of extreme values, or of random ones."""
    low = -(1 << (width - 1))
    choices = random.choice([[low], [low, -1 - low], range(low, -low)])
    return np.array([random.choice(choices) for _ in range(math.prod(shape))]).reshape(shape)


@pytest.mark.parametrize(("name", "paired"), [
    ("1x4x4", False), ("1x4x4_int4", False), ("2x8x8", False), ("2x8x8", True),
    ("1x16x16_w4", True), ("1x16x16_int4", True), ("default", True),
])
def test_dot_products_come_latency_cycles_after_the_tiles(name, paired, monkeypatch):
    monkeypatch.setattr(geometry, "PAIRED_MULTIPLIERS_FROM", 0 if paired else 1 << 20)
    config, random = NAMED[name].replace(depthwise=False), Random(5)
    assert config.multiplies_pairs == paired
    shapes = (config.batch, config.block_in), (config.block_out, config.block_in)
    widths = config.inp_width, config.wgt_width
    inp, wgt = (word(math.prod(shape) * width) for shape, width in zip(shapes, widths, strict=True))
    enable, dot = bit(), word(config.lanes * dot_bits(config))
    operands = operand_words(config)
    clock, reset = clock_and_reset()
    tiles = [None]

    def drive(cycle):
        tiles.append(
            [tile(random, shape, width) for shape, width in zip(shapes, widths, strict=True)]
        )
        for signal, values, width in zip((inp, wgt), tiles[-1], widths, strict=True):
            signal.next = pack([int(value) for value in values.ravel()], width)
        enable.next = random.random() < 0.7

    blocks = [
        array_operands(clock, enable, inp, operands, config=config),
        mac_array(clock, enable, operands=operands, wgt=wgt, dot=dot, config=config),
    ]
    rows = record(blocks, clock, reset, {"enable": enable, "dot": dot}, drive, cycles=60)
    latency = mac_latency(config)
    steps = [at for at, row in enumerate(rows[:-latency]) if row["enable"]]
    assert len(steps) > 20
    for at in steps:
        inputs, weights = tiles[at]
        expected = (inputs @ weights.T).ravel().tolist()
        assert unpack(rows[at + latency]["dot"], dot_bits(config), config.lanes) == expected

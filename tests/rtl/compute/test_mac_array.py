"""mac_array: dot products of random and extreme tiles, with slots between them that are none."""

import math
from random import Random

import numpy as np
import pytest
from rtl_bench import clock_and_reset, record
from step_bench import pack, unpack

import myvta.rtl.compute.mac_array as mac_array_module
from myvta.isa.config import NAMED
from myvta.rtl.compute.mac_array import dot_bits, lane_sum, mac_array, multiplies_pairs
from myvta.rtl.lib.bundles import bit, signed_word, word


def tile(random, shape, width):
    """Return a tile of extreme values, or of random ones."""
    low = -(1 << (width - 1))
    choices = random.choice([[low], [low, -1 - low], range(low, -low)])
    return np.array([random.choice(choices) for _ in range(math.prod(shape))]).reshape(shape)


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("name", ["1x4x4", "1x4x4_int4", "2x8x8"])
def test_dot_products_come_four_cycles_after_the_tiles(name, paired, monkeypatch):
    monkeypatch.setattr(mac_array_module, "PAIRED_MULTIPLIERS_FROM", 0 if paired else 1 << 20)
    config, random = NAMED[name], Random(5)
    assert multiplies_pairs(config) == paired
    shapes = (config.batch, config.block_in), (config.block_out, config.block_in)
    widths = config.inp_width, config.wgt_width
    inp, wgt = (word(math.prod(shape) * width) for shape, width in zip(shapes, widths, strict=True))
    enables, dot = [bit() for _ in range(4)], word(config.lanes * dot_bits(config))
    clock, reset = clock_and_reset()
    s3_enable, _, s5_enable, s6_enable = enables
    tiles = [None]

    def drive(cycle):
        tiles.append(
            [tile(random, shape, width) for shape, width in zip(shapes, widths, strict=True)]
        )
        for signal, values, width in zip((inp, wgt), tiles[-1], widths, strict=True):
            signal.next = pack([int(value) for value in values.ravel()], width)
        for ahead, behind in zip(enables, enables[1:], strict=False):
            behind.next = ahead
        s3_enable.next = random.random() < 0.7

    block = mac_array(
        clock, s3_enable=s3_enable, s5_enable=s5_enable, s6_enable=s6_enable, inp=inp, wgt=wgt,
        dot=dot, config=config,
    )
    watched = {"enable": s3_enable, "dot": dot}
    rows = record([block], clock, reset, watched, drive, cycles=60)
    steps = [at for at, row in enumerate(rows[:-4]) if row["enable"]]
    assert len(steps) > 20
    for at in steps:
        inputs, weights = tiles[at]
        expected = (inputs @ weights.T).ravel().tolist()
        assert unpack(rows[at + 4]["dot"], dot_bits(config), config.lanes) == expected


@pytest.mark.parametrize("count", [4, 8, 16, 32])
def test_lane_adds_all_its_products(count):
    random = Random(count)
    clock, reset = clock_and_reset()
    s5_enable, s6_enable, dot = bit(), bit(), word(22)
    products = [signed_word(16) for _ in range(count)]
    values = [None]

    def drive(cycle):
        values.append([random.choice([-(2**15), 2**15 - 1, 1 << n % 15]) for n in range(count)])
        for signal, value in zip(products, values[-1], strict=True):
            signal.next = value
        s5_enable.next, s6_enable.next = random.random() < 0.7, s5_enable

    block = lane_sum(clock, s5_enable, s6_enable, products, dot, width=22)
    rows = record([block], clock, reset, {"enable": s5_enable, "dot": dot}, drive, cycles=60)
    for at, row in enumerate(rows[:-2]):
        if row["enable"]:
            assert unpack(rows[at + 2]["dot"], 22, 1) == [sum(values[at])]

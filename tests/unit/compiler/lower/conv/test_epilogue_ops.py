"""ALU steps on the outputs of a convolution: on tiles of the accumulator, against numpy."""

import numpy as np
import pytest
from lowered_node import SMALL, rule, run_accumulator, scaled

from myvta.compiler.codegen.tile_ops import parameters
from myvta.compiler.lower.conv.epilogue_ops import Field, clamp_field, gather, result, scale
from myvta.compiler.schedule.conv_problem import ConvShape, EpilogueSpec
from myvta.compiler.schedule.conv_tiles import Range, tile_of
from myvta.isa.config import named
from myvta.isa.opcodes import AluOpcode

FIELD = Field(2, 2, 3, 5)
TOUCHED = [2, 3, 4, 7, 8, 9]
"""Two runs of three tiles, five apart, from tile 2 on."""


def sums(tiles=64, bound=120, seed=3):
    return np.random.default_rng(seed).integers(-bound, bound, (tiles, 1, 4))


def changed(tiles, expected):
    """Return tiles with those of the field replaced."""
    result = tiles.copy()
    result[TOUCHED] = expected[TOUCHED]
    return result


def test_clamp_bounds_the_tiles_of_the_field_alone():
    tiles = sums()
    actual = run_accumulator(lambda b: clamp_field(b, -30, 25, FIELD), tiles, SMALL)
    np.testing.assert_array_equal(actual, changed(tiles, np.clip(tiles, -30, 25)))


@pytest.mark.parametrize("config", [SMALL, named("1x4x4_base")])
@pytest.mark.parametrize("factor", [1, 7])
def test_scale_multiplies_and_requantizes(factor, config):
    tiles, requant = sums(), rule(4, 4, bias=20)
    table = parameters(requant, config, uniform=True)
    tiles[40 : 40 + len(table)] = table
    actual = run_accumulator(lambda b: scale(b, factor, requant, FIELD, 44, 40), tiles, config)
    expected = changed(tiles, scaled(tiles * factor, 4, 20))
    np.testing.assert_array_equal(actual[:40], expected[:40])


@pytest.mark.parametrize(("opcode", "kernel", "strides", "before", "stored"), [
    (AluOpcode.MAX, (2, 2), (2, 2), (0, 0), (3, 2)),
    (AluOpcode.MAX, (3, 3), (2, 2), (1, 1), (3, 2)),
    (AluOpcode.MAX, (3, 3), (1, 1), (1, 1), (5, 4)),
    (AluOpcode.MAX, (5, 4), (1, 1), (0, 0), (1, 1)),
    (AluOpcode.ADD, (2, 2), (2, 2), (0, 0), (2, 2)),
    (AluOpcode.ADD, (3, 2), (1, 1), (0, 0), (3, 3)),
    (AluOpcode.ADD, (5, 4), (1, 1), (0, 0), (1, 1)),
])
def test_gather_leaves_the_value_of_each_window(opcode, kernel, strides, before, stored):
    """Values are where the layout of the tile says; outside is the minimum."""
    size = (5, 4)
    spec = EpilogueSpec(stored, kernel, strides, before)
    shape = ConvShape(1, 1, 1, size, size, (1, 1), epilogue=spec)
    tile = tile_of(shape, 0, Range(0, 1), Range(0, stored[0]), Range(0, stored[1]))
    values = np.random.default_rng(4).integers(-6, 7, size)
    tiles = np.zeros((max(tile.pixels, 40), 1, 4), int)
    for row in range(tile.oh.count):
        for column in range(tile.ow.count):
            place = tile.layout.at(row + tile.layout.first[0], column + tile.layout.first[1])
            tiles[place] = values[row, column]
    actual = run_accumulator(lambda b: gather(b, opcode, spec, tile, 0), tiles, SMALL)
    field, width = result(spec, tile, 0)
    around = np.pad(values, 9, constant_values=-999)
    for row in range(stored[0]):
        for column in range(stored[1]):
            y, x = row * strides[0] - before[0] + 9, column * strides[1] - before[1] + 9
            window = around[y : y + kernel[0], x : x + kernel[1]]
            wanted = window.max() if opcode == AluOpcode.MAX else window.sum()
            assert actual[field.base + row * width + column, 0, 0] == wanted, (row, column)

"""ALU steps on the outputs of a convolution: on tiles of the accumulator, against numpy."""

from dataclasses import replace

import numpy as np
import pytest
from lowered_node import SMALL, rule, run_accumulator, scaled

from myvta.compiler.codegen.tile_ops import parameters
from myvta.compiler.ir.attributes import ClipAttributes, LeakyReluAttributes, ReluAttributes
from myvta.compiler.ir.quantized_graph import QuantizedNode
from myvta.compiler.lower.conv.epilogue_ops import (
    Field,
    bounds_of,
    gather,
    leaky,
    quick_leaky,
    result,
    scale,
    within,
)
from myvta.compiler.schedule.conv_problem import ConvShape, EpilogueSpec
from myvta.compiler.schedule.conv_tiles import Range, tile_of
from myvta.isa.opcodes import AluOpcode

FIELD = Field(2, 2, 3, 5)
TOUCHED = [2, 3, 4, 7, 8, 9]
"""Two runs of three tiles, five apart, from tile 2 on."""


def node(op, attrs, requant=None):
    return QuantizedNode(op, op, ("x",), ("y",), attrs, requant)


def sums(tiles=64, bound=120, seed=3):
    return np.random.default_rng(seed).integers(-bound, bound, (tiles, 1, 4))


def changed(tiles, expected):
    """Return tiles with those of the field replaced."""
    result = tiles.copy()
    result[TOUCHED] = expected[TOUCHED]
    return result


def test_bounds_of_relu_and_clip():
    assert bounds_of(node("Relu", ReluAttributes()), 8) == (0, 127)
    assert bounds_of(node("Relu", ReluAttributes()), 4) == (0, 7)
    assert bounds_of(node("Clip", ClipAttributes(-3, 9)), 8) == (-3, 9)


def test_within_bounds_the_tiles_of_the_field_alone():
    tiles = sums()
    clip = node("Clip", ClipAttributes(-30, 25))
    actual = run_accumulator(lambda b: within(b, clip, FIELD), tiles, SMALL)
    np.testing.assert_array_equal(actual, changed(tiles, np.clip(tiles, -30, 25)))


@pytest.mark.parametrize("factor", [1, 7])
def test_scale_multiplies_and_requantizes(factor):
    tiles, requant = sums(), rule(4, 4, bias=20)
    table = parameters(requant, SMALL, uniform=True)
    tiles[40 : 40 + len(table)] = table
    actual = run_accumulator(lambda b: scale(b, factor, requant, FIELD, 40), tiles, SMALL)
    expected = changed(tiles, scaled(tiles * factor, 4, 20))
    np.testing.assert_array_equal(actual[:40], expected[:40])


@pytest.mark.parametrize(("slope", "shift", "bias"), [(3, 3, 0), (3, 5, 0), (0, 2, 9)])
def test_leaky_relu_is_the_maximum_of_two_lines(slope, shift, bias):
    """Where shift and slope are equal positive values stay: the quick form."""
    tiles, requant = sums(), rule(4, shift, bias)
    table = parameters(requant, SMALL, uniform=True)
    tiles[50 : 50 + len(table)] = table
    leaky_node = node("LeakyRelu", LeakyReluAttributes(slope), requant)
    assert quick_leaky(leaky_node, 8) == (slope == shift)
    actual = run_accumulator(lambda b: leaky(b, leaky_node, FIELD, 20, 50), tiles, SMALL)
    expected = changed(tiles, scaled(np.maximum(tiles << slope, tiles), shift, bias))
    np.testing.assert_array_equal(actual[:20], expected[:20])


@pytest.mark.parametrize("requant", [
    rule(4, 3, bias=1), rule(4, 2), replace(rule(4, 3), clip=(-100, 100)),
    replace(rule(4, 3), zero_point=2),
])
def test_quick_leaky_relu_needs_values_within_range(requant):
    assert not quick_leaky(node("LeakyRelu", LeakyReluAttributes(3), requant), 8)


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

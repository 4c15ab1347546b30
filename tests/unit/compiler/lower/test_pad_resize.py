"""Pad, crop and Resize: every pixel in its place, the border of one value."""

from functools import partial

import numpy as np
import pytest
from lowered_node import SMALL, integers, run_lowered

from myvta.compiler.ir.attributes import Attributes
from myvta.compiler.ir.quantized_graph import QuantizedNode
from myvta.compiler.lower.pad_resize import pad_layer, resize_layer
from myvta.isa.config import named

CONFIGS = [named("1x4x4"), named("2x8x8"), SMALL]


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize(("pads", "fill"), [
    ((1, 2, 3, 0), 0), ((0, 1, 0, 1), -37), ((12, 0, 1, 9), 5), ((-2, -1, 0, -3), 0),
    ((2, -3, -1, 1), 100),
])
def test_padding_adds_a_border_and_negative_padding_crops(config, pads, fill):
    x = integers((2, 6, 7, 8))
    top, left, bottom, right = pads
    border = [(0, 0), (0, 0), *((max(a, 0), max(b, 0)) for a, b in ((top, bottom), (left, right)))]
    expected = np.pad(x, border, constant_values=fill)
    rows, columns = expected.shape[2:]
    expected = expected[
        :, :, max(-top, 0) : rows - max(-bottom, 0), max(-left, 0) : columns - max(-right, 0)]
    node = QuantizedNode("Pad", "pad", ("x",), ("y",), Attributes())
    layer = partial(pad_layer, pads=pads, fill=fill)
    actual = run_lowered(layer, node, {"x": x}, expected.shape, config)
    np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize(("size", "factors"), [
    ((5, 4), (2, 3)), ((1, 2), (9, 17)), ((7, 7), (1, 2)),
])
def test_every_pixel_is_repeated(config, size, factors):
    x = integers((2, 6, *size))
    expected = x.repeat(factors[0], 2).repeat(factors[1], 3)
    node = QuantizedNode("Resize", "resize", ("x",), ("y",), Attributes())
    layer = partial(resize_layer, factors=factors)
    actual = run_lowered(layer, node, {"x": x}, expected.shape, config)
    np.testing.assert_array_equal(actual, expected)

"""MaxPool: the maximum of each window, nothing outside being in it."""

import numpy as np
import pytest
from lowered_node import SMALL, integers, run_lowered

from myvta.compiler.ir.attributes import MaxPoolAttributes, SlidingWindow
from myvta.compiler.ir.quantized_graph import QuantizedNode
from myvta.compiler.lower.max_pool import max_pool_layer
from myvta.isa.config import named


@pytest.mark.parametrize("config", [named("1x4x4"), named("2x8x8"), SMALL])
@pytest.mark.parametrize(("kernel", "strides", "pads", "dilations"), [
    ((2, 2), (2, 2), (0, 0, 0, 0), (1, 1)), ((3, 3), (2, 2), (1, 1, 1, 1), (1, 1)),
    ((3, 2), (1, 3), (2, 0, 0, 1), (1, 1)), ((1, 1), (2, 3), (0, 0, 0, 0), (1, 1)),
    ((3, 3), (1, 2), (2, 2, 1, 2), (2, 2)),
])
def test_output_is_the_maximum_of_each_window(config, kernel, strides, pads, dilations):
    x = integers((2, 6, 9, 8))
    top, left, bottom, right = pads
    padded = np.pad(x, [(0, 0), (0, 0), (top, bottom), (left, right)], constant_values=-999)
    out = [
        (have - dilations[axis] * (kernel[axis] - 1) - 1) // strides[axis] + 1
        for axis, have in enumerate(padded.shape[2:])
    ]
    taps = [
        padded[:, :, dilations[0] * ky :: strides[0], dilations[1] * kx :: strides[1]]
        [:, :, : out[0], : out[1]]
        for ky in range(kernel[0]) for kx in range(kernel[1])
    ]
    node = QuantizedNode("MaxPool", "pool", ("x",), ("y",), MaxPoolAttributes(
        SlidingWindow(kernel, strides, pads, dilations)))
    actual = run_lowered(max_pool_layer, node, {"x": x}, (2, 6, *out), config)
    np.testing.assert_array_equal(actual, np.max(taps, 0))

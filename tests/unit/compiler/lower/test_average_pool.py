"""AveragePool: sums of windows times the factors of their places, requantized."""

import numpy as np
import pytest
from lowered_node import SMALL, integers, naive_conv, rule, run_lowered, scaled

from myvta.compiler.ir.attributes import AveragePoolAttributes, SlidingWindow
from myvta.compiler.ir.quantized_graph import QuantizedNode
from myvta.compiler.lower.average_pool import average_pool_layer
from myvta.isa.config import named


@pytest.mark.parametrize("config", [named("1x4x4"), named("2x8x8"), SMALL])
@pytest.mark.parametrize(("kernel", "strides", "pads"), [
    ((2, 2), (2, 2), (0, 0, 0, 0)), ((3, 3), (2, 1), (1, 1, 1, 1)), ((9, 8), (1, 1), (4, 3, 4, 4)),
])
def test_output_is_the_window_sum_times_its_factor(config, kernel, strides, pads):
    """Factors differ at the border, as where padding does not count."""
    x = integers((2, 6, 9, 8))
    out = tuple(
        (have + pads[axis] + pads[axis + 2] - kernel[axis]) // strides[axis] + 1
        for axis, have in enumerate((9, 8)))
    one = np.zeros((6, 6, *kernel), np.int64)
    one[range(6), range(6)] = 1
    sums = naive_conv(x, one, out, strides, pads)
    factors = np.full(out, 11)
    factors[0] += 3
    factors[:, -1] += 5
    factors[-1, 0] = 1
    node = QuantizedNode("AveragePool", "pool", ("x",), ("y",), AveragePoolAttributes(
        SlidingWindow(kernel, strides, pads), factors), rule(6, 7, bias=3))
    actual = run_lowered(average_pool_layer, node, {"x": x}, (2, 6, *out), config)
    np.testing.assert_array_equal(actual, scaled(sums * factors, 7, 3))

"""GlobalAveragePool: the sum of all pixels times a factor, requantized."""

import numpy as np
import pytest
from lowered_node import SMALL, integers, rule, run_lowered, scaled

from myvta.compiler.ir.attributes import GlobalAverageAttributes
from myvta.compiler.ir.quantized_graph import QuantizedNode
from myvta.compiler.lower.global_average_pool import global_average_layer
from myvta.isa.config import named


@pytest.mark.parametrize("config", [named("1x4x4"), named("2x8x8"), SMALL])
@pytest.mark.parametrize(("size", "factor", "shift"), [
    ((1, 1), 1, 0), ((4, 4), 1, 4), ((3, 5), 17, 8), ((13, 12), 105, 14),
])
def test_output_is_the_mean_of_all_pixels(config, size, factor, shift):
    """13 x 12 pixels are more than the smallest buffer holds: they are summed in parts."""
    x = integers((2, 10, *size))
    node = QuantizedNode(
        "GlobalAveragePool", "mean", ("x",), ("y",), GlobalAverageAttributes(factor, 4),
        rule(10, shift, 2))
    actual = run_lowered(global_average_layer, node, {"x": x}, (2, 10, 1, 1), config)
    sums = x.sum((2, 3), keepdims=True)
    np.testing.assert_array_equal(actual, scaled(sums * factor, shift, 2))

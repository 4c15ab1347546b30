"""LeakyRelu: slopes that are powers of two, and the integers of every input."""

from __future__ import annotations

import numpy as np
import pytest
from graph_cases import graph_of
from operator_rules import host_reason, quantize_node

from myvta.compiler.ir.graph import Graph, Node
from myvta.compiler.operators.leaky_relu import LEAKY_RELU, power_of_two_slope
from myvta.compiler.reference.reference_evaluator import evaluate_node


def leaky(alpha: float) -> Graph:
    return graph_of(Node("LeakyRelu", "n", ("x",), ("y",), {"alpha": alpha}),
                    shapes={"x": (1, 256), "y": (1, 256)})


@pytest.mark.parametrize(("alpha", "slope"), [
    (1.0, 0), (0.5, 1), (2.0**-16, 16), (2.0**-17, None), (2.0, None), (0.3, None), (-0.5, None),
    (0.0, None), (np.nextafter(0.5, 1), None),
])
def test_slope_is_a_power_of_two(alpha: float, slope: int | None) -> None:
    assert power_of_two_slope(alpha) == slope


def test_other_slopes_are_on_the_host() -> None:
    assert host_reason(leaky(0.25)) == ""
    assert host_reason(leaky(0.1)) == "its slope 0.1 is not 2^-k with k in 0..16"


@pytest.mark.parametrize("slope", [0, 2, 7])
def test_integers_of_every_input_are_within_a_step(slope: int) -> None:
    node, exponent = quantize_node(leaky(2.0**-slope), {"x": -3, "y": -2})
    assert node.attrs.slope == slope
    assert (node.rule.shift[0], exponent) == (1 + slope, -2)
    x = np.arange(-128, 128)[None]
    real = np.where(x > 0, x, x * 2.0**-slope) / 8
    np.testing.assert_array_equal(evaluate_node(node, [x], 8), np.floor(real * 4 + 0.5))


def test_pre_quantized_models_run_it_on_the_host() -> None:
    assert LEAKY_RELU.qdq is None

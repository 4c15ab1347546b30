"""LeakyRelu: slopes that are powers of two, and the integers of every input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from graph_cases import graph_of
from lowered_node import SMALL, rule, run_accumulator, scaled
from operator_rules import host_reason, qdq_reason, quantize_node

from myvta.compiler.codegen.tile_ops import parameters
from myvta.compiler.ir.fixed_point import Requant
from myvta.compiler.ir.graph import Graph, Node
from myvta.compiler.ir.quantized_graph import QuantizedNode
from myvta.compiler.lower.conv.epilogue_ops import Field
from myvta.compiler.lower.conv.epilogue_rule import EpiloguePlaces
from myvta.compiler.operators.leaky_relu import LEAKY_RELU, LeakyReluAttributes, power_of_two_slope
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
    assert qdq_reason(leaky(0.5)) == "no LeakyRelu in a pre-quantized (QDQ) model"


def fused(slope: int, requant: Requant) -> QuantizedNode[LeakyReluAttributes]:
    return QuantizedNode("LeakyRelu", "n", ("x",), ("y",), LeakyReluAttributes(slope), requant)


@pytest.mark.parametrize(("slope", "shift", "bias"), [(3, 3, 0), (3, 5, 0), (0, 2, 9)])
def test_epilogue_is_the_maximum_of_two_lines(slope: int, shift: int, bias: int) -> None:
    """Where shift and slope are equal positive values stay: one step less."""
    tiles = np.random.default_rng(3).integers(-120, 120, (64, 1, 4))
    requant, field = rule(4, shift, bias), Field(2, 2, 3, 5)
    table = parameters(requant, SMALL, uniform=True)
    tiles[50 : 50 + len(table)] = table
    node, epilogue = fused(slope, requant), LEAKY_RELU.epilogue
    assert epilogue is not None
    emit = epilogue.emit
    assert emit is not None
    assert epilogue.steps(node, SMALL) == 5 - (slope == shift)
    actual = run_accumulator(
        lambda builder: emit(builder, node, EpiloguePlaces(20, 50), field), tiles, SMALL)
    expected, touched = tiles.copy(), [2, 3, 4, 7, 8, 9]
    expected[touched] = scaled(np.maximum(tiles << slope, tiles), shift, bias)[touched]
    np.testing.assert_array_equal(actual[:20], expected[:20])


@pytest.mark.parametrize("requant", [
    rule(4, 3, bias=1), rule(4, 2), replace(rule(4, 3), clip=(-100, 100)),
    replace(rule(4, 3), zero_point=2),
])
def test_epilogue_rounds_positive_values_that_change(requant: Requant) -> None:
    assert LEAKY_RELU.epilogue is not None
    assert LEAKY_RELU.epilogue.steps(fused(3, requant), SMALL) == 5

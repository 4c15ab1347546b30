"""Clip: bounds rounded to its input's scale, in float and pre-quantized models."""

from __future__ import annotations

import math

import numpy as np
import pytest
from graph_cases import graph_of
from lowered_node import SMALL, run_accumulator
from operator_rules import host_reason, quantize_node, quantize_qdq

from myvta.compiler.ir.graph import Graph, Node
from myvta.compiler.ir.qdq_scales import TensorScale
from myvta.compiler.ir.quantized_graph import QuantizedNode
from myvta.compiler.lower.conv.epilogue_ops import Field
from myvta.compiler.lower.conv.epilogue_rule import EpiloguePlaces
from myvta.compiler.operators.clip import CLIP, ClipAttributes


def clip(**attrs: float) -> Graph:
    return graph_of(Node("Clip", "n", ("x",), ("y",), attrs), shapes={"x": (1, 3), "y": (1, 3)})


@pytest.mark.parametrize(("low", "high", "bounds"), [
    (-0.5, 1.0, (-8, 16)), (-math.inf, 0.03125, (-128, 1)), (0.03, math.inf, (0, 127)),
    (-100.0, 100.0, (-128, 127)),
])
def test_bounds_are_integers_of_the_kept_scale(
    low: float, high: float, bounds: tuple[int, int]
) -> None:
    node, exponent = quantize_node(clip(low=low, high=high), {"x": -4, "y": 5})
    assert (node.attrs, node.requant, exponent) == (ClipAttributes(*bounds), None, -4)


def test_computed_bounds_are_on_the_host() -> None:
    assert host_reason(clip(low=0.0, high=1.0)) == ""
    assert host_reason(clip()) == "its bounds are not constant"


def test_bounds_include_the_zero_point_of_a_pre_quantized_model() -> None:
    scales = {"x": TensorScale(0.1, 5), "y": TensorScale(0.1, 5)}
    (node,) = quantize_qdq(clip(low=-0.5, high=1.0), scales).nodes
    assert node.attrs == ClipAttributes(0, 15)


def test_output_scale_of_a_pre_quantized_model_is_kept() -> None:
    scales = {"x": TensorScale(0.1, 5), "y": TensorScale(0.02, -20)}
    result = quantize_qdq(clip(low=-0.5, high=1.0), scales)
    assert [node.op for node in result.nodes] == ["ScaledAdd", "Clip"]
    assert result.nodes[1].attrs == ClipAttributes(-45, 30)
    x = np.array([[-1.0, 0.3, 7.0]])
    np.testing.assert_allclose(result.reals({"x": x}), [[-0.5, 0.3, 1.0]], atol=0.011)


def test_epilogue_bounds_the_tiles_of_a_field_alone() -> None:
    epilogue = CLIP.epilogue
    assert epilogue is not None
    emit = epilogue.emit
    assert emit is not None
    node = QuantizedNode("Clip", "n", ("x",), ("y",), ClipAttributes(-30, 25))
    assert epilogue.steps(node, SMALL) == 2
    tiles = np.random.default_rng(3).integers(-120, 120, (12, 1, 4))
    actual = run_accumulator(
        lambda builder: emit(builder, node, EpiloguePlaces(0, 0), Field(2, 2, 3, 5)), tiles, SMALL)
    expected, touched = tiles.copy(), [2, 3, 4, 7, 8, 9]
    expected[touched] = np.clip(tiles[touched], -30, 25)
    np.testing.assert_array_equal(actual, expected)

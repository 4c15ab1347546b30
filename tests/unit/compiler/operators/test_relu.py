"""Relu: the scale stays; a zero point or another scale makes it a sum."""

from __future__ import annotations

import numpy as np
import pytest
from graph_cases import graph_of
from lowered_node import SMALL, run_accumulator
from operator_rules import host_reason, quantize_node, quantize_qdq

from myvta.compiler.ir.graph import Node
from myvta.compiler.ir.qdq_scales import TensorScale
from myvta.compiler.ir.quantized_graph import QuantizedNode
from myvta.compiler.lower.conv.epilogue_ops import Field
from myvta.compiler.lower.conv.epilogue_rule import EpiloguePlaces
from myvta.compiler.operators.relu import RELU, ReluAttributes

GRAPH = {"x": (1, 4), "y": (1, 4)}
NODE = ("Relu", "n", ("x",), ("y",))


def test_scale_is_kept() -> None:
    graph = graph_of(Node(*NODE), shapes=GRAPH)
    node, exponent = quantize_node(graph, {"x": -4, "y": 3})
    assert (node.attrs, node.requant, exponent) == (ReluAttributes(), None, -4)


def test_any_layout_runs_on_the_accelerator() -> None:
    assert host_reason(graph_of(Node(*NODE), shapes=GRAPH), layouts={"x": (2, 2, 1)}) == ""


@pytest.mark.parametrize(("scales", "op"), [
    ({"x": TensorScale(0.1)}, "Relu"), ({"x": TensorScale(0.1), "y": TensorScale(0.1)}, "Relu"),
    ({"x": TensorScale(0.1, 4)}, "ScaledAdd"),
    ({"x": TensorScale(0.1), "y": TensorScale(0.05)}, "ScaledAdd"),
    ({"x": TensorScale(0.1), "y": TensorScale(0.1, -128)}, "ScaledAdd"),
])
def test_relu_of_a_pre_quantized_model_equals_the_real_one(
    scales: dict[str, TensorScale], op: str
) -> None:
    result = quantize_qdq(graph_of(Node(*NODE), shapes=GRAPH), scales)
    assert [node.op for node in result.nodes] == [op]
    x = np.array([[-3.0, -0.1, 0.0, 4.2]])
    step = result.scales["y"].scale
    np.testing.assert_allclose(result.reals({"x": x}), np.maximum(x, 0), atol=0.51 * step)


def test_epilogue_bounds_the_tiles_of_a_field_alone() -> None:
    epilogue = RELU.epilogue
    assert epilogue is not None
    emit = epilogue.emit
    assert emit is not None
    node = QuantizedNode("Relu", "n", ("x",), ("y",), ReluAttributes())
    assert epilogue.steps(node, SMALL) == 1
    tiles = np.random.default_rng(3).integers(-120, 120, (12, 1, 4))
    actual = run_accumulator(
        lambda builder: emit(builder, node, EpiloguePlaces(0, 0), Field(2, 2, 3, 5)), tiles, SMALL)
    expected, touched = tiles.copy(), [2, 3, 4, 7, 8, 9]
    expected[touched] = np.clip(tiles[touched], 0, 127)
    np.testing.assert_array_equal(actual, expected)

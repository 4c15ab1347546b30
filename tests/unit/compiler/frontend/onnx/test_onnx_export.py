"""Canonical nodes written as ONNX nodes, against plain numpy in onnx's reference evaluator."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from graph_cases import evaluate_protos, graph_of
from onnx import helper

from myvta.compiler.frontend.onnx.onnx_evaluator import host_model
from myvta.compiler.frontend.onnx.onnx_export import activation_nodes, opsets_of, written_out
from myvta.compiler.ir.elementwise_function import ElementwiseFunction
from myvta.compiler.ir.graph import Graph, Node
from myvta.compiler.ir.host_payload import HostPayload

RANDOM = np.random.default_rng(2)
X = RANDOM.normal(0, 3, (2, 6, 4)).astype(np.float32)
INF = math.inf


def canonical(op: str, shape: tuple[int, ...] = X.shape, opset: int = 17,
              constants: dict[str, np.ndarray] | None = None, **attrs: Any) -> tuple[Node, Graph]:
    """Return a canonical node of x and constants, and its graph."""
    node = Node(op, "n", ("x", *(constants or {})), ("y",), attrs)
    return node, graph_of(node, shapes={"x": X.shape, "y": shape}, constants=constants,
                          opset=opset)


def test_opsets_are_the_context_of_the_front_end() -> None:
    assert opsets_of(canonical("Relu", opset=13)[1]) == {"": 13}


@pytest.mark.parametrize("opset", [10, 17])
@pytest.mark.parametrize(("attrs", "low", "high"), [
    ({}, -INF, INF), ({"relu": 0}, -INF, INF), ({"relu": 1}, 0, INF),
    ({"clip": (-1.0, 2.0)}, -1, 2), ({"relu": 1, "clip": (-1.0, 2.0)}, 0, 2),
    ({"relu": 1, "clip": (0.5, INF)}, 0.5, INF), ({"clip": (-INF, 1.5)}, -INF, 1.5),
    ({"relu": 1, "clip": (-1.0, INF)}, 0, INF),
])
def test_fused_activation_is_exported_after_its_node(
    attrs: dict[str, Any], low: float, high: float, opset: int
) -> None:
    node, graph = canonical("Add", opset=opset, **attrs)
    after, target = activation_nodes(node, graph)
    assert (target == "y") == (not after)
    copy = helper.make_node("Identity", ["x"], [target])
    found = evaluate_protos([copy, *after], {"x": X}, "y", opset)
    np.testing.assert_array_equal(found, np.minimum(np.maximum(X, low), high))


def test_affine_is_a_product_and_a_sum() -> None:
    scale, offset = (RANDOM.normal(size=(6, 1)).astype(np.float32) for _ in range(2))
    node, graph = canonical("Affine", constants={"s": scale, "o": offset})
    found = evaluate_protos(
        written_out(node, graph, "y"), {"x": X, "s": scale, "o": offset}, "y")
    np.testing.assert_allclose(found, X * scale + offset, rtol=1e-6)


@pytest.mark.parametrize("opset", [10, 17])
@pytest.mark.parametrize(("low", "high"), [(-1.0, 0.5), (-INF, 2.0), (1.0, INF)])
def test_clip_is_exported_for_old_and_new_opsets(low: float, high: float, opset: int) -> None:
    node, graph = canonical("Clip", opset=opset, low=low, high=high)
    protos = written_out(node, graph, "y")
    assert len(protos[-1].input) == (1 if opset == 10 else 3)
    found = evaluate_protos(protos, {"x": X}, "y", opset)
    np.testing.assert_array_equal(found, np.minimum(np.maximum(X, low), high))


@pytest.mark.parametrize("opset", [9, 17])
def test_slice_of_channels_is_exported_for_old_and_new_opsets(opset: int) -> None:
    node, graph = canonical("Slice", (2, 3, 4), opset, start=2, stop=5)
    protos = written_out(node, graph, "y")
    assert len(protos[-1].input) == (1 if opset == 9 else 4)
    np.testing.assert_array_equal(evaluate_protos(protos, {"x": X}, "y", opset), X[:, 2:5])


@pytest.mark.parametrize("bias", [True, False])
def test_dense_layer_into_a_feature_map_is_gemm_and_reshape(bias: bool) -> None:
    x, w = (RANDOM.normal(size=shape).astype(np.float32) for shape in ((2, 3), (12, 3)))
    b = np.arange(12, dtype=np.float32)
    constants = {"w": w, "b": b} if bias else {"w": w}
    node, graph = canonical("Gemm", (2, 3, 2, 2), constants=constants, unflatten=(3, 2, 2))
    found = evaluate_protos(written_out(node, graph, "y"), {"x": x, **constants}, "y")
    expected = (x @ w.T + (b if bias else 0)).reshape(2, 3, 2, 2)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_dense_layer_over_the_last_axis_is_matmul() -> None:
    w = RANDOM.normal(size=(5, 4)).astype(np.float32)
    node, graph = canonical("Gemm", (2, 6, 5), constants={"w": w}, axis=2)
    found = evaluate_protos(written_out(node, graph, "y"), {"x": X}, "y")
    np.testing.assert_allclose(found, X @ w.T, rtol=1e-5, atol=1e-6)


def test_table_is_exported_as_the_nodes_of_its_function() -> None:
    offset = np.array(0.5, np.float32)
    nodes = [Node(op, op, inputs, (out,), source=helper.make_node(
        op, inputs, [out]).SerializeToString()) for op, inputs, out in (
            ("Add", ("a", "k"), "b"), ("Tanh", ("b",), "c"))]
    inner = graph_of(
        *nodes, shapes=dict.fromkeys(("a", "b", "c"), (1, 256)), constants={"k": offset})
    function = ElementwiseFunction(
        HostPayload("onnx", host_model(inner, inner.nodes)), "a", "c", (1, 256), ("Add", "Tanh"))
    found = evaluate_protos(
        written_out(*canonical("Table", function=function), "y"), {"x": X}, "y")
    np.testing.assert_allclose(found, np.tanh(X + 0.5), rtol=1e-5)


def test_node_without_a_written_form_is_a_defect() -> None:
    with pytest.raises(AssertionError):
        written_out(*canonical("Tanh"), "y")

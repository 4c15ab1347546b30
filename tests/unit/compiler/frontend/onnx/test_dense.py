"""Dense layers: every ONNX spelling in its normal form, and back, against plain numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from graph_cases import evaluate_protos, graph_of

from myvta.compiler.frontend.onnx.dense import normalize_gemm, onnx_dense
from myvta.compiler.ir.graph import Graph, Node

RANDOM = np.random.default_rng(1)


def gemm(inputs: str, shapes: dict[str, tuple[int, ...]], op: str = "Gemm",
         constants: str = "wb", **attrs: Any) -> Graph:
    """Return the graph of one node whose inputs are letters; ``constants`` have values."""
    values = {name: RANDOM.normal(size=shapes[name]).astype(np.float32)
              for name in inputs if name in constants}
    rest = {name: shape for name, shape in shapes.items() if name not in values}
    return graph_of(Node(op, "n", tuple(inputs), ("y",), attrs, b"source"), shapes=rest,
                    constants=values)


def parameters(graph: Graph) -> tuple[np.ndarray, np.ndarray | None]:
    """Return weight and bias of the normal form of the only node."""
    (node,) = graph.nodes
    assert node.op == "Gemm"
    assert node.source is None
    assert node.inputs[0] == "x"
    weight = graph.value(node.inputs[1])
    assert weight is not None
    return weight, graph.value(node.inputs[2]) if len(node.inputs) > 2 else None


@pytest.mark.parametrize("trans_b", [0, 1])
@pytest.mark.parametrize("bias", [None, (), (1,), (4,), (1, 4)])
def test_gemm_with_factors_and_bias_is_normalized(
    trans_b: int, bias: tuple[int, ...] | None
) -> None:
    shapes: dict[str, tuple[int, ...]] = {
        "x": (2, 3), "w": (4, 3) if trans_b else (3, 4), "y": (2, 4)}
    if bias is not None:
        shapes["b"] = bias
    graph = gemm("xw" if bias is None else "xwb", shapes, alpha=0.5, beta=-2.0, transB=trans_b)
    w = graph.tensors["w"].value
    b = graph.tensors["b"].value if bias is not None else None
    assert w is not None
    normalize_gemm(graph)
    weight, moved = parameters(graph)
    np.testing.assert_allclose(weight, 0.5 * (w if trans_b else w.T), rtol=1e-6)
    if b is None:
        assert moved is None
    else:
        assert moved is not None
        np.testing.assert_allclose(moved, -2 * np.broadcast_to(b.reshape(-1), (4,)), rtol=1e-6)
    assert graph.nodes[0].attrs == {}


@pytest.mark.parametrize(("inputs", "x", "w", "axis"), [
    ("xw", (2, 3), (3, 4), None), ("xw", (2, 5, 3), (3, 4), 2), ("wx", (2, 3, 5), (4, 3), 1),
    ("xw", (2, 5, 3), (1, 3, 4), 2), ("wx", (2, 3, 5), (1, 4, 3), 1),
])
def test_matmul_of_a_constant_is_normalized(
    inputs: str, x: tuple[int, ...], w: tuple[int, ...], axis: int | None
) -> None:
    graph = gemm(inputs, {"x": x, "w": w, "y": (2, 4)}, "MatMul")
    matrix = np.asarray(graph.tensors["w"].value).reshape(w[-2:])
    normalize_gemm(graph)
    weight, _ = parameters(graph)
    np.testing.assert_array_equal(weight, matrix if inputs == "wx" else matrix.T)
    assert graph.nodes[0].attrs == ({} if axis is None else {"axis": axis})


@pytest.mark.parametrize(("inputs", "shapes", "op", "constants", "attrs"), [
    ("xw", {"x": (2, 3), "w": (3, 4)}, "MatMul", "", {}),  # no constant factor
    ("wx", {"x": (3, 2), "w": (4, 3)}, "MatMul", "w", {}),  # images would be columns
    ("xw", {"x": (2, 5, 3), "w": (2, 3, 4)}, "MatMul", "w", {}),  # a matrix for each image
    ("xw", {"x": (2, 6, 5, 3), "w": (3, 4)}, "MatMul", "w", {}),
    ("xw", {"x": (2, 3), "w": (3,)}, "MatMul", "w", {}),
    ("xw", {"x": (3, 2), "w": (3, 4)}, "Gemm", "w", {"transA": 1}),
    ("xwb", {"x": (2, 3), "w": (3, 4), "b": (2, 4)}, "Gemm", "wb", {}),  # bias by image
    ("xwb", {"x": (2, 3), "w": (3, 4), "b": (4,)}, "Gemm", "w", {}),  # bias not constant
])
def test_other_forms_keep_their_source(
    inputs: str, shapes: dict[str, tuple[int, ...]], op: str, constants: str,
    attrs: dict[str, Any],
) -> None:
    graph = gemm(inputs, {**shapes, "y": (2, 4)}, op, constants, **attrs)
    normalize_gemm(graph)
    (node,) = graph.nodes
    assert (node.op, node.inputs, node.source) == (op, tuple(inputs), b"source")


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("axis", [1, 2])
def test_three_dimensional_layer_is_written_as_matmul(axis: int, bias: bool) -> None:
    x = RANDOM.normal(size=(2, 3, 5) if axis == 1 else (2, 5, 3)).astype(np.float32)
    w = RANDOM.normal(size=(4, 3)).astype(np.float32)
    b = RANDOM.normal(size=4).astype(np.float32)
    names = ("x", "w", "b") if bias else ("x", "w")
    node = Node("Gemm", "n", names, ("y",), {"axis": axis})
    graph = graph_of(node, shapes={"x": x.shape, "y": (2, 5, 4)}, constants={"w": w, "b": b})
    found = evaluate_protos(onnx_dense(node, graph, "y"), {"x": x}, "y")
    if axis == 2:
        expected = np.einsum("ntk,mk->ntm", x, w) + (b if bias else 0)
    else:
        expected = np.einsum("nkt,mk->nmt", x, w) + (b[:, None] if bias else 0)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)

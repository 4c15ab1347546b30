"""Dense layers in their normal form ``x @ weight.T + bias``, and the way back to ONNX.

    x [N, K]                   Gemm or MatMul                       no attr axis
    x [N, T, K]                MatMul(x, constant)                  axis 2
    x [N, K, T]                MatMul(constant, x)                  axis 1
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

from ...ir.graph import Graph, Node

__all__ = ["normalize_gemm", "onnx_dense"]


def normalize_gemm(graph: Graph) -> None:
    """Turn Gemm and MatMul with constant weights into their normal form."""
    for node in graph.nodes:
        if node.op not in ("Gemm", "MatMul") or node.source is None:
            continue
        left, right = (graph.value(name) for name in node.inputs[:2])
        weight, data = (right, node.inputs[0]) if left is None else (left, node.inputs[1])
        rank = len(graph.tensors[data].shape)
        if weight is None or node.attrs.get("transA", 0):
            continue
        if weight.ndim == 3 and rank == 3 and weight.shape[0] == 1:
            weight = weight[0]
        axis = {2: 0 if left is None else None, 3: 2 if left is None else 1}.get(rank)
        if weight.ndim != 2 or axis is None or (node.op == "Gemm" and rank != 2):
            continue
        transposed = axis != 1 and not node.attrs.get("transB", 0)
        rows = weight.T if transposed else weight
        rows = (rows * np.float32(node.attrs.get("alpha", 1.0))).astype(np.float32)
        inputs = [data, graph.constant(f"{node.name}.weight", np.ascontiguousarray(rows))]
        if len(node.inputs) > 2 and node.inputs[2]:
            bias = graph.value(node.inputs[2])
            if bias is None or not _per_feature(bias.shape, rows.shape[0]):
                continue
            bias = np.broadcast_to(bias.reshape(-1), rows.shape[:1])
            bias = (bias * np.float32(node.attrs.get("beta", 1.0))).astype(np.float32)
            inputs.append(graph.constant(f"{node.name}.bias", bias))
        node.op, node.inputs, node.source = "Gemm", tuple(inputs), None
        node.attrs = {"axis": axis} if axis else {}


def onnx_dense(node: Node, graph: Graph, target: str) -> list[onnx.NodeProto]:
    """Return ONNX nodes that compute a dense layer of three dimensions into ``target``."""
    weight, axis = graph.value(node.inputs[1]), node.attrs["axis"]
    assert weight is not None
    factor, product = f"{target}__weight", f"{target}__product"
    value = np.ascontiguousarray(weight.T) if axis == 2 else weight
    factors = [node.inputs[0], factor] if axis == 2 else [factor, node.inputs[0]]
    biased = len(node.inputs) > 2
    nodes = [
        helper.make_node("Constant", [], [factor], value=numpy_helper.from_array(value)),
        helper.make_node("MatMul", factors, [product if biased else target]),
    ]
    if biased:
        bias = np.asarray(graph.value(node.inputs[2]))
        column = bias if axis == 2 else bias.reshape(-1, 1)
        name = f"{target}__bias"
        nodes += [
            helper.make_node("Constant", [], [name], value=numpy_helper.from_array(column)),
            helper.make_node("Add", [product, name], [target]),
        ]
    return nodes


def _per_feature(shape: tuple[int, ...], features: int) -> bool:
    return shape in ((), (1,), (1, 1), (features,), (1, features))

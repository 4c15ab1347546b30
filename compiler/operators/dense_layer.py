"""Gemm: a dense layer with constant weights."""

from __future__ import annotations

from ..ir.graph import Node
from ..ir.layouts import needed_view
from .operator import Context, DocsRow, Operator, QdqRule

__all__ = ["GEMM"]


def _unsupported_reason(node: Node, context: Context) -> str:
    if node.source is not None:
        return "weights are not a constant matrix, or A is transposed"
    shape = context.graph.tensors[node.inputs[0]].shape
    if len(shape) > 2 and context.layouts[node.inputs[0]] != needed_view(node, shape):
        return "the axis it sums over is not where its input has its channels"
    return ""


GEMM = Operator(
    name="Gemm",
    form="inputs x [N, K], weight [M, K][, bias [M]]; attrs relu, maybe unflatten: the shape "
    "[C, H, W] of its M outputs; maybe axis (2: x is [N, T, K]; 1: x is [N, K, T])",
    reason="GEMM over feature blocks",
    docs=DocsRow(
        "Gemm; MatMul with a constant: [N, K], rows [N, T, K], columns [N, K, T]; a Reshape of "
        "its features into a map goes into it", "`out(x . w + b, s)`", "blocks + 1"),
    lower=None,
    quantize=lambda q, node, names: q.weighted(node, names),
    unsupported_reason=_unsupported_reason,
    qdq=QdqRule(lambda q, node: q.layer(node)),
    fallback_reasons={"MatMul": "neither factor is a constant matrix"},
)

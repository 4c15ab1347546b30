"""Gemm: a dense layer with constant weights."""

from __future__ import annotations

from ..ir.attributes import DenseAttributes
from ..ir.graph import Node
from ..ir.layouts import layout_of_shape
from ..ir.quantized_graph import QuantizedNode
from .operator import Context, DocsRow, Operator, any_qdq, removed_zero_point
from .quantization_rules import Names, QuantizerContext

__all__ = ["GEMM"]


def _channels_last(node: Node) -> bool:
    return node.attrs.get("axis") == 2


def _unsupported_reason(node: Node, context: Context) -> str:
    if node.source is not None:
        return "weights are not a constant matrix, or A is transposed"
    shape = context.graph.tensors[node.inputs[0]].shape
    if len(shape) > 2 and context.layouts[node.inputs[0]] != layout_of_shape(
        shape, _channels_last(node)
    ):
        return "the axis it sums over does not hold the channels of its input"
    return ""


def _quantize(q: QuantizerContext, node: Node, names: Names) -> QuantizedNode[DenseAttributes]:
    weight, scale, rule = q.weights(node)
    return QuantizedNode(node.op, node.name, names, node.outputs, DenseAttributes(
        weight, scale, node.attrs.get("axis"), node.attrs.get("unflatten")), rule)


GEMM = Operator(
    name="Gemm",
    attributes=DenseAttributes,
    form="inputs x [N, K], weight [M, K][, bias [M]]; attrs relu, maybe unflatten: the shape "
    "[C, H, W] of its M outputs; maybe axis (2: x is [N, T, K]; 1: x is [N, K, T])",
    reason="GEMM over feature blocks",
    docs=DocsRow(
        "Gemm; MatMul with a constant: [N, K], rows [N, T, K], columns [N, K, T]; a Reshape of "
        "its features into a map is included", "`out(x . w + b, s)`", "blocks + 1"),
    layer=None,
    quantize=_quantize,
    zero_point_use=removed_zero_point,
    unsupported_reason=_unsupported_reason,
    channels_last=_channels_last,
    qdq_reason=any_qdq,
    fallback_reasons={"MatMul": "neither factor is a constant matrix"},
)

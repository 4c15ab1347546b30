"""Conv: any groups, strides, dilations and padding, in two dimensions."""

from __future__ import annotations

from ..ir.graph import Node
from .operator import Context, DocsRow, Operator, QdqRule

__all__ = ["CONV", "convolution_reason"]


def convolution_reason(node: Node, context: Context) -> str:
    """Give the reason why the host runs a convolution, transposed or not; '' if it does not."""
    tensors = context.graph.tensors
    if any(name and not tensors[name].constant for name in node.inputs[1:]):
        return "weights or bias are not constant"
    if "kernel" not in node.attrs:
        return f"this form of {node.op} (not 2-D, or weights not constant)"
    if min(node.attrs["pads"]) < 0:
        return "negative padding"
    return ""


CONV = Operator(
    name="Conv",
    form="inputs x, weight[, bias]; attrs kernel, strides, pads (top, left, bottom, right), "
    "dilations (pairs y, x), group, relu",
    reason="GEMM over taps and channel blocks",
    docs=DocsRow(
        "also grouped; Pad with zeros ahead of it goes into its padding", "docs/compiler.md",
        "taps x blocks + 1"),
    lower=None,
    quantize=lambda q, node, names: q.weighted(node, names),
    unsupported_reason=convolution_reason,
    qdq=QdqRule(lambda q, node: q.layer(node)),
)

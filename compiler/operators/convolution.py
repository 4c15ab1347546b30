"""Conv: any groups, strides, dilations and padding, in two dimensions."""

from __future__ import annotations

from ..ir.attributes import ConvAttributes, SlidingWindow
from ..ir.graph import Node
from ..ir.quantized_graph import QuantizedNode
from .operator import Context, DocsRow, Operator, any_qdq, removed_zero_point
from .quantization_rules import Names, QuantizerContext

__all__ = ["CONV", "convolution_reason"]


def convolution_reason(node: Node, context: Context) -> str:
    """Return the reason why the host runs a convolution, transposed or not; else ''."""
    tensors = context.graph.tensors
    if any(name and not tensors[name].constant for name in node.inputs[1:]):
        return "weights or bias are not constant"
    if "kernel" not in node.attrs:
        return f"this form of {node.op} (not 2-D, or weights not constant)"
    if min(node.attrs["pads"]) < 0:
        return "negative padding"
    return ""


def _quantize(q: QuantizerContext, node: Node, names: Names) -> QuantizedNode[ConvAttributes]:
    """The input is padded with its zero point."""
    weight, scale, rule = q.weights(node)
    padding = q.scale(names[0]).zero_point if any(node.attrs["pads"]) else 0
    return QuantizedNode(node.op, node.name, names, node.outputs, ConvAttributes(
        weight, scale, SlidingWindow.of(node.attrs), node.attrs["group"], padding), rule)


CONV = Operator(
    name="Conv",
    attributes=ConvAttributes,
    form="inputs x, weight[, bias]; attrs kernel, strides, pads (top, left, bottom, right), "
    "dilations (pairs y, x), group, relu",
    reason="sums over taps and channel blocks",
    docs=DocsRow(
        "also grouped; a preceding Pad with zeros is included in its padding", "docs/compiler.md",
        "taps x blocks + 1; depthwise by DWC: windows + 1"),
    layer=None,
    quantize=_quantize,
    zero_point_use=removed_zero_point,
    unsupported_reason=convolution_reason,
    qdq_reason=any_qdq,
)

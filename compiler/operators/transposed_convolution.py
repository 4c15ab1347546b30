"""ConvTranspose: any groups, strides, dilations and padding, in two dimensions."""

from __future__ import annotations

from ..ir.attributes import SlidingWindow, TransposedAttributes
from ..ir.graph import Node
from ..ir.quantized_graph import QuantizedNode
from .convolution import convolution_reason
from .operator import DocsRow, Operator
from .quantization_rules import Names, QuantizerContext

__all__ = ["CONV_TRANSPOSE"]


def _quantize(q: QuantizerContext, node: Node, names: Names) -> QuantizedNode[TransposedAttributes]:
    weight, scale, rule = q.weights(node)
    return QuantizedNode(node.op, node.name, names, node.outputs, TransposedAttributes(
        weight, scale, SlidingWindow.of(node.attrs), node.attrs["group"],
        node.attrs["output_padding"]), rule)


CONV_TRANSPOSE = Operator(
    name="ConvTranspose",
    attributes=TransposedAttributes,
    form="as Conv, and attr output_padding (y, x); weight [M, C / group, KH, KW] too",
    reason="GEMM over the taps that meet an input, phase by phase",
    docs=DocsRow("also grouped", "docs/compiler.md", "taps x blocks / strides + 1"),
    layer=None,
    quantize=_quantize,
    unsupported_reason=convolution_reason,
)

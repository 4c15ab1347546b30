"""Relu: the maximum of x and 0; the scale stays."""

from __future__ import annotations

from dataclasses import replace

from ..ir.graph import Node
from ..ir.qdq_scales import TensorScale
from ..ir.quantized_graph import QuantizedNode
from ..lower.elementwise import lower_relu
from .operator import DocsRow, Operator, QdqRule
from .quantization_rules import QdqQuantizer, keep_scale
from .scaled_add import scaled_add

__all__ = ["RELU"]


def _qdq(q: QdqQuantizer, node: Node) -> list[QuantizedNode]:
    """Keep the scale if the model does and its zero point is 0; else change it in one sum."""
    source = q.scale(node.inputs[0])
    if q.output_like(node, source) == source == TensorScale(source.scale):
        return [QuantizedNode("Relu", node.name, node.inputs, node.outputs, node.attrs)]
    return [scaled_add(q, replace(node, attrs={"relu": 1}))]


RELU = Operator(
    name="Relu",
    form="one input",
    reason="ALU MAX with 0",
    docs=DocsRow("Relu; Clip, Max with the one bound 0", "`max(x, 0)`", "1 + 1"),
    lower=lower_relu,
    quantize=keep_scale(),
    qdq=QdqRule(_qdq),
    homogeneous=lambda node: True,
)

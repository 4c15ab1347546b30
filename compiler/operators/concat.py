"""Concat along the channels, scales aligned."""

from __future__ import annotations

from ..ir.graph import Node
from ..ir.quantized_graph import QuantizedNode
from ..lower.elementwise import lower_concat
from .constraints import layout_reason
from .operator import Context, DocsRow, Operator, QdqRule
from .quantization_rules import (
    Names,
    QdqQuantizer,
    Quantizer,
    aligned,
    channels_of,
    uniform_requant,
)

__all__ = ["CONCAT"]


def _unsupported_reason(node: Node, context: Context) -> str:
    if node.attrs.get("axis") != 1:
        return f"joins along axis {node.attrs.get('axis')}, not along the channels"
    if any(context.graph.tensors[name].constant for name in node.inputs):
        return "joins a constant"
    return layout_reason(node, context)


def _quantize(q: Quantizer, node: Node, names: Names) -> QuantizedNode:
    exponents = [q.exponents[name] for name in names]
    finest, shifts = aligned(exponents)
    rule = None
    if len(set(exponents)) == 1:
        q.exponents[node.outputs[0]] = finest
    else:
        rule = uniform_requant(node, channels_of(q, node), q.shift_to(node.outputs[0], finest))
    return QuantizedNode(
        node.op, node.name, names, node.outputs, node.attrs, requant=rule, shifts=shifts
    )


def _qdq(q: QdqQuantizer, node: Node) -> list[QuantizedNode]:
    before, names, _ = q.alike(node)
    return [*before, QuantizedNode(
        node.op, node.name, names, node.outputs, node.attrs, shifts=(0,) * len(names)
    )]


CONCAT = Operator(
    name="Concat",
    form="inputs joined along the channels; attr axis 1",
    reason="GEMM with matrices that choose channels, requantized where scales differ",
    docs=DocsRow(
        "along the channels, any numbers of them", "x, or `out(x << i, s)` where exponents differ",
        "blocks that meet + 1"),
    lower=lower_concat,
    quantize=_quantize,
    unsupported_reason=_unsupported_reason,
    qdq=QdqRule(_qdq),
)

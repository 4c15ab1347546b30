"""Concat along the channels, scales aligned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...isa.config import Config
from ..codegen.lowering_context import Activation
from ..ir.attributes import Attributes
from ..ir.graph import Node
from ..ir.quantized_graph import QuantizedNode
from ..lower.block_gemm import BlockGemm
from ..lower.channel_selection import ChannelRange, selection_terms
from ..lower.pointwise import block_gemm_layer
from ..lower.tiled_layer import TiledLayer
from .constraints import layout_reason
from .operator import Context, DocsRow, Operator, QdqRule
from .quantization_rules import (
    Names,
    QdqContext,
    QuantizerContext,
    aligned,
    channels_of,
    uniform_requant,
)

__all__ = ["CONCAT", "ConcatAttributes"]


@dataclass(frozen=True)
class ConcatAttributes(Attributes):
    """The left shift of each input, :data:`~..ir.attributes.DROPPED` for a zero."""

    shifts: tuple[int, ...]


def _unsupported_reason(node: Node, context: Context) -> str:
    if node.attrs.get("axis") != 1:
        return f"joins along axis {node.attrs.get('axis')}, not along the channels"
    if any(context.graph.tensors[name].constant for name in node.inputs):
        return "joins a constant"
    return layout_reason(node, context)


def _quantize(q: QuantizerContext, node: Node, names: Names) -> QuantizedNode[ConcatAttributes]:
    exponents = [q.exponents[name] for name in names]
    finest, shifts = aligned(exponents)
    rule = None
    if len(set(exponents)) == 1:
        q.exponents[node.outputs[0]] = finest
    else:
        rule = uniform_requant(node, channels_of(q, node), q.shift_to(node.outputs[0], finest))
    return QuantizedNode(
        node.op, node.name, names, node.outputs, ConcatAttributes(shifts), rule)


def _qdq(q: QdqContext, node: Node) -> list[QuantizedNode]:
    before, names, _ = q.alike(node)
    return [*before, QuantizedNode(
        node.op, node.name, names, node.outputs, ConcatAttributes((0,) * len(names)))]


def _layer(
    node: QuantizedNode[ConcatAttributes], activations: Mapping[str, Activation], config: Config
) -> TiledLayer:
    ranges, at = [], 0
    for index, (name, shift) in enumerate(zip(node.inputs, node.attrs.shifts, strict=True)):
        channels = activations[name].layout.channels
        ranges.append(ChannelRange(index, 0, at, channels, shift))
        at += channels
    terms = selection_terms(config, at, ranges)
    return block_gemm_layer(node, activations, config, BlockGemm(terms, node.requant))


CONCAT = Operator(
    name="Concat",
    attributes=ConcatAttributes,
    form="inputs concatenated along the channels; attr axis 1",
    reason="GEMM with matrices that choose channels, requantized where scales differ",
    docs=DocsRow(
        "along the channels, any numbers of them", "x, or `out(x << i, s)` where exponents differ",
        "blocks that meet + 1"),
    layer=_layer,
    quantize=_quantize,
    unsupported_reason=_unsupported_reason,
    qdq=QdqRule(_qdq),
)

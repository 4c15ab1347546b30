"""Slice: a range of channels; the scale stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...isa.config import Config
from ..codegen.lowering_context import Activation
from ..ir.attributes import Attributes
from ..ir.graph import Graph, Node
from ..ir.quantized_graph import QuantizedNode
from ..lower.block_gemm import BlockGemm
from ..lower.channel_selection import ChannelRange, selection_terms
from ..lower.pointwise import block_gemm_layer
from ..lower.tiled_layer import TiledLayer
from .constraints import layout_reason
from .operator import Context, DocsRow, Operator, any_qdq, kept_zero_point
from .quantization_rules import ToIntegers, keep_scale

__all__ = ["SLICE", "SliceAttributes"]


@dataclass(frozen=True)
class SliceAttributes(Attributes):
    """The channels kept, ``start .. stop``."""

    start: int
    stop: int


def _attributes(node: Node, graph: Graph, to_integers: ToIntegers) -> SliceAttributes:
    return SliceAttributes(node.attrs["start"], node.attrs["stop"])


def _unsupported_reason(node: Node, context: Context) -> str:
    if "start" not in node.attrs:
        return "does not slice whole channels, or rows and columns, with a step of 1"
    return layout_reason(node, context)


def _layer(
    node: QuantizedNode[SliceAttributes], activations: Mapping[str, Activation], config: Config
) -> TiledLayer:
    start, count = node.attrs.start, node.attrs.stop - node.attrs.start
    terms = selection_terms(config, count, [ChannelRange(0, start, 0, count)])
    return block_gemm_layer(node, activations, config, BlockGemm(terms))


SLICE = Operator(
    name="Slice",
    attributes=SliceAttributes,
    form="one input; attrs start, stop: channels kept",
    reason="GEMM with matrices that choose channels",
    docs=DocsRow("Slice and Split of channels", "x", "1 or 2"),
    layer=_layer,
    quantize=keep_scale(_attributes),
    zero_point_use=kept_zero_point,
    unsupported_reason=_unsupported_reason,
    qdq_reason=any_qdq,
    fallback_reasons={"Split": "does not split channels"},
)

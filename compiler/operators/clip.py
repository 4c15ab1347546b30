"""Clip: x within two constant bounds; the scale stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ...driver.stream.stream import StreamBuilder
from ...isa.config import Config
from ..codegen.lowering_context import Activation
from ..codegen.tile_ops import clamp_tiles
from ..ir.attributes import Attributes
from ..ir.graph import Graph, Node
from ..ir.quantized_graph import QuantizedNode
from ..lower.block_gemm import BlockGemm, identity_terms
from ..lower.conv.epilogue_ops import Field, clamp_field
from ..lower.conv.epilogue_rule import EpiloguePlaces, EpilogueRule
from ..lower.pointwise import block_gemm_layer
from ..lower.tiled_layer import TiledLayer
from .operator import Context, DocsRow, Operator, any_qdq, kept_zero_point
from .quantization_rules import ToIntegers, keep_scale

__all__ = ["CLIP", "ClipAttributes"]


@dataclass(frozen=True)
class ClipAttributes(Attributes):
    """Inclusive bounds of the integers."""

    keeps_layout: ClassVar[bool] = True
    low: int
    high: int


def _attributes(node: Node, graph: Graph, to_integers: ToIntegers) -> ClipAttributes:
    return ClipAttributes(*to_integers((node.attrs["low"], node.attrs["high"])))


def _unsupported_reason(node: Node, context: Context) -> str:
    return "" if "low" in node.attrs else "its bounds are not constant"


def _layer(
    node: QuantizedNode[ClipAttributes], activations: Mapping[str, Activation], config: Config
) -> TiledLayer:
    def post_op(builder: StreamBuilder, base: int, count: int, distance: int) -> None:
        clamp_tiles(builder, node.attrs.low, node.attrs.high, base, count)

    blocks = activations[node.inputs[0]].blocks
    terms = identity_terms(config, blocks, [(0, 0, 0)])
    return block_gemm_layer(node, activations, config, BlockGemm(terms, post_op=post_op))


def _epilogue(
    builder: StreamBuilder, node: QuantizedNode[ClipAttributes], places: EpiloguePlaces,
    field: Field,
) -> None:
    clamp_field(builder, node.attrs.low, node.attrs.high, field)


CLIP = Operator(
    name="Clip",
    attributes=ClipAttributes,
    form="one input; attrs low, high (floats, maybe infinite)",
    reason="ALU MAX and MIN with its bounds",
    docs=DocsRow(
        "Clip, Max, Min with constant bounds",
        "`min(max(x, low), high)`, bounds rounded to x's scale", "1 + 1 per bound"),
    layer=_layer,
    epilogue=EpilogueRule(lambda node, config: 2, _epilogue),
    quantize=keep_scale(_attributes),
    zero_point_use=kept_zero_point,
    unsupported_reason=_unsupported_reason,
    qdq_reason=any_qdq,
)

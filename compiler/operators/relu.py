"""Relu: the maximum of x and 0; the scale stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from ...driver.stream.stream import StreamBuilder
from ...isa.config import Config
from ...isa.opcodes import AluOpcode
from ..codegen.lowering_context import Activation
from ..codegen.tile_ops import every_tile
from ..ir.attributes import Attributes
from ..ir.fixed_point import limits
from ..ir.graph import Node
from ..ir.qdq_scales import TensorScale
from ..ir.quantized_graph import QuantizedNode
from ..lower.block_gemm import BlockGemm, identity_terms
from ..lower.conv.epilogue_ops import Field, clamp_field
from ..lower.conv.epilogue_rule import EpiloguePlaces, EpilogueRule
from ..lower.pointwise import block_gemm_layer
from ..lower.tiled_layer import TiledLayer
from .operator import DocsRow, Operator, any_qdq
from .quantization_rules import Names, QuantizerContext
from .scaled_add import scaled_add

__all__ = ["RELU", "ReluAttributes"]


@dataclass(frozen=True)
class ReluAttributes(Attributes):
    """Relu has no attributes."""

    keeps_layout: ClassVar[bool] = True


def _quantize(q: QuantizerContext, node: Node, names: Names) -> QuantizedNode:
    """Keep the scale if the model does and its zero point is 0; else convert it by a ScaledAdd."""
    source = q.scale(names[0])
    if q.propose(node, source) == source == TensorScale(source.scale):
        return QuantizedNode("Relu", node.name, names, node.outputs, ReluAttributes())
    return scaled_add(q, replace(node, attrs={"relu": 1}))


def _layer(
    node: QuantizedNode[ReluAttributes], activations: Mapping[str, Activation], config: Config
) -> TiledLayer:
    def post_op(builder: StreamBuilder, base: int, count: int, distance: int) -> None:
        every_tile(builder, AluOpcode.MAX, 0, base, count)

    blocks = activations[node.inputs[0]].blocks
    terms = identity_terms(config, blocks, [(0, 0, 0)])
    return block_gemm_layer(node, activations, config, BlockGemm(terms, post_op=post_op))


def _epilogue(
    builder: StreamBuilder, node: QuantizedNode[ReluAttributes], places: EpiloguePlaces,
    field: Field,
) -> None:
    clamp_field(builder, 0, limits(builder.config.inp_width)[1], field)


RELU = Operator(
    name="Relu",
    attributes=ReluAttributes,
    form="one input",
    reason="ALU MAX with 0",
    docs=DocsRow("Relu; Clip, Max with the one bound 0", "`max(x, 0)`", "1 + 1"),
    layer=_layer,
    epilogue=EpilogueRule(lambda node, config: 1, _epilogue),
    quantize=_quantize,
    qdq_reason=any_qdq,
    homogeneous=lambda node: True,
)

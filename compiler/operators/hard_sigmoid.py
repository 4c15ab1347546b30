"""HardSigmoid: ``min(max(alpha * x + beta, 0), 1)``, a factor, then requantized within bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil, floor, ldexp, log2
from typing import ClassVar

import numpy as np

from ...driver.stream.stream import StreamBuilder
from ...isa.config import Config
from ..codegen.loop_nest import Loop
from ..codegen.lowering_context import Activation
from ..codegen.tile_ops import multiply_tiles
from ..ir.attributes import Attributes
from ..ir.graph import Node
from ..ir.quantized_graph import QuantizedNode
from ..lower.block_gemm import BlockGemm, identity_terms
from ..lower.pointwise import block_gemm_layer
from ..lower.tiled_layer import TiledLayer
from .operator import Context, DocsRow, Operator
from .quantization_rules import Names, QuantizerContext, integer_bounds

__all__ = ["HARD_SIGMOID", "HardSigmoidAttributes", "hard_sigmoid_attributes"]

_MAX_BETA = 16
_FACTOR_BITS = 14  # of a factor that fits an immediate
_MAX_FACTOR = (1 << 15) - 1
_BETA_BITS = 25  # fraction bits of sums: 16 then fits 29 bits


@dataclass(frozen=True)
class HardSigmoidAttributes(Attributes):
    """``x * factor + offset`` is alpha * x + beta in units of ``unit``."""

    keeps_layout: ClassVar[bool] = True
    factor: int
    offset: int
    unit: float


def hard_sigmoid_attributes(
    alpha: float, beta: float, scale: float, width: int
) -> HardSigmoidAttributes:
    """Return the integers for an input of a scale.

    Sums are no coarser than an output.  A slope too steep for the factor then passes both bends
    within one step of x, and so does the largest factor.
    """
    wanted = _FACTOR_BITS - ceil(log2(abs(alpha))) if alpha else 0
    bits = min(max(wanted, ceil(log2(scale)) + width), floor(log2(scale)) + _BETA_BITS)
    factor = min(max(round(alpha * 2.0**bits), -_MAX_FACTOR), _MAX_FACTOR)
    unit = ldexp(scale, -bits)
    return HardSigmoidAttributes(factor, round(beta / unit), unit)


def _alpha_beta(node: Node) -> tuple[float, float]:
    """Return the parameters of a node, by default those of ONNX."""
    return float(node.attrs.get("alpha", np.float32(0.2))), float(node.attrs.get("beta", 0.5))


def _unsupported_reason(node: Node, context: Context) -> str:
    _, beta = _alpha_beta(node)
    if not abs(beta) <= _MAX_BETA:
        return f"its beta {beta:g} is not within -{_MAX_BETA} .. {_MAX_BETA}"
    return ""


def _quantize(
    q: QuantizerContext, node: Node, names: Names
) -> QuantizedNode[HardSigmoidAttributes]:
    attributes = hard_sigmoid_attributes(
        *_alpha_beta(node), q.scale(names[0]).scale, q.inp_width)
    rule = q.requantize(node, attributes.unit, attributes.offset)
    bounds = integer_bounds((0, 1), q.scale(node.outputs[0]), q.inp_width)
    return QuantizedNode(
        node.op, node.name, names, node.outputs, attributes, replace(rule, clip=bounds))


def _layer(
    node: QuantizedNode[HardSigmoidAttributes], activations: Mapping[str, Activation],
    config: Config,
) -> TiledLayer:
    negative = node.attrs.factor < 0 and not config.extended  # then the identity has the sign
    factor = -node.attrs.factor if negative else node.attrs.factor

    def post_op(builder: StreamBuilder, base: int, count: int, distance: int) -> None:
        multiply_tiles(builder, factor, base, base + distance, [Loop(count, 1, 1)])

    blocks = activations[node.inputs[0]].blocks
    terms = identity_terms(config, blocks, [(0, 0, 0)])
    if negative:
        terms = [[replace(term, tile=-term.tile) for term in block] for block in terms]
    block_gemm = BlockGemm(terms, node.rule, post_op, accumulators=1 if config.extended else 2)
    return block_gemm_layer(node, activations, config, block_gemm)


HARD_SIGMOID = Operator(
    name="HardSigmoid",
    attributes=HardSigmoidAttributes,
    form="one input; attrs alpha, beta",
    reason="GEMM with the identity, ALU MUL, requantized, ALU MAX and MIN with 0 and 1",
    docs=DocsRow(
        f"beta within -{_MAX_BETA} .. {_MAX_BETA}",
        "`min(max(out(x * a + b, s), 0), 1)`, bounds in the output's scale", "3 + 1 per bound"),
    layer=_layer,
    quantize=_quantize,
    unsupported_reason=_unsupported_reason,
)

"""Affine: a factor and an offset for each channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...isa.config import Config
from ..codegen.lowering_context import Activation
from ..ir.attributes import Attributes
from ..ir.fixed_point import limits, round_half_up
from ..ir.graph import Node
from ..ir.quantized_graph import QuantizedNode
from ..lower.block_gemm import BlockGemm, Term
from ..lower.pointwise import block_gemm_layer
from ..lower.tiled_layer import TiledLayer
from .constraints import layout_reason
from .operator import Context, DocsRow, Operator, removed_zero_point
from .quantization_rules import Names, QuantizerContext

__all__ = ["AFFINE", "AffineAttributes"]

_MAX_SHIFT = 31
_NEARLY_ZERO = 2.0**-60
_HEADROOM = 29  # bits of a product, and of an offset: their sum with a rounding constant fits 32


@dataclass(frozen=True, eq=False)
class AffineAttributes(Attributes):
    """The factor of each channel, int8 [C]; the offset is the requantization's bias."""

    keeps_layout: ClassVar[bool] = True
    factors: np.ndarray


def _unsupported_reason(node: Node, context: Context) -> str:
    values = [context.graph.value(name) for name in node.inputs[1:]]
    if all(value is not None and (value == value.flat[0]).all() for value in values):
        return ""
    return layout_reason(node, context)


def _quantize(q: QuantizerContext, node: Node, names: Names) -> QuantizedNode[AffineAttributes]:
    scale, offset = (
        np.asarray(q.graph.value(name), np.float64).reshape(-1) for name in node.inputs[1:]
    )
    source, wanted = q.scale(names[0]), q.wanted(node).scale
    high = limits(q.wgt_width)[1]
    coarse = np.ldexp(q.coarser(_positive(offset)), -_HEADROOM)  # offsets fit the accumulator
    fine = q.coarser(_positive(scale) / high) * source.scale
    units = np.maximum(np.where(scale == 0, coarse, fine), coarse)
    units = np.maximum(units, np.ldexp(max(wanted, units.max()), -_MAX_SHIFT))
    factors = round_half_up(scale * source.scale / units)
    bias = round_half_up(offset / units) - source.zero_point * factors
    return QuantizedNode(
        node.op, node.name, names, node.outputs, AffineAttributes(factors.astype(np.int8)),
        q.requantize(node, units, bias.astype(np.int64)))


def _positive(values: np.ndarray) -> np.ndarray:
    """Return magnitudes, small ones instead of zeros."""
    return np.maximum(np.abs(values), _NEARLY_ZERO)


def _layer(
    node: QuantizedNode[AffineAttributes], activations: Mapping[str, Activation], config: Config
) -> TiledLayer:
    source, block, values = activations[node.inputs[0]], config.block_in, node.attrs.factors
    factors = np.zeros(source.blocks * block, np.int64)
    same = bool((values == values[0]).all())  # then for padding lanes too
    factors[: source.layout.channels] = values[0] if same else values
    diagonals = [np.diag(factors[b * block : (b + 1) * block]) for b in range(source.blocks)]
    blocks = [[Term(0, index, tile)] for index, tile in enumerate(diagonals)]
    return block_gemm_layer(node, activations, config, BlockGemm(blocks, node.rule))


AFFINE = Operator(
    name="Affine",
    attributes=AffineAttributes,
    form="inputs x, scale, offset, the last two [C, 1 ...] constants; attr relu",
    reason="GEMM with diagonal matrices, requantized per channel",
    docs=DocsRow(
        "Mul, Add, Sub, Div, Neg, BatchNormalization with one constant per channel, if not folded "
        "into the preceding layer",
        "`out(x * w[c] + b[c], s[c])`: a factor of the weights' width, an exponent for each "
        "channel", "2"),
    layer=_layer,
    quantize=_quantize,
    zero_point_use=removed_zero_point,
    unsupported_reason=_unsupported_reason,
    fallback_reasons={
        "Mul": "multiplies with values that are not one constant per channel",
        "Div": "divides by values that are not one constant per channel",
        "BatchNormalization": "its statistics are not constants, or not positive",
    },
)

"""LeakyRelu with a slope of 2^-k: the maximum of ``x << k`` and x, requantized."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ...driver.stream.stream import StreamBuilder
from ...isa.config import Config
from ...isa.opcodes import AluOpcode
from ..codegen.loop_nest import Loop, nest
from ..codegen.lowering_context import Activation
from ..codegen.tile_ops import every_tile, requantize_tiles, reset_tiles
from ..ir.attributes import Attributes
from ..ir.fixed_point import limits
from ..ir.graph import Node
from ..ir.quantized_graph import QuantizedNode
from ..lower.block_gemm import BlockGemm, identity_terms
from ..lower.conv.epilogue_ops import Field
from ..lower.conv.epilogue_rule import EpiloguePlaces, EpilogueRule
from ..lower.pointwise import block_gemm_layer
from ..lower.tiled_layer import TiledLayer
from ..schedule.conv_problem import requantize_steps
from .operator import Context, DocsRow, Operator
from .quantization_rules import Names, QuantizerContext

__all__ = ["LEAKY_RELU", "LeakyReluAttributes", "power_of_two_slope"]

_MAX_SLOPE = 16  # with larger ones products exceed the accumulator


@dataclass(frozen=True)
class LeakyReluAttributes(Attributes):
    """Negative values are divided by ``2^slope``."""

    keeps_layout: ClassVar[bool] = True
    slope: int


def power_of_two_slope(alpha: float) -> int | None:
    """Return k where ``alpha`` is 2^-k, 0 <= k <= 16, else None."""
    mantissa, exponent = math.frexp(alpha)
    return 1 - exponent if mantissa == 0.5 and 0 <= 1 - exponent <= _MAX_SLOPE else None


def _unsupported_reason(node: Node, context: Context) -> str:
    if power_of_two_slope(node.attrs["alpha"]) is None:
        return f"its slope {node.attrs['alpha']:g} is not 2^-k with k in 0..{_MAX_SLOPE}"
    return ""


def _quantize(
    q: QuantizerContext, node: Node, names: Names
) -> QuantizedNode[LeakyReluAttributes]:
    slope = power_of_two_slope(node.attrs["alpha"])
    assert slope is not None, "placement sends other slopes to the host"
    rule = q.requantize(node, math.ldexp(q.scale(names[0]).scale, -slope))
    return QuantizedNode(
        node.op, node.name, names, node.outputs, LeakyReluAttributes(slope), rule)


def _layer(
    node: QuantizedNode[LeakyReluAttributes], activations: Mapping[str, Activation], config: Config
) -> TiledLayer:
    def post_op(builder: StreamBuilder, base: int, count: int, distance: int) -> None:
        nest((base, base + distance, 0), [Loop(count, 1, 1)]).alu(builder, AluOpcode.MAX)

    blocks = activations[node.inputs[0]].blocks
    terms = identity_terms(config, blocks, [(0, node.attrs.slope, 0), (0, 0, 1)])
    block_gemm = BlockGemm(terms, node.rule, post_op, accumulators=2)
    return block_gemm_layer(node, activations, config, block_gemm)


def _epilogue(
    builder: StreamBuilder, node: QuantizedNode[LeakyReluAttributes], places: EpiloguePlaces,
    field: Field,
) -> None:
    """Emit the maximum of two lines; as many scratch tiles hold a copy."""
    rule, config, scratch = node.rule, builder.config, places.scratch
    blocks = Loop(field.blocks, field.run, field.apart)
    copy = nest((scratch, field.base, 0), [blocks, Loop(field.run, 1, 1)])
    back = nest((field.base, scratch, 0), [
        Loop(field.blocks, field.apart, field.run), Loop(field.run, 1, 1)])
    reset_tiles(builder, scratch, [Loop(field.tiles, 1)])
    copy.alu(builder, AluOpcode.ADD)
    if _positive_values_stay(node, config.out_width):
        requantize_tiles(builder, rule, scratch, 1, field.tiles, places.table, 0)
        back.alu(builder, AluOpcode.MAX)
        return
    if node.attrs.slope:
        every_tile(builder, AluOpcode.SHR, -node.attrs.slope, field.base, field.run,
                   field.blocks, field.apart)
    back.alu(builder, AluOpcode.MAX)
    requantize_tiles(
        builder, rule, field.base, field.blocks, field.run, places.table, 0, field.apart)


def _positive_values_stay(node: QuantizedNode[LeakyReluAttributes], width: int) -> bool:
    """Return whether positive values stay as they are: the maximum may come after rounding."""
    rule = node.rule
    return (
        rule.multiplier is None and rule.table is None and rule.zero_point == 0
        and not rule.bias.any() and rule.uniform_shift == node.attrs.slope
        and rule.bounds(width) == limits(width)
    )


def _steps(node: QuantizedNode[LeakyReluAttributes], config: Config) -> int:
    return 3 + requantize_steps(config) + (not _positive_values_stay(node, config.out_width))


LEAKY_RELU = Operator(
    name="LeakyRelu",
    attributes=LeakyReluAttributes,
    form="one input; attr alpha",
    reason="GEMM with two scaled identities, ALU MAX, requantized",
    docs=DocsRow("slope 2^-k, 0 <= k <= 16", "`out(max(x << k, x), s + k)`", "4"),
    layer=_layer,
    epilogue=EpilogueRule(_steps, _epilogue, scratch_tiles=lambda node, config: 1),
    quantize=_quantize,
    unsupported_reason=_unsupported_reason,
    homogeneous=lambda node: True,
)

"""HardSwish: ``x * min(max(x + 3, 0), 6) / 6``, a product of two tiles times a factor for 1/6."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import frexp, ldexp, log2
from typing import ClassVar

from ...driver.stream.stream import StreamBuilder
from ...isa.config import Config
from ...isa.opcodes import AluOpcode
from ..codegen.loop_nest import Loop, nest
from ..codegen.lowering_context import Activation
from ..codegen.tile_ops import every_tile
from ..ir.attributes import Attributes
from ..ir.graph import Node
from ..ir.quantized_graph import QuantizedNode
from ..lower.block_gemm import BlockGemm, identity_terms
from ..lower.pointwise import block_gemm_layer
from ..lower.tiled_layer import TiledLayer
from .operator import Context, DocsRow, Operator
from .quantization_rules import Names, QuantizerContext

__all__ = ["HARD_SWISH", "HardSwishAttributes", "hard_swish_attributes"]

_FINEST, _COARSEST = -12, 2  # exponents of the gate: 6 fits an immediate; one step is more than 3
_GATE_BITS = 9  # of 3, at least, where it is rounded
_FACTOR_BITS = 17  # of a factor for 1/6 that fits an immediate
_SUM_BITS = 30  # of all products


@dataclass(frozen=True)
class HardSwishAttributes(Attributes):
    """``x * min(max((x << shift) + three, 0), 2 * three) * factor``, in units of ``unit``.

    A negative ``shift`` is a right shift.
    """

    keeps_layout: ClassVar[bool] = True
    shift: int
    three: int
    factor: int
    unit: float


def hard_swish_attributes(scale: float, width: int) -> HardSwishAttributes:
    """Return the integers for an input of a scale.

    For finer scales than the gate's finest, x is negligible against 3; for coarser ones than its
    coarsest, every x but 0 is past the bends.  The gate is finer where 3 is no multiple of a step.
    """
    mantissa, power = frexp(scale)
    mantissa, exponent = 2 * mantissa, power - 1
    gate = min(max(exponent, _FINEST), _COARSEST)
    shift = max(gate, 0) if exponent >= _FINEST else exponent - _FINEST
    real = ldexp(3 / mantissa, max(-gate, 0))
    if not real.is_integer():
        extra = max(0, _GATE_BITS - int(log2(real)))
        shift, real = shift + extra, ldexp(real, extra)
    three = round(real)
    peak = 1 << (width - 1)
    largest = peak * min(2 * three, three + (peak << max(shift, 0)))
    bits = min(_FACTOR_BITS, int(_SUM_BITS + log2(6) - log2(largest)))
    factor = round((1 << bits) / 6)
    unit = scale * 3 / real / (1 << bits)
    return HardSwishAttributes(shift, three, factor, unit)


def _unsupported_reason(node: Node, context: Context) -> str:
    if not context.config.extended:
        return ("it is a product of two tiles, and not every implementation of the base ISA has "
                "ALU MUL")
    return ""


def _quantize(q: QuantizerContext, node: Node, names: Names) -> QuantizedNode[HardSwishAttributes]:
    attributes = hard_swish_attributes(q.scale(names[0]).scale, q.inp_width)
    return QuantizedNode(
        node.op, node.name, names, node.outputs, attributes, q.requantize(node, attributes.unit))


def _layer(
    node: QuantizedNode[HardSwishAttributes], activations: Mapping[str, Activation], config: Config
) -> TiledLayer:
    shift, three, factor = node.attrs.shift, node.attrs.three, node.attrs.factor

    def post_op(builder: StreamBuilder, base: int, count: int, distance: int) -> None:
        gate = base + distance
        if shift < 0:
            every_tile(builder, AluOpcode.SHR, -shift, gate, count)
        every_tile(builder, AluOpcode.ADD, three, gate, count)
        every_tile(builder, AluOpcode.MAX, 0, gate, count)
        every_tile(builder, AluOpcode.MIN, 2 * three, gate, count)
        nest((base, gate, 0), [Loop(count, 1, 1)]).alu(builder, AluOpcode.MUL)
        every_tile(builder, AluOpcode.MUL, factor, base, count)

    blocks = activations[node.inputs[0]].blocks
    terms = identity_terms(config, blocks, [(0, 0, 0), (0, max(shift, 0), 1)])
    block_gemm = BlockGemm(terms, node.rule, post_op, accumulators=2)
    return block_gemm_layer(node, activations, config, block_gemm)


HARD_SWISH = Operator(
    name="HardSwish",
    attributes=HardSwishAttributes,
    form="one input",
    reason="GEMM with two scaled identities, ALU ADD, MAX, MIN and MUL, requantized",
    docs=DocsRow(
        "any shape", "`out(x * min(max((x << k) + t, 0), 2t) * f, s)`, t = 3 in x's scale, "
        "f = 1/6", "8"),
    layer=_layer,
    quantize=_quantize,
    unsupported_reason=_unsupported_reason,
)

"""Tanh as a sum of clipped lines (:mod:`~..ir.piecewise_linear`)."""

from __future__ import annotations

from ..ir.graph import Node
from ..ir.piecewise_linear import PIECES, tanh_lines
from ..ir.quantized_graph import QuantizedNode
from ..lower.elementwise import lower_tanh
from .operator import DocsRow, Operator
from .quantization_rules import Names, Quantizer, channels_of

__all__ = ["TANH"]


def _quantize(q: Quantizer, node: Node, names: Names) -> QuantizedNode:
    lines = tanh_lines(q.exponents[names[0]], q.inp_width)
    q.exponents[node.outputs[0]] = 1 - q.inp_width  # -1 .. 1 whatever calibration has met
    return QuantizedNode(
        node.op, node.name, names, node.outputs, {"lines": lines},
        requant=lines.requant(channels_of(q, node)),
    )


TANH = Operator(
    name="Tanh",
    form="one input",
    reason=f"GEMM with the identity, ALU MIN, MAX and ADD of {PIECES} lines, requantized",
    docs=DocsRow(
        "any shape",
        f"`out(sum over {PIECES} bounds of clip(x << k, -b, b), s)`; "
        "the output exponent is 1 - width", "50"),
    lower=lower_tanh,
    quantize=_quantize,
)

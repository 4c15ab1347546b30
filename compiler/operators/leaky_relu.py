"""LeakyRelu with a slope of 2^-k: the maximum of ``x << k`` and x, requantized."""

from __future__ import annotations

import math

from ..ir.graph import Node
from ..ir.quantized_graph import QuantizedNode
from ..lower.elementwise import lower_leaky
from .operator import Context, DocsRow, Operator
from .quantization_rules import Names, Quantizer, channels_of, uniform_requant

__all__ = ["LEAKY_RELU", "power_of_two_slope"]

_MAX_SLOPE = 16  # more than that and its products leave the accumulator


def power_of_two_slope(alpha: float) -> int | None:
    """Return k where ``alpha`` is 2^-k, 0 <= k <= 16, else None."""
    mantissa, exponent = math.frexp(alpha)
    return 1 - exponent if mantissa == 0.5 and 0 <= 1 - exponent <= _MAX_SLOPE else None


def _unsupported_reason(node: Node, context: Context) -> str:
    if power_of_two_slope(node.attrs["alpha"]) is None:
        return f"its slope {node.attrs['alpha']:g} is not 2^-k with k in 0..{_MAX_SLOPE}"
    return ""


def _quantize(q: Quantizer, node: Node, names: Names) -> QuantizedNode:
    slope = power_of_two_slope(node.attrs["alpha"])
    assert slope is not None, "placement sends other slopes to the host"
    shift = q.shift_to(node.outputs[0], q.exponents[names[0]] - slope)
    return QuantizedNode(
        node.op, node.name, names, node.outputs, {"slope": slope},
        requant=uniform_requant(node, channels_of(q, node), shift),
    )


LEAKY_RELU = Operator(
    name="LeakyRelu",
    form="one input; attr alpha",
    reason="GEMM with two scaled identities, ALU MAX, requantized",
    docs=DocsRow("slope 2^-k, 0 <= k <= 16", "`out(max(x << k, x), s + k)`", "4"),
    lower=lower_leaky,
    quantize=_quantize,
    unsupported_reason=_unsupported_reason,
    homogeneous=lambda node: True,
)

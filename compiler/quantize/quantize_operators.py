"""Quantize operators that are not convolutions: exponents, shifts and factors as integers.

Where an operator computes nothing (Relu, Clip, MaxPool, Slice, Pad, Resize, views) the output keeps
the input's exponent.  Everything else has an accumulator whose exponent is known, and a shift to
the exponent that calibration gives the output.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Protocol

import numpy as np

from ..ir.fixed_point import Requant, limits, quantize, round_half_up
from ..ir.graph import Graph, Node
from ..ir.piecewise_linear import tanh_lines
from ..ir.pooling_window import taps_of
from ..ir.quantized_graph import DROPPED, QuantizedNode
from ..partition.op_constraints import power_of_two_slope

__all__ = ["OPERATORS", "Quantizer", "integer_bounds", "mean_factors"]

_FARTHEST = 20  # left shifts of an 8-bit operand that leave room to add another
_LEAST_BITS = 14  # of a factor: it fits the ALU's 16-bit immediate
_MOST_BITS = 23  # of the factor and the number of values it is multiplied with, together
_HEADROOM = 29  # bits of a product and of an offset, each: their sum and a rounding constant fit


class Quantizer(Protocol):
    """What the rules need of the quantizer they work for."""

    graph: Graph
    exponents: dict[str, int]
    inp_width: int
    wgt_width: int

    def calibrated(self, name: str) -> int: ...
    def fitting(self, values: np.ndarray) -> int: ...
    def shift_to(self, name: str, accumulator: int) -> int: ...


Names = tuple[str, ...]
Rule = Callable[[Quantizer, Node, Names], QuantizedNode]
"""``rule(quantizer, node, its activations)`` also notes the exponent of the output."""


def integer_bounds(bounds: Sequence[float], exponent: int, width: int) -> tuple[int, int]:
    """Return bounds of real values as integers of a scale; infinite ones are the width's."""
    low, high = quantize(np.asarray(bounds, np.float64), exponent, width).tolist()
    return low, high


def _uniform(node: Node, channels: int, shift: int) -> Requant:
    """Return a plain shift, the same for every channel."""
    return Requant(
        np.zeros(channels, np.int32), np.full(channels, shift, np.int32),
        relu=bool(node.attrs.get("relu")),
    )


def _channels(q: Quantizer, node: Node) -> int:
    return q.graph.tensors[node.outputs[0]].shape[1]


def _tied(q: Quantizer, node: Node, names: Names) -> QuantizedNode:
    exponent = q.exponents[node.outputs[0]] = q.exponents[names[0]]
    attrs = dict(node.attrs)
    if node.op == "Clip":
        low, high = integer_bounds((attrs["low"], attrs["high"]), exponent, q.inp_width)
        attrs |= {"low": low, "high": high}
    elif node.op == "Pad":
        attrs["fill"] = int(quantize(np.array(attrs["fill"]), exponent, q.inp_width))
    elif node.op == "View":
        attrs["shape"] = q.graph.tensors[node.outputs[0]].shape[1:]
    return QuantizedNode(node.op, node.name, names, node.outputs, attrs)


def _aligned(exponents: Sequence[int]) -> tuple[int, tuple[int, ...]]:
    """Return the exponent to align operands to, the finest that matters, and their shifts."""
    finest = max(min(exponents), max(exponents) - _FARTHEST)
    return finest, tuple(e - finest if e >= finest else DROPPED for e in exponents)


def _add(q: Quantizer, node: Node, names: Names) -> QuantizedNode:
    exponents = [q.exponents[name] for name in names]
    constant = None
    if len(names) < len(node.inputs):
        value = np.asarray(q.graph.value(node.inputs[1]), np.float64)
        exponents.append(max(q.fitting(value), exponents[0] - q.inp_width))
        constant = quantize(value, exponents[1], q.inp_width).astype(np.int8)
    finest, shifts = _aligned(exponents)
    rule = _uniform(node, _channels(q, node), q.shift_to(node.outputs[0], finest))
    return QuantizedNode(
        node.op, node.name, names, node.outputs, node.attrs, requant=rule, shifts=shifts,
        constant=constant,
    )


def _concat(q: Quantizer, node: Node, names: Names) -> QuantizedNode:
    exponents = [q.exponents[name] for name in names]
    finest, shifts = _aligned(exponents)
    rule = None
    if len(set(exponents)) == 1:
        q.exponents[node.outputs[0]] = finest
    else:
        rule = _uniform(node, _channels(q, node), q.shift_to(node.outputs[0], finest))
    return QuantizedNode(
        node.op, node.name, names, node.outputs, node.attrs, requant=rule, shifts=shifts
    )


def _affine(q: Quantizer, node: Node, names: Names) -> QuantizedNode:
    scale, offset = (
        np.asarray(q.graph.value(name), np.float64).reshape(-1) for name in node.inputs[1:]
    )
    source, target = q.exponents[names[0]], q.calibrated(node.outputs[0])
    high = limits(q.wgt_width)[1]
    least = _ceil_log2(np.abs(offset)) - _HEADROOM - source  # offsets fit the accumulator
    fine = np.where(scale == 0, least, _ceil_log2(np.abs(scale) / high))
    exponents = np.maximum(fine, least)
    target = max(target, source + int(exponents.max()))
    exponents = np.maximum(exponents, target - source - 31).astype(np.int64)
    factors = round_half_up(np.ldexp(scale, -exponents))
    bias = round_half_up(np.ldexp(offset, -(source + exponents)))
    q.exponents[node.outputs[0]] = target
    rule = Requant(
        bias.astype(np.int32), (target - source - exponents).astype(np.int32),
        relu=bool(node.attrs.get("relu")),
    )
    return QuantizedNode(
        node.op, node.name, names, node.outputs, node.attrs, requant=rule,
        constant=factors.astype(np.int8),
    )


def _ceil_log2(values: np.ndarray) -> np.ndarray:
    """Return the least n with ``value <= 2^n`` (for zero: a small one)."""
    return np.ceil(np.log2(np.maximum(values, 2.0**-60)))


def _leaky(q: Quantizer, node: Node, names: Names) -> QuantizedNode:
    slope = power_of_two_slope(node.attrs["alpha"])
    assert slope is not None, "placement sends other slopes to the host"
    shift = q.shift_to(node.outputs[0], q.exponents[names[0]] - slope)
    return QuantizedNode(
        node.op, node.name, names, node.outputs, {"slope": slope},
        requant=_uniform(node, _channels(q, node), shift),
    )


def _tanh(q: Quantizer, node: Node, names: Names) -> QuantizedNode:
    lines = tanh_lines(q.exponents[names[0]], q.inp_width)
    q.exponents[node.outputs[0]] = 1 - q.inp_width  # -1 .. 1 whatever calibration has met
    return QuantizedNode(
        node.op, node.name, names, node.outputs, {"lines": lines},
        requant=lines.requant(_channels(q, node)),
    )


def mean_factors(counts: np.ndarray) -> tuple[np.ndarray, int]:
    """Return factors and a shift with ``sum * factor / 2^shift`` the mean of ``counts`` values.

    Where all counts are the same power of two the factor is 1; else factors have up to 15 bits, and
    no product of a sum of 8-bit values leaves 31.
    """
    least = int(counts.min())
    below = least.bit_length() - 1
    if least == 1 << below and (counts == least).all():
        return np.ones_like(counts), below
    bits = min(_LEAST_BITS + below, _MOST_BITS)
    return ((1 << bits) + counts // 2) // counts, bits


def _global_average(q: Quantizer, node: Node, names: Names) -> QuantizedNode:
    shape = q.graph.tensors[names[0]].shape
    factors, bits = mean_factors(np.array(prod(shape[2:])))
    shift = q.shift_to(node.outputs[0], q.exponents[names[0]] - bits)
    rank = len(q.graph.tensors[node.outputs[0]].shape)
    return QuantizedNode(
        node.op, node.name, names, node.outputs, {"factor": int(factors), "rank": rank},
        requant=_uniform(node, shape[1], shift),
    )


def _average_pool(q: Quantizer, node: Node, names: Names) -> QuantizedNode:
    size = q.graph.tensors[names[0]].shape[2:]
    out = q.graph.tensors[node.outputs[0]].shape[2:]
    rows, columns = (
        _counts(node, axis, size[axis], out[axis]) for axis in range(2)
    )
    factors, bits = mean_factors(np.outer(rows, columns))
    shift = q.shift_to(node.outputs[0], q.exponents[names[0]] - bits)
    return QuantizedNode(
        node.op, node.name, names, node.outputs, {**node.attrs, "factors": factors},
        requant=_uniform(node, _channels(q, node), shift),
    )


def _counts(node: Node, axis: int, size: int, outputs: int) -> np.ndarray:
    """Return how many values the windows along an axis count."""
    taps = taps_of(node.attrs, axis, outputs)
    before, after = node.attrs["counted"][axis], node.attrs["counted"][axis + 2]
    return np.asarray(((taps >= -before) & (taps < size + after)).sum(1))


OPERATORS: dict[str, Rule] = {
    **dict.fromkeys(
        ("Relu", "Clip", "MaxPool", "Slice", "Pad", "Resize", "Flatten", "View"), _tied
    ),
    "Add": _add, "Concat": _concat, "Affine": _affine, "LeakyRelu": _leaky, "Tanh": _tanh,
    "GlobalAveragePool": _global_average, "AveragePool": _average_pool,
}
"""How each kind is quantized."""

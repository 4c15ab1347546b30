"""Shared parts of the quantization rules of operators.

An operator that computes nothing (Clip, MaxPool, Slice, Pad, Resize, views) keeps its input's scale
(:func:`keep_scale`).  Every other one has an accumulator of known exponent, and a shift to the
exponent of its output by calibration.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import numpy as np

from ..ir.attributes import DROPPED, Attributes
from ..ir.fixed_point import Requant, quantize
from ..ir.graph import Graph, Node
from ..ir.qdq_scales import TensorScale
from ..ir.quantized_graph import QuantizedNode

__all__ = [
    "Names", "QdqContext", "QuantizerContext", "ToIntegers", "aligned", "channels_of",
    "integer_bounds", "keep_scale", "keep_scale_qdq", "mean_factors", "uniform_requant",
]

_FARTHEST = 20  # maximum left shift of an 8-bit operand that leaves room for a sum
_FACTOR_BITS = 14  # of a mean's factor: it fits the ALU's 16-bit immediate
_PRODUCT_BITS = 23  # of the factor and the number of values it is multiplied with, together

Names = tuple[str, ...]
ToIntegers = Callable[[Sequence[float]], tuple[int, int]]
"""Converts a pair of real bounds to integers in the scale of a node's output."""
A = TypeVar("A", bound=Attributes)


class QuantizerContext(Protocol):
    """The interface of a float model's quantizer for rules."""

    graph: Graph
    exponents: dict[str, int]
    inp_width: int
    wgt_width: int

    def calibrated(self, name: str) -> int: ...
    def fitting(self, values: np.ndarray) -> int: ...
    def shift_to(self, name: str, accumulator: int) -> int: ...
    def weights(
        self, node: Node, activations: Names
    ) -> tuple[np.ndarray, np.ndarray, Requant]: ...


class QdqContext(Protocol):
    """The interface of a pre-quantized model's quantizer for rules."""

    @property
    def graph(self) -> Graph: ...
    def scale(self, name: str) -> TensorScale: ...
    def output(self, node: Node, accumulator: np.ndarray) -> TensorScale: ...
    def output_like(self, node: Node, scale: TensorScale) -> TensorScale: ...
    def requant_to(
        self, node: Node, accumulator: np.ndarray, bias: np.ndarray, out: TensorScale
    ) -> Requant: ...
    def bounds(self, reals: Sequence[float], scale: TensorScale) -> tuple[int, int]: ...
    def qdq_weights(self, node: Node) -> tuple[np.ndarray, np.ndarray, Requant]: ...
    def alike(self, node: Node) -> tuple[list[QuantizedNode], Names, TensorScale]: ...


def integer_bounds(bounds: Sequence[float], exponent: int, width: int) -> tuple[int, int]:
    """Return bounds of real values as integers of a scale; infinite ones are the width's."""
    low, high = quantize(np.asarray(bounds, np.float64), exponent, width).tolist()
    return low, high


def uniform_requant(node: Node, channels: int, shift: int) -> Requant:
    """Return a plain shift, the same for every channel, with the node's fused Relu."""
    return Requant(
        np.zeros(channels, np.int32), np.full(channels, shift, np.int32),
        relu=bool(node.attrs.get("relu")),
    )


def channels_of(q: QuantizerContext, node: Node) -> int:
    """Return the channels of a node's output."""
    return q.graph.tensors[node.outputs[0]].shape[1]


def aligned(exponents: Sequence[int]) -> tuple[int, tuple[int, ...]]:
    """Return the exponent to which operands are aligned, the finest significant one, and shifts."""
    finest = max(min(exponents), max(exponents) - _FARTHEST)
    return finest, tuple(e - finest if e >= finest else DROPPED for e in exponents)


def mean_factors(counts: np.ndarray) -> tuple[np.ndarray, int]:
    """Return factors and a shift with ``sum * factor / 2^shift`` the mean of ``counts`` values.

    If all counts are the same power of two, the factor is 1; else factors have up to 15 bits, and
    no product of a sum of 8-bit values exceeds 31.
    """
    fewest = int(counts.min())
    below = fewest.bit_length() - 1
    if fewest == 1 << below and (counts == fewest).all():
        return np.ones_like(counts), below
    bits = min(_FACTOR_BITS + below, _PRODUCT_BITS)
    return ((1 << bits) + counts // 2) // counts, bits


def keep_scale(
    attributes: Callable[[Node, Graph, ToIntegers], A],
) -> Callable[[QuantizerContext, Node, Names], QuantizedNode[A]]:
    """Return the rule of an operator whose output has its input's scale."""
    def rule(q: QuantizerContext, node: Node, names: Names) -> QuantizedNode[A]:
        exponent = q.exponents[node.outputs[0]] = q.exponents[names[0]]
        integers = attributes(
            node, q.graph, lambda reals: integer_bounds(reals, exponent, q.inp_width))
        return QuantizedNode(node.op, node.name, names, node.outputs, integers)

    return rule


def keep_scale_qdq(
    attributes: Callable[[Node, Graph, ToIntegers], A],
) -> Callable[[QdqContext, Node], list[QuantizedNode]]:
    """Return the rule of an operator whose output has its input's scale, for QDQ models."""
    def rule(q: QdqContext, node: Node) -> list[QuantizedNode]:
        before, (name,), scale = q.alike(node)
        integers = attributes(node, q.graph, lambda reals: q.bounds(reals, scale))
        return [*before, QuantizedNode(node.op, node.name, (name,), node.outputs, integers)]

    return rule

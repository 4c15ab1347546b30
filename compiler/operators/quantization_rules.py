"""Shared parts of the quantization rules of operators.

An operator that computes nothing (Clip, MaxPool, Slice, Pad, Resize, views) keeps its input's scale
(:func:`keep_scale`).  Every other one has an accumulator of known unit, which the context
requantizes to the scale of the output: the model's own, else the one of calibration.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import numpy as np

from ..ir.attributes import Attributes
from ..ir.fixed_point import Requant, limits, shared_factors, to_integers
from ..ir.graph import Graph, Node
from ..ir.qdq_scales import TensorScale
from ..ir.quantized_graph import QuantizedNode

__all__ = [
    "Names", "QuantizerContext", "ToIntegers", "integer_bounds", "keep_scale", "mean_factors",
    "mean_of", "operand_gains",
]

_FARTHEST = 20  # maximum left shift of an 8-bit operand that leaves room for a sum
_FACTOR_BITS = 14  # of a mean's factor: it fits the ALU's 16-bit immediate
_PRODUCT_BITS = 23  # of the factor and the number of values it is multiplied with, together

Names = tuple[str, ...]
ToIntegers = Callable[[Sequence[float]], tuple[int, int]]
"""Converts a pair of real bounds to integers in the scale of a node's output."""
A = TypeVar("A", bound=Attributes)


class QuantizerContext(Protocol):
    """The interface of the quantizer for rules.

    A rule asks for the scales of its inputs, which are known, describes the accumulator, and gets
    the requantization to the scale of its output.

    Attributes
    ----------
    graph
        The float graph.
    inp_width, wgt_width
        Bits of activations and of weights.
    multipliers
        Whether requantization multiplies, so that any scale is possible; else all are powers of
        two.
    pre_quantized
        Whether the model brings its own scales (QDQ), which are to be met exactly.
    """

    @property
    def graph(self) -> Graph: ...
    @property
    def inp_width(self) -> int: ...
    @property
    def wgt_width(self) -> int: ...
    @property
    def multipliers(self) -> bool: ...
    @property
    def pre_quantized(self) -> bool: ...

    def scale(self, name: str) -> TensorScale:
        """Return the scale of an input of a node."""
        ...

    def wanted(self, node: Node) -> TensorScale:
        """Return the scale that a node's output has in the model, else by calibration.

        :meth:`requantize` makes it coarser if accumulators are coarser.
        """
        ...

    def propose(self, node: Node, scale: TensorScale) -> TensorScale:
        """Return the scale of a node's output: the model's, else the proposed one."""
        ...

    def requantize(
        self, node: Node, unit: float | np.ndarray, bias: int | np.ndarray = 0
    ) -> Requant:
        """Choose the scale of a node's output; return the requantization to it, with Relu and Clip.

        Parameters
        ----------
        unit
            The real value of 1 in the accumulator, for all channels or for each.
        bias
            Added to the accumulator before, for all channels or for each.
        """
        ...

    def weights(self, node: Node) -> tuple[np.ndarray, np.ndarray, Requant]:
        """Return the integer weights of a layer, their scales, and its requantization."""
        ...

    def constant_scale(self, values: np.ndarray) -> float:
        """Return the scale of a constant operand."""
        ...

    def coarser(self, units: np.ndarray) -> np.ndarray:
        """Return the smallest possible scales that are not below some positive numbers."""
        ...

    def same_scale(self, node: Node) -> tuple[Names, TensorScale]:
        """Return activations with the values of a node's inputs and one scale, its output's.

        Where the model has other scales, they are outputs of nodes inserted before.
        """
        ...


def integer_bounds(
    bounds: Sequence[float], scale: TensorScale, width: int
) -> tuple[int, int]:
    """Return bounds of real values as integers of a scale; infinite ones are the width's."""
    low, high = to_integers(
        np.asarray(bounds, np.float64), scale.scale, width, scale.zero_point).tolist()
    return low, high


def operand_gains(
    q: QuantizerContext, scales: Sequence[float], out: float
) -> tuple[tuple[int, ...], float]:
    """Return integer factors of operands, and the unit of ``sum of gain * x``.

    Scales that differ by powers of two are aligned exactly, to the finest significant one; the gain
    of an operand that is finer than that is 0.  Otherwise gains approximate the scales' ratios.

    Parameters
    ----------
    out
        The scale of the output, which the unit should not exceed.
    """
    reals = np.asarray(scales, np.float64)
    finest = max(float(reals.min()), float(np.ldexp(reals.max(), -_FARTHEST)))
    powers = bool((np.frexp(reals / finest)[0] == 0.5).all())
    if powers and (finest < out or not q.multipliers):
        return tuple(int(real / finest) for real in reals), finest  # 0 for a fraction
    gains, ratio = shared_factors(reals / out, limits(q.wgt_width)[1])
    return tuple(int(gain) for gain in gains), ratio * out


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


def mean_of(
    q: QuantizerContext, node: Node, counts: np.ndarray
) -> tuple[np.ndarray, Requant]:
    """Return the factors and the requantization of sums of ``counts`` values of a node's input.

    Where all counts are equal, the multiplier of the requantization divides instead of factors.
    An input with a zero point needs that.
    """
    source, count = q.scale(node.inputs[0]), int(counts.flat[0])
    if q.multipliers and (counts == count).all():
        rule = q.requantize(node, source.scale / count, -source.zero_point * count)
        return np.ones_like(counts), rule
    factors, bits = mean_factors(counts)
    return factors, q.requantize(node, np.ldexp(source.scale, -bits))


def keep_scale(
    attributes: Callable[[Node, Graph, ToIntegers], A],
) -> Callable[[QuantizerContext, Node, Names], QuantizedNode[A]]:
    """Return the rule of an operator whose output has its input's scale."""
    def rule(q: QuantizerContext, node: Node, names: Names) -> QuantizedNode[A]:
        same, scale = q.same_scale(node)
        integers = attributes(
            node, q.graph, lambda reals: integer_bounds(reals, scale, q.inp_width))
        return QuantizedNode(node.op, node.name, same, node.outputs, integers)

    return rule

"""Attributes of quantized nodes: the parameters of an operator besides its operands.

Every operator has its frozen dataclass.  Those that lower rooms read (to pack, fuse and schedule)
are here; the others are in the files of their operators.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .host_payload import HostPayload

__all__ = [
    "AddAttributes", "Attributes", "AveragePoolAttributes", "ConvAttributes", "DenseAttributes",
    "GlobalAverageAttributes", "HostAttributes", "MaxPoolAttributes", "SlidingWindow",
    "TableAttributes", "TransposedAttributes", "WeightedAttributes",
]

Pair = tuple[int, int]


class Attributes:
    """The base of all attributes.

    Attributes
    ----------
    is_view
        Whether the output is its input's memory.
    keeps_layout
        Whether the output has its input's channels, rows and columns, whatever their shapes say.
    """

    is_view: ClassVar[bool] = False
    keeps_layout: ClassVar[bool] = False


@dataclass(frozen=True)
class SlidingWindow:
    """A sliding window in two dimensions: pairs (y, x), pads (top, left, bottom, right)."""

    kernel: Pair
    strides: Pair
    pads: tuple[int, int, int, int]
    dilations: Pair = (1, 1)

    @classmethod
    def of(cls, attrs: Mapping[str, Any]) -> SlidingWindow:
        """Return the window of a canonical node's attributes."""
        kernel, strides, pads, dilations = (
            tuple(int(value) for value in attrs[name])
            for name in ("kernel", "strides", "pads", "dilations")
        )
        return cls(
            (kernel[0], kernel[1]), (strides[0], strides[1]),
            (pads[0], pads[1], pads[2], pads[3]), (dilations[0], dilations[1]))


@dataclass(frozen=True, eq=False)
class HostAttributes(Attributes):
    """Nodes named ``members`` that the host runs, packed by their front end."""

    payload: HostPayload
    members: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class WeightedAttributes(Attributes):
    """Integer weights ``[M, ...]``, int8, and their scale for each output channel, float64 [M]."""

    weight: np.ndarray
    weight_scale: np.ndarray


@dataclass(frozen=True, eq=False)
class ConvAttributes(WeightedAttributes):
    """A convolution, weights [M, C / group, KH, KW].

    ``padding`` is the integer outside the input: its zero point.
    """

    window: SlidingWindow
    group: int = 1
    padding: int = 0


@dataclass(frozen=True, eq=False)
class TransposedAttributes(WeightedAttributes):
    """A transposed convolution, weights [M, C / group, KH, KW]."""

    window: SlidingWindow
    group: int = 1
    output_padding: Pair = (0, 0)


@dataclass(frozen=True, eq=False)
class DenseAttributes(WeightedAttributes):
    """A dense layer, weights [M, K].

    Attributes
    ----------
    axis
        Reduced axis of an input [N, T, K] (2) or [N, K, T] (1); None for [N, K].
    unflatten
        Shape [C, H, W] of the M outputs; None: [M].
    """

    axis: int | None = None
    unflatten: tuple[int, ...] | None = None


@dataclass(frozen=True, eq=False)
class AddAttributes(Attributes):
    """A sum of two operands, each times its entry of ``gains``: a weight, or a power of two.

    ``constant`` is the second operand [1, ...], int8, if that is not an activation.
    """

    keeps_layout: ClassVar[bool] = True
    gains: tuple[int, ...]
    constant: np.ndarray | None = None


@dataclass(frozen=True)
class MaxPoolAttributes(Attributes):
    """Windows whose maximum is taken; padding is never the maximum."""

    window: SlidingWindow


@dataclass(frozen=True, eq=False)
class AveragePoolAttributes(Attributes):
    """Windows whose sums are multiplied by ``factors`` [OH, OW]; padding is zero."""

    window: SlidingWindow
    factors: np.ndarray


@dataclass(frozen=True)
class GlobalAverageAttributes(Attributes):
    """The sum of all pixels is multiplied by ``factor``; ``rank`` is the output's."""

    factor: int
    rank: int


@dataclass(frozen=True)
class TableAttributes(Attributes):
    """Each value selects an entry of the requantization's table.

    ``function``: the operators of the float model that the table stands for.
    """

    keeps_layout: ClassVar[bool] = True
    function: str

"""Tanh as a sum of clipped lines, which MIN, MAX and ADD of the ALU compute exactly.

With N = 16 pieces, ``tanh(x) ~ sum_j clip(x, -t_j, t_j) / N``: a line through the bends t_j whose
slope falls by 1/N at each.  The t_j are those of the tangents that touch where the slope of tanh is
a multiple of 1/N, drawn in by 0.6 %, which halves the maximum error: 0.77 steps of 1/128.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .attributes import Attributes
from .fixed_point import round_half_up

__all__ = ["PIECES", "STEPS", "ClippedLines", "tanh_lines"]

_LOG_PIECES = 4
PIECES = 1 << _LOG_PIECES
STEPS = 3 * PIECES + 2
"""GEMM and ALU steps of a tile: two clips and a sum for each piece; x is loaded twice."""
_DRAWN_IN = 0.994
_FINEST = 12  # bends are rounded to 2^-12, if the input is no finer
_COARSEST_INPUT, _FINEST_INPUT = 2.0**8, 2.0**-20  # beyond, every output is +-1, or rounds to 0
_LARGEST = (1 << 15) - 1  # maximum of an immediate; larger bends are outside the input's width


@dataclass(frozen=True)
class ClippedLines(Attributes):
    """``sum_j clip(x << fine, -bounds[j], bounds[j])`` in units of ``unit``; ``bounds`` descend."""

    keeps_layout: ClassVar[bool] = True
    bounds: tuple[int, ...]
    fine: int
    unit: float


def bends() -> np.ndarray:
    """Return the bends t_j of the real function, the largest first."""
    slopes = 1 - np.arange(PIECES) / PIECES
    touches = np.arctanh(np.sqrt(1 - slopes))
    crossings = np.append(np.tanh(touches) - touches * slopes, 1.0)  # of the tangents and x = 0
    return np.asarray(PIECES * np.diff(crossings) * _DRAWN_IN)[::-1]


def tanh_lines(scale: float) -> ClippedLines:
    """Return the lines for an input of a scale."""
    scale = min(max(scale, _FINEST_INPUT), _COARSEST_INPUT)
    fine = max(0, _FINEST - math.floor(-math.log2(scale)))
    whole = np.minimum(round_half_up(np.ldexp(bends() / scale, fine)), _LARGEST)
    return ClippedLines(
        tuple(int(bound) for bound in whole), fine, math.ldexp(scale, -fine - _LOG_PIECES))

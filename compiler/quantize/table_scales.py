"""The scale of an activation that only a lookup table reads: the function's error decides.

What such an integer stands for is seen only through the function: a Sigmoid is flat beyond +-8, a
square root steep near 0.  So the range is not that of the values, but the one with the smallest
squared error of the function's values over calibration.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ..ir.fixed_point import limits, to_integers, to_reals
from ..ir.lookup_table import table_integers
from ..ir.qdq_scales import TensorScale

__all__ = ["TableRanges", "choose_table_scale"]

_SAMPLES = 1 << 14  # values that errors are measured on
_FRACTIONS = tuple(2.0 ** (-step / 4) for step in range(25))
_ROUNDS = 2  # of the search of both ends of a range
_SMALLEST = 2.0**-60


@dataclass(frozen=True)
class TableRanges:
    """The scales that the activation may have.

    Attributes
    ----------
    width
        Bits of a signed integer.
    any_scale
        Whether any scale and zero point are possible, else powers of two around 0.
    """

    width: int
    any_scale: bool = False

    def scale(self, low: float, high: float) -> TensorScale:
        """Return the smallest scale that covers a range around 0, or 0 itself."""
        lowest, highest = limits(self.width)
        if not self.any_scale:
            widest = max(high / highest, low / lowest, _SMALLEST)
            return TensorScale(2.0 ** math.ceil(math.log2(widest)))
        scale = max((high - low) / (highest - lowest), _SMALLEST)
        return TensorScale(scale, min(max(round(lowest - low / scale), lowest), highest))


def choose_table_scale(
    values: np.ndarray, results: np.ndarray, evaluate: Callable[[np.ndarray], np.ndarray],
    ranges: TableRanges,
) -> TensorScale:
    """Return the scale for values that a table turns into results.

    Parameters
    ----------
    values, results
        Of calibration, at the same places.
    evaluate
        ``evaluate(real [256])`` returns the function's values.
    """
    step = -(-values.size // _SAMPLES)
    sample = _Sample(values.reshape(-1)[::step], results.reshape(-1)[::step], evaluate, ranges)
    low, high = min(0.0, float(values.min(initial=0))), max(0.0, float(values.max(initial=0)))
    best = sample.error(low, high), low, high
    for _ in range(_ROUNDS if ranges.any_scale else 0):
        _, low, high = best
        best = min([best, *((sample.error(low * part, high), low * part, high)
                            for part in _FRACTIONS[1:])])
        _, low, high = best
        best = min([best, *((sample.error(low, high * part), low, high * part)
                            for part in _FRACTIONS[1:])])
    _, low, high = best
    best = min([best, *((sample.error(low * part, high * part), low * part, high * part)
                        for part in _FRACTIONS[1:])])
    return ranges.scale(*best[1:])


@dataclass(frozen=True)
class _Sample:
    """Values and results, and the error of the results in the range of a scale."""

    values: np.ndarray
    results: np.ndarray
    evaluate: Callable[[np.ndarray], np.ndarray]
    ranges: TableRanges
    errors: dict[TensorScale, float] = field(default_factory=dict)

    def error(self, low: float, high: float) -> float:
        """Return the squared error of the results; infinite where one is undefined."""
        scale = self.ranges.scale(low, high)
        if scale not in self.errors:
            self.errors[scale] = self._error(scale)
        return self.errors[scale]

    def _error(self, scale: TensorScale) -> float:
        width = self.ranges.width
        entries = self.evaluate(to_reals(table_integers(width), scale.scale, scale.zero_point))
        integers = to_integers(self.values, scale.scale, width, scale.zero_point)
        error = entries.astype(np.float64)[integers & len(entries) - 1] - self.results
        total = float(np.square(error).sum())
        return total if math.isfinite(total) else math.inf

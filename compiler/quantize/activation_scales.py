"""Choose the scale of a tensor from its values in calibration: any number, or a power of two.

| method | scale |
|---|---|
| ``minmax`` | the smallest that clips nothing |
| ``percentile`` | the smallest that clips no more than one magnitude in ten thousand |
| ``kl`` | minimum Kullback-Leibler divergence of the distributions (Migacz, 2017) |
| ``error`` | minimum squared error |

The last two compare fractions of the scale that clips nothing.

``auto`` is not among them: it chooses the method with the smallest error of the whole network
(:mod:`.quantization_search`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..ir.fixed_point import limits, to_integers, to_reals

__all__ = [
    "BINS", "FRACTIONS", "METHODS", "PERCENTILE", "SMALLEST", "Grid", "choose_scale", "divergence",
]

METHODS = ("error", "minmax", "percentile", "kl")
SMALLEST = 2.0**-60  # minimum scale, of tensors that are nearly zero
_SPREAD = 1e-4
PERCENTILE = 99.99
BINS = 2048  # of the histogram of magnitudes: several per level, even at a quarter of the range
_POWERS = (1.0, 0.5, 0.25)  # fractions of the widest scale that are compared
FRACTIONS = {  # the same where any scale is possible; for kl whole numbers of bins
    "error": tuple(2.0 ** (-step / 8) for step in range(13)),
    "kl": tuple(part / 16 for part in range(16, 3, -1)),
}


@dataclass(frozen=True)
class Grid:
    """The integers that a tensor may have, and the scales that it may have.

    Attributes
    ----------
    width
        Bits of a signed integer.
    any_scale
        Whether any scale is possible, else only powers of two.
    """

    width: int
    any_scale: bool = False

    @property
    def levels(self) -> int:
        """The maximum integer: that of the maximum magnitude."""
        return limits(self.width)[1]

    def widest(self, peak: float) -> float:
        """Return the smallest scale that does not clip magnitude ``peak`` (1 for no magnitude)."""
        if peak == 0:
            return 1.0
        if self.any_scale:
            return max(SMALLEST, peak / self.levels)
        return max(SMALLEST, 2.0 ** math.ceil(math.log2(peak / self.levels)))


def choose_scale(values: np.ndarray, peak: float, grid: Grid, method: str) -> float:
    """Return the scale for values of a tensor whose maximum magnitude is ``peak``.

    Raises
    ------
    ValueError
        The method is unknown.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, not {method!r}")
    widest = grid.widest(peak)
    if method == "minmax" or peak == 0 or not values.any():
        return widest
    if method == "percentile":
        magnitude = float(np.percentile(np.abs(values), PERCENTILE, method="higher"))
        return min(widest, grid.widest(magnitude)) if magnitude else widest
    fractions = FRACTIONS[method] if grid.any_scale else _POWERS
    if method == "error":
        lost = [_squared_error(values, widest * fraction, grid) for fraction in fractions]
    else:
        histogram = np.histogram(  # without zeros, which are exact in every scale
            np.abs(values[values != 0]), BINS, (0, widest * (grid.levels + 1)))[0]
        lost = [
            divergence(histogram, int(BINS * fraction), grid.levels + 1)
            for fraction in fractions
        ]
    return widest * fractions[int(np.argmin(lost))]


def divergence(histogram: np.ndarray, bins: int, levels: int) -> float:
    """Return the Kullback-Leibler divergence that clipping and quantization cause, in nats.

    The reference clips the histogram to its first ``bins``, all beyond counted in the last of them;
    the candidate distributes the count of each of ``levels`` equal runs of bins evenly over the
    non-empty bins of the run (Migacz, "8-bit inference with TensorRT", 2017).  A ten-thousandth of
    the candidate is distributed over all bins of the reference, so that no term is infinite.
    """
    inside = histogram[:bins].astype(np.float64)
    reference = inside.copy()
    reference[-1] += histogram[bins:].sum()
    runs = inside.reshape(levels, bins // levels)
    used = reference.reshape(runs.shape) > 0
    shares = runs.sum(1) / np.maximum(used.sum(1), 1)
    candidate = np.where(used, shares[:, None], 0.0).ravel()
    if not candidate.any():
        return math.inf
    held = reference > 0
    p = reference[held] / reference.sum()
    q = (1 - _SPREAD) * candidate[held] / candidate.sum() + _SPREAD / held.sum()
    return float((p * np.log(p / q)).sum())


def _squared_error(values: np.ndarray, scale: float, grid: Grid) -> float:
    rounded = to_reals(to_integers(values, scale, grid.width), scale)
    return float(np.square(rounded - values).sum())

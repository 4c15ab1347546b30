"""Choose scale and zero point of a tensor whose values are not symmetric around 0.

Between the same two ends a zero point has up to twice the resolution: after a Relu all integers
stand for values.  Methods are those of :mod:`.activation_scales`; ``error`` and ``kl`` compare the
same fractions of the range.
"""

from __future__ import annotations

import numpy as np

from ..ir.fixed_point import limits, to_integers, to_reals
from ..ir.qdq_scales import TensorScale
from .activation_scales import BINS, FRACTIONS, PERCENTILE, SMALLEST, divergence

__all__ = ["choose_range", "covering"]


def covering(low: float, high: float, width: int) -> TensorScale:
    """Return the scale and zero point of the integers that cover ``low <= 0 <= high``."""
    lowest, highest = limits(width)
    scale = max((high - low) / (highest - lowest), SMALLEST)
    return TensorScale(scale, min(max(round(lowest - low / scale), lowest), highest))


def choose_range(
    values: np.ndarray, low: float, high: float, width: int, method: str
) -> TensorScale:
    """Return scale and zero point for values of a tensor between two ends, 0 among them."""
    if method == "minmax" or not values.any():
        return covering(low, high, width)
    if method == "percentile":
        cut = [np.percentile(side, PERCENTILE, method="higher")
               for side in (np.maximum(-values, 0), np.maximum(values, 0))]
        return covering(max(low, -float(cut[0])), min(high, float(cut[1])) or high, width)
    if method == "kl" and low == 0:
        histogram = np.histogram(values[values > 0], BINS, (0, high))[0]
        levels = 1 << width
        whole = [part for part in FRACTIONS["kl"] if int(BINS * part) % levels == 0]
        lost = [divergence(histogram, int(BINS * part), levels) for part in whole]
        return covering(low, high * whole[int(np.argmin(lost))], width)
    ranges = [covering(low * part, high * part, width) for part in FRACTIONS["error"]]
    return min(ranges, key=lambda scale: _squared_error(values, scale, width))


def _squared_error(values: np.ndarray, scale: TensorScale, width: int) -> float:
    integers = to_integers(values, scale.scale, width, scale.zero_point)
    rounded = to_reals(integers, scale.scale, scale.zero_point)
    return float(np.square(rounded - values).sum())

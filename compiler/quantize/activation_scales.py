"""Choose the power-of-two exponent of a tensor from its values in calibration.

| method | exponent |
|---|---|
| ``minmax`` | the smallest that clips nothing |
| ``percentile`` | the smallest that clips no more than one magnitude in ten thousand |
| ``kl`` | minimum Kullback-Leibler divergence of the distributions (Migacz, 2017) |
| ``error`` | minimum squared error |

``auto`` is not among them: it chooses the method with the smallest error of the whole network
(:mod:`.quantization_search`).
"""

from __future__ import annotations

import math

import numpy as np

from ..ir.fixed_point import limits, quantize

__all__ = ["METHODS", "choose_exponent", "divergence", "widest_exponent"]

METHODS = ("error", "minmax", "percentile", "kl")
_FINER = 3  # number of exponents compared, from the one that clips nothing downwards
_SMALLEST = -60  # minimum exponent, of tensors that are nearly zero
_SPREAD = 1e-4
_PERCENTILE = 99.99
_BINS = 2048  # of the histogram of magnitudes: several per level, even at a quarter of the range


def widest_exponent(peak: float, width: int) -> int:
    """Return the smallest exponent that does not clip magnitude ``peak`` (0 for no magnitude)."""
    if peak == 0:
        return 0
    return max(_SMALLEST, math.ceil(math.log2(peak / limits(width)[1])))


def choose_exponent(values: np.ndarray, peak: float, width: int, method: str) -> int:
    """Return the exponent for values of a tensor whose maximum magnitude is ``peak``.

    Raises
    ------
    ValueError
        The method is unknown.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, not {method!r}")
    widest = widest_exponent(peak, width)
    if method == "minmax" or peak == 0 or not values.any():
        return widest
    if method == "percentile":
        magnitude = float(np.percentile(np.abs(values), _PERCENTILE, method="higher"))
        return min(widest, widest_exponent(magnitude, width)) if magnitude else widest
    measure = _squared_error if method == "error" else _information_lost
    lost = {
        exponent: measure(values, exponent, widest, width)
        for exponent in range(widest, widest - _FINER, -1)
    }
    return min(lost, key=lambda exponent: (lost[exponent], -exponent))


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


def _squared_error(values: np.ndarray, exponent: int, widest: int, width: int) -> float:
    difference = np.ldexp(quantize(values, exponent, width).astype(float), exponent) - values
    return float(np.square(difference).sum())


def _information_lost(values: np.ndarray, exponent: int, widest: int, width: int) -> float:
    levels = limits(width)[1] + 1
    top = math.ldexp(levels, widest)
    histogram = np.histogram(np.abs(values[values != 0]), _BINS, (0, top))[0]  # 0 stays 0
    return divergence(histogram, _BINS >> (widest - exponent), levels)

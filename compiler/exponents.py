"""Choose the power-of-two exponent of a tensor from what calibration saw of it.

By greatest magnitude (``minmax``), or as the one of three sensible exponents with the least squared
error on the calibration sample (``error``, the default).
"""

from __future__ import annotations

import math

import numpy as np

from .arithmetic import limits, quantize

__all__ = ["METHODS", "choose_exponent", "widest_exponent"]

METHODS = ("error", "minmax")
_FINER = 3  # exponents that ``error`` compares, from the one that clips nothing downwards
_SMALLEST = -60  # exponent of a tensor of next to nothing


def widest_exponent(peak: float, width: int) -> int:
    """Return the least exponent that clips nothing of magnitude ``peak`` (0 for no magnitude)."""
    if peak == 0:
        return 0
    return max(_SMALLEST, math.ceil(math.log2(peak / limits(width)[1])))


def choose_exponent(values: np.ndarray, peak: float, width: int, method: str) -> int:
    """Return the exponent for values of a tensor whose greatest magnitude is ``peak``.

    Raises
    ------
    ValueError
        The method is unknown.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, not {method!r}")
    widest = widest_exponent(peak, width)
    if method == "minmax" or peak == 0:
        return widest
    errors = {}
    for exponent in range(widest, widest - _FINER, -1):
        difference = np.ldexp(quantize(values, exponent, width).astype(float), exponent) - values
        errors[exponent] = float(np.square(difference).sum())
    return min(errors, key=lambda exponent: (errors[exponent], -exponent))

"""Lookup tables: a function of one integer as 256 entries, which RQT selects by its result.

Entry ``v & 255`` belongs to the result v.  Real values are rounded to the nearest integer, halves
to even, as ONNX's QuantizeLinear does it, in float32: entries are those of a runtime that
quantizes the function's float32 values.
"""

from __future__ import annotations

import numpy as np

from ...isa.opcodes import LUT_ENTRIES
from .fixed_point import limits

__all__ = ["rounded_entries", "table_integers"]


def table_integers(width: int) -> np.ndarray:
    """Return the integer of each entry, int64 [256].

    Entries that no integer of the width selects get the nearest one.
    """
    index = np.arange(LUT_ENTRIES)
    signed = np.where(index < LUT_ENTRIES // 2, index, index - LUT_ENTRIES)
    return np.clip(signed, *limits(width))


def rounded_entries(reals: np.ndarray, scale: float, zero_point: int, width: int) -> np.ndarray:
    """Return the entries for real values of a function, int16 [256].

    Values beyond the width saturate, infinite ones too.  Where the function is undefined (NaN: the
    logarithm of a negative number) the entry is that of the nearest integer for which it is
    defined, of two the one nearer to 0.

    Parameters
    ----------
    reals
        Real [256], at :func:`table_integers`.
    scale, zero_point, width
        Of the entries.

    Raises
    ------
    ValueError
        The function is undefined everywhere.
    """
    values = _defined(np.asarray(reals, np.float32))
    with np.errstate(over="ignore"):
        scaled = np.rint(values / np.float32(scale)).astype(np.float64) + zero_point
    return np.clip(scaled, *limits(width)).astype(np.int16)


def _defined(values: np.ndarray) -> np.ndarray:
    """Return values [256] with each NaN replaced by the value of the nearest integer without."""
    known = np.flatnonzero(~np.isnan(values))
    if not known.size:
        raise ValueError("the function has no value at any integer")
    integers = table_integers(LUT_ENTRIES.bit_length() - 1)
    known = known[np.argsort(np.abs(integers[known]), kind="stable")]
    distance = np.abs(integers[:, None] - integers[known][None, :])
    return np.asarray(values[known[distance.argmin(1)]])

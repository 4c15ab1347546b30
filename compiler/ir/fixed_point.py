"""The integer arithmetic of quantized networks, in one place.

real = (integer - zero point) * scale.  The compiler chooses activation scales 2^exponent with zero
point 0; pre-quantized models have any scale and zero point.  A weight's scale is 2^exponent or,
with a multiplier in the requantization, any number per output channel; its zero point is 0.
  Rounding is half up everywhere:
``floor(x + 1/2)``.  Accumulators are 32 bits and wrap.  Requantization is the device's RQT
(vta_isa.md 0.1) with its half-up rounding:

    p = accumulator + bias                          32-bit wrap
    q = p, or floor((p * multiplier + 2^30) / 2^31) where there is a multiplier
    r = q, or floor((q + 2^(shift - 1)) / 2^shift) where shift > 0
    v = r + zero point
    y = min(max(v, low), high)                      the width's bounds, tighter with relu and clip
    z = table[y & 255]                              where there is a table (:mod:`.lookup_table`)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...isa.opcodes import LUT_ENTRIES

__all__ = [
    "Requant", "dequantize", "limits", "quantize", "quantize_by", "requantize", "round_half_up",
    "round_shift", "shared_factors", "split_ratio", "to_integers", "to_reals", "wrap",
]

_FINE = 18  # a multiplier without shift represents 2^-18 within 1/64 of 256 steps


@dataclass(frozen=True, eq=False)
class Requant:
    """The requantization of accumulators to outputs; every array has one entry per channel.

    ``multiplier`` (Q31, 0 .. 2^31 - 1) is None for a power-of-two scale.  ``table``, the same for
    all channels, replaces the result; it includes a ``clip``, which is None besides it.
    """

    bias: np.ndarray  # int32
    shift: np.ndarray  # int32, 0..31
    multiplier: np.ndarray | None = None  # int32
    relu: bool = False
    zero_point: int = 0  # of the outputs, or of the results that a table replaces
    clip: tuple[int, int] | None = None  # inclusive bounds of the outputs
    table: np.ndarray | None = None  # int16 [256], by the result's low eight bits

    def __post_init__(self) -> None:
        table = self.table
        if table is None:
            return
        if self.clip is not None:
            raise ValueError("the bounds of a result that a table replaces belong in the table")
        if table.dtype != np.int16 or table.shape != (LUT_ENTRIES,):
            raise ValueError(
                f"a table must be int16 [{LUT_ENTRIES}], not {table.dtype} {list(table.shape)}")

    def followed_by(self, table: np.ndarray, width: int) -> Requant:
        """Return the requantization whose results of a width select entries of a table.

        Raises
        ------
        ValueError
            Its results select entries of a table already, or an entry exceeds the width.
        """
        if self.table is not None:
            raise ValueError("a requantization has one table")
        minimum, maximum = limits(width)
        if table.min() < minimum or table.max() > maximum:
            raise ValueError(
                f"the entries of a table must be {minimum}..{maximum}, not "
                f"{table.min()}..{table.max()}")
        low, high = self.bounds(width)
        index = np.arange(LUT_ENTRIES, dtype=np.uint8).view(np.int8).astype(np.int64)
        inside = np.minimum(np.maximum(index, low), high)
        return replace(self, clip=None, table=table[inside & LUT_ENTRIES - 1])

    @property
    def uniform(self) -> bool:
        """Whether all channels have the same requantization."""
        arrays = [self.bias, self.shift, *([] if self.multiplier is None else [self.multiplier])]
        return all(bool((values == values[0]).all()) for values in arrays)

    def bounds(self, width: int) -> tuple[int, int]:
        """Return the minimum and maximum output of a width; the maximum wins if they cross."""
        low, high = limits(width)
        low = self.zero_point if self.relu else low
        return (low, high) if self.clip is None else (
            max(low, self.clip[0]), min(high, self.clip[1]))

    @property
    def uniform_shift(self) -> int | None:
        """The shift when all channels share it, else None."""
        return int(self.shift[0]) if (self.shift == self.shift[0]).all() else None


def limits(width: int) -> tuple[int, int]:
    """Return the minimum and maximum signed integer of a width in bits."""
    return -(1 << (width - 1)), (1 << (width - 1)) - 1


def round_half_up(real: np.ndarray) -> np.ndarray:
    """Return the nearest whole numbers, halves up, still as float64."""
    return np.asarray(np.floor(np.asarray(real, np.float64) + 0.5))


def quantize(real: np.ndarray, exponent: int, width: int) -> np.ndarray:
    """Return the nearest integers of ``real / 2^exponent``, clipped to a signed width (int64)."""
    return to_integers(real, np.ldexp(1.0, exponent), width)


def quantize_by(real: np.ndarray, scale: np.ndarray, width: int) -> np.ndarray:
    """Return the nearest integers of ``real / scale``, clipped to a signed width (int64).

    ``scale`` has one entry for each index of the first axis.
    """
    rows = np.asarray(scale, np.float64).reshape((-1,) + (1,) * (np.ndim(real) - 1))
    return to_integers(real, rows, width)


def to_integers(
    real: np.ndarray, scale: float | np.ndarray, width: int, zero_point: int = 0
) -> np.ndarray:
    """Return the nearest integers of ``real / scale``, plus the zero point, clipped (int64)."""
    scaled = round_half_up(np.asarray(real, np.float64) / scale) + zero_point
    return np.clip(scaled, *limits(width)).astype(np.int64)


def to_reals(integers: np.ndarray, scale: float, zero_point: int = 0) -> np.ndarray:
    """Return ``(integers - zero point) * scale`` as float64."""
    return np.asarray((np.asarray(integers, np.float64) - zero_point) * scale)


def dequantize(integers: np.ndarray, exponent: int) -> np.ndarray:
    """Return ``integers * 2^exponent`` as float32."""
    return to_reals(integers, np.ldexp(1.0, exponent)).astype(np.float32)


def wrap(values: np.ndarray) -> np.ndarray:
    """Return int64 values wrapped to 32 bits, still as int64."""
    return ((values + (1 << 31)) & 0xFFFF_FFFF) - (1 << 31)


def round_shift(values: np.ndarray, shift: np.ndarray | int) -> np.ndarray:
    """Shift right with rounding half up; a shift of 0 leaves the values."""
    shift = np.asarray(shift, np.int64)
    return np.asarray((values + ((np.int64(1) << shift) >> 1)) >> shift)


def split_ratio(ratio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (multiplier, shift), int32, with ``multiplier / 2^31 * 2^-shift`` near each ratio.

    The multiplication rounds, and the shift rounds again: after a shift by 1, a quarter counts as
    a half.  So there is no shift if the multiplier alone is precise enough, else one of at least
    8.  Over 8-bit outputs the ratio's error is 1/64 of a step, the second rounding's 1/512.

    Parameters
    ----------
    ratio
        float64, in [2^-32, 1).
    """
    smaller = -np.frexp(np.asarray(ratio, np.float64))[1]
    shift = np.where(smaller < _FINE, 0, np.maximum(8, smaller - _FINE + 1))
    multiplier = np.minimum(round_half_up(np.ldexp(ratio, 31 + shift)), (1 << 31) - 1)
    return multiplier.astype(np.int32), shift.astype(np.int32)


def shared_factors(ratios: np.ndarray, most: int) -> tuple[np.ndarray, float]:
    """Return integer factors and one ratio whose products are nearest to ``ratios``.

    The ratio is, of those that make the largest factor an integer, the one with the smallest error
    over all terms when encoded by :func:`split_ratio`.

    Parameters
    ----------
    ratios
        float64, positive: one for each term of a sum.
    most
        Upper bound of the factors.

    Returns
    -------
    tuple
        int64 factors, 0 .. ``most``, and the ratio; it is 1 or more where ``ratios`` are out of
        reach.
    """
    largest = float(ratios.max())
    tried = np.arange(min(most, int(largest) + 1), most + 1)
    factors = round_half_up(tried[:, None] * (ratios / largest))
    shared = largest / tried
    multiplier, shift = split_ratio(np.clip(shared, 2.0**-32, np.nextafter(1.0, 0.0)))
    reached = factors * np.ldexp(multiplier.astype(np.float64), -31 - shift)[:, None]
    error = np.abs(reached - ratios).sum(1) + (shift > 0)  # one rounding if possible
    best = int(error.argmin())
    return factors[best].astype(np.int64), float(shared[best])


def requantize(accumulator: np.ndarray, rule: Requant, width: int) -> np.ndarray:
    """Requantize accumulators whose axis 1 is the channel; returns int64 within ``width`` bits."""
    lanes = (1, -1) + (1,) * (accumulator.ndim - 2)
    low, high = rule.bounds(width)
    value = wrap(accumulator.astype(np.int64) + rule.bias.astype(np.int64).reshape(lanes))
    if rule.multiplier is not None:
        value = (value * rule.multiplier.astype(np.int64).reshape(lanes) + (1 << 30)) >> 31
    value = round_shift(value, rule.shift.reshape(lanes)) + rule.zero_point
    value = np.minimum(np.maximum(value, low), high)
    if rule.table is not None:
        value = rule.table.astype(np.int64)[value & LUT_ENTRIES - 1]
    return np.asarray(value)

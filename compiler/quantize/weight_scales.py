"""Scales and integers of the weights of a layer, and the requantization of its accumulators.

Three schemes: one power of two for the tensor; per output channel any scale, which RQT compensates
by a multiplier and a shift per lane; per output channel a power of two, which ALU SHR with a tile
of shifts compensates in the base ISA.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...isa.config import Config
from ..ir.fixed_point import Requant, limits, quantize_by, round_half_up, split_ratio
from .activation_scales import choose_exponent, widest_exponent

__all__ = [
    "PER_TENSOR", "SCALES", "Scheme", "Weights", "choose_scales", "quantize_weights",
    "requantization", "scheme_of",
]

SCALES = ("per-channel", "power-of-two")
_FRACTIONS = {  # of the maximum magnitude, by width: candidates for clipping
    4: np.linspace(1, 0.4, 13), 8: np.linspace(1, 0.8, 5),
}
_RANGE = 30  # log2 of the ratio between scales of one layer, which shifts up to 31 compensate


@dataclass(frozen=True)
class Scheme:
    """The scales that weights may have.

    Attributes
    ----------
    per_channel
        One for each output channel, else one for the tensor.
    multipliers
        Any scale (needs RQT), else powers of two.
    """

    per_channel: bool = False
    multipliers: bool = False


PER_TENSOR = Scheme()


def scheme_of(scales: str, config: Config) -> Scheme:
    """Return the scheme for a name of :data:`SCALES`; ValueError for any other."""
    if scales not in SCALES:
        raise ValueError(f"scales must be one of {', '.join(SCALES)}, not {scales!r}")
    return Scheme(True, config.requantize) if scales == "per-channel" else PER_TENSOR


@dataclass(frozen=True, eq=False)
class Weights:
    """Quantized weights: int8 as the float ones, scale float64 [M], bias int32 [M]."""

    integers: np.ndarray
    scale: np.ndarray
    bias: np.ndarray


def choose_scales(weight: np.ndarray, width: int, method: str, scheme: Scheme) -> np.ndarray:
    """Return a scale for each output channel (axis 0), float64 [M].

    ``minmax`` clips nothing; ``error`` minimizes the squared error of each channel, or of the
    tensor, over a few candidates.  A channel of zeros gets the maximum scale of all channels.
    """
    channels = weight.shape[0]
    peaks = np.abs(weight).reshape(channels, -1).max(1, initial=0)
    clips = method != "minmax"
    if not scheme.per_channel:
        exponent = choose_exponent(weight, float(peaks.max(initial=0)), width, method)
        return np.full(channels, np.ldexp(1.0, exponent))
    if scheme.multipliers:
        widest = peaks / limits(width)[1]
        fractions = _FRACTIONS[width] if clips else np.ones(1)
    else:
        widest = np.ldexp(1.0, np.array([widest_exponent(peak, width) for peak in peaks], int))
        fractions = np.array([1, 0.5, 0.25]) if clips else np.ones(1)
    empty = peaks == 0
    widest[empty] = widest[~empty].max(initial=0) or 1.0
    best, scale = np.full(channels, np.inf), widest
    rows = np.asarray(weight.reshape(channels, -1), np.float32)  # enough to compare errors
    low, high = limits(width)
    for fraction in fractions:
        tried = widest * fraction
        scaled = rows / tried[:, None].astype(np.float32)
        error = np.square(np.clip(np.rint(scaled), low, high) - scaled).sum(1) * tried**2
        scale = np.where(error < best, tried, scale)
        best = np.minimum(error, best)
    return scale


def quantize_weights(
    weight: np.ndarray, bias: np.ndarray, source: int, target: int, scheme: Scheme,
    inp_width: int, wgt_width: int, scale: np.ndarray,
) -> Weights:
    """Quantize finite weights ``[M, ...]`` and biases ``[M]`` of a layer.

    Scales are made coarser until no sum exceeds 31 bits for any input, and until the shifts are
    within the device's range.

    Parameters
    ----------
    source, target
        Exponents of the layer's input and, as calibrated, of its output.
    scale
        Result of :func:`choose_scales`.
    """
    rows = np.asarray(weight, np.float64)
    minimum = np.ldexp(1.0, target - source - _RANGE)
    while True:
        scale = np.maximum(scale, max(minimum, np.ldexp(scale.max(initial=0), -_RANGE)))
        integers = quantize_by(rows, scale, wgt_width)
        scaled = round_half_up(np.asarray(bias, np.float64) / np.ldexp(scale, source))
        sums = np.abs(integers).reshape(len(integers), -1).sum(1) << (inp_width - 1)
        over = sums + np.abs(scaled) >= 1 << 30  # a rounding constant is added
        if not over.any():
            return Weights(integers.astype(np.int8), scale, scaled.astype(np.int32))
        scale = np.where(over if scheme.per_channel else True, 2 * scale, scale)


def requantization(
    weights: Weights, source: int, target: int, scheme: Scheme, relu: bool
) -> tuple[int, Requant]:
    """Return the exponent of a layer's output and the requantization of its accumulators.

    The exponent is ``target``, or greater if an output would be finer than an accumulator.
    """
    accumulator = np.ldexp(weights.scale, source)
    above = int(np.frexp(accumulator.max())[1])  # the power of two above every scale
    if scheme.multipliers:
        exponent = max(target, above)
        multiplier, shift = split_ratio(np.ldexp(accumulator, -exponent))
        return exponent, Requant(weights.bias, shift, multiplier, relu)
    exponent = max(target, above - 1)
    shifts = exponent + 1 - np.frexp(accumulator)[1]
    return exponent, Requant(weights.bias, shifts.astype(np.int32), None, relu)

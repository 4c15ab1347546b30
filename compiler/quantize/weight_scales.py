"""Scales and integers of the weights of a layer, and the schemes of a network's scales.

Three schemes: one power of two for the tensor; per output channel any scale, which RQT compensates
by a multiplier and a shift per lane; per output channel a power of two, which ALU SHR with a tile
of shifts compensates in the base ISA.  Activations have any scale in the second, else powers of
two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...isa.config import Config
from ..ir.fixed_point import limits, quantize_by, round_half_up
from ..ir.qdq_scales import TensorScale
from .activation_scales import Grid, choose_scale

__all__ = [
    "PER_TENSOR", "SCALES", "LayerScales", "Scheme", "Weights", "choose_scales",
    "quantize_weights", "scheme_of",
]

SCALES = ("per-channel", "power-of-two")
_FRACTIONS = {  # of the maximum magnitude, by width: candidates for clipping
    4: np.linspace(1, 0.4, 13), 8: np.linspace(1, 0.8, 5),
}
_RANGE = 30  # log2 of the ratio between scales of one layer, which shifts up to 31 compensate


@dataclass(frozen=True)
class Scheme:
    """The scales that weights and activations may have.

    Attributes
    ----------
    per_channel
        Weights have one for each output channel, else one for the tensor.
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


@dataclass(frozen=True)
class LayerScales:
    """The scales around a layer.

    Attributes
    ----------
    source
        Of its input.
    target
        Of its output, as calibrated.
    inp_width, wgt_width
        Bits of activations and of weights.
    """

    source: TensorScale
    target: float
    inp_width: int
    wgt_width: int


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
        scale = choose_scale(weight, float(peaks.max(initial=0)), Grid(width), method)
        return np.full(channels, scale)
    if scheme.multipliers:
        widest = peaks / limits(width)[1]
        fractions = _FRACTIONS[width] if clips else np.ones(1)
    else:
        widest = np.array([Grid(width).widest(peak) for peak in peaks])
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
    weight: np.ndarray, bias: np.ndarray, around: LayerScales, scheme: Scheme, scale: np.ndarray
) -> Weights:
    """Quantize finite weights ``[M, ...]`` and biases ``[M]`` of a layer.

    Scales are made coarser until no sum exceeds 31 bits for any input, and until the shifts are
    within the device's range.  The bias does not include the input's zero point yet.

    Parameters
    ----------
    scale
        Result of :func:`choose_scales`.
    """
    rows = np.asarray(weight, np.float64)
    minimum = np.ldexp(around.target / around.source.scale, -_RANGE)
    largest = (1 << (around.inp_width - 1)) + abs(around.source.zero_point)  # |x| and zero point
    while True:
        scale = np.maximum(scale, max(minimum, np.ldexp(scale.max(initial=0), -_RANGE)))
        integers = quantize_by(rows, scale, around.wgt_width)
        scaled = round_half_up(np.asarray(bias, np.float64) / (scale * around.source.scale))
        sums = np.abs(integers).reshape(len(integers), -1).sum(1) * largest
        over = sums + np.abs(scaled) >= 1 << 30  # a rounding constant is added
        if not over.any():
            return Weights(integers.astype(np.int8), scale, scaled.astype(np.int32))
        scale = np.where(over if scheme.per_channel else True, 2 * scale, scale)

"""Integer definitions of convolutions and dense layers, in plain numpy: the accumulators.

Part of the oracle (:mod:`.reference_evaluator`): written from the definitions of the operators,
independently of their lowering.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ir.attributes import ConvAttributes, DenseAttributes, SlidingWindow, TransposedAttributes
from ..ir.fixed_point import requantize, wrap
from ..ir.quantized_graph import QuantizedNode

__all__ = [
    "accumulate_conv", "accumulate_gemm", "accumulate_transposed", "conv", "dense", "transposed",
]

_ELEMENTS = 1 << 25  # of the windows gathered at a time


def conv(
    node: QuantizedNode[ConvAttributes], values: list[np.ndarray], width: int
) -> np.ndarray:
    """Return the outputs of a convolution."""
    attrs = node.attrs
    sums = accumulate_conv(values[0], attrs.weight, attrs.window, attrs.padding)
    return requantize(sums, node.rule, width)


def transposed(
    node: QuantizedNode[TransposedAttributes], values: list[np.ndarray], width: int
) -> np.ndarray:
    """Return the outputs of a transposed convolution."""
    return requantize(accumulate_transposed(values[0], node.attrs), node.rule, width)


def dense(
    node: QuantizedNode[DenseAttributes], values: list[np.ndarray], width: int
) -> np.ndarray:
    """Return the outputs of a dense layer of [N, K], [N, T, K] (axis 2) or [N, K, T] (axis 1)."""
    (x,), attrs = values, node.attrs
    if attrs.axis is None:
        features = requantize(accumulate_gemm(x, attrs.weight), node.rule, width)
        return features.reshape(len(x), *(attrs.unflatten or features.shape[1:]))
    rows = x if attrs.axis == 2 else x.swapaxes(1, 2)
    sums = accumulate_gemm(rows, attrs.weight).swapaxes(1, 2)
    outputs = requantize(sums, node.rule, width)
    return outputs.swapaxes(1, 2) if attrs.axis == 2 else outputs


def accumulate_conv(
    x: np.ndarray, weight: np.ndarray, window: SlidingWindow, padding: int = 0
) -> np.ndarray:
    """Return the 32-bit accumulators of a convolution of [N, C, H, W] with [M, C / G, KH, KW]."""
    (sy, sx), (dy, dx), (top, left, bottom, right) = (
        window.strides, window.dilations, window.pads
    )
    kind, most = _exact(x, weight)
    around = ((0, 0), (0, 0), (top, bottom), (left, right))
    x = np.pad(x.astype(kind), around, constant_values=padding)
    m, _, kh, kw = weight.shape
    oh = (x.shape[2] - dy * (kh - 1) - 1) // sy + 1
    ow = (x.shape[3] - dx * (kw - 1) - 1) // sx + 1
    total = np.zeros((x.shape[0], m, oh, ow))  # float64: exact far beyond 32 bits
    most = max(1, min(most, _ELEMENTS // (x.shape[0] * x.shape[1] * oh * ow)))
    taps = [(ky, kx) for ky in range(kh) for kx in range(kw)]
    for start in range(0, len(taps), most):
        some = taps[start : start + most]
        windows = [
            x[:, :, ky * dy : ky * dy + (oh - 1) * sy + 1 : sy,
              kx * dx : kx * dx + (ow - 1) * sx + 1 : sx] for ky, kx in some
        ]
        parts = [weight[:, :, ky, kx].astype(kind) for ky, kx in some]
        total += _multiply_channels(np.stack(windows, 2), np.stack(parts, 2))
    return wrap(total.astype(np.int64))


def accumulate_transposed(x: np.ndarray, attrs: TransposedAttributes) -> np.ndarray:
    """Return the 32-bit accumulators of a transposed convolution.

    Every input pixel adds its products to the outputs it reaches.
    """
    window, weight = attrs.window, attrs.weight
    (sy, sx), (dy, dx), (top, left, bottom, right) = (
        window.strides, window.dilations, window.pads
    )
    (m, _, kh, kw), (n, _, h, w) = weight.shape, x.shape
    rows = (h - 1) * sy + dy * (kh - 1) + 1 + attrs.output_padding[0]
    columns = (w - 1) * sx + dx * (kw - 1) + 1 + attrs.output_padding[1]
    total = np.zeros((n, m, rows, columns))  # float64: exact far beyond 32 bits
    kind, _ = _exact(x, weight)
    x = x.astype(kind)[:, :, None]
    for ky in range(kh):
        for kx in range(kw):
            part = _multiply_channels(x, weight[:, :, None, ky, kx].astype(kind))
            y, z = ky * dy, kx * dx
            total[:, :, y : y + (h - 1) * sy + 1 : sy, z : z + (w - 1) * sx + 1 : sx] += part
    return wrap(total[:, :, top : rows - bottom, left : columns - right].astype(np.int64))


def _exact(x: np.ndarray, weight: np.ndarray) -> tuple[type[np.floating[Any]], int]:
    """Return a float type that holds sums exactly, and the number of taps per sum.

    float32 if it holds at least one tap: no sum exceeds 24 bits.
    """
    peaks = int(np.abs(x).max(initial=1)) * int(np.abs(weight.astype(int)).max(initial=1))
    most = (1 << 24) // max(1, peaks * weight.shape[1])
    return (np.float32, most) if most else (np.float64, 1 << 20)


def _multiply_channels(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return [N, M, H, W] of taps [M, C / G, T] and the pixels [N, C, T, H, W] each of them meets.

    Group by group of the channels.
    """
    (n, c, t, h, w), (m, each, _) = x.shape, weight.shape
    groups = c // each
    pixels = x.reshape(n, groups, each * t, h * w)
    return np.asarray((weight.reshape(groups, m // groups, each * t) @ pixels).reshape(n, m, h, w))


def accumulate_gemm(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the 32-bit accumulators of ``x @ weight.T``."""
    return wrap((x.astype(np.float64) @ weight.T.astype(np.float64)).astype(np.int64))

"""Integer definitions of every operator, in plain numpy; convolutions are in another module.

Part of the oracle (:mod:`.reference_evaluator`): written from the definitions of the operators,
independently of their lowering.  Inputs and outputs are int64 with channels on axis 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..ir.attributes import (
    AddAttributes,
    AveragePoolAttributes,
    GlobalAverageAttributes,
    MaxPoolAttributes,
    SlidingWindow,
    TableAttributes,
)
from ..ir.fixed_point import requantize, wrap
from ..ir.piecewise_linear import ClippedLines
from ..ir.quantized_graph import QuantizedNode
from ..operators.affine import AffineAttributes
from ..operators.clip import ClipAttributes
from ..operators.concat import ConcatAttributes
from ..operators.hard_sigmoid import HardSigmoidAttributes
from ..operators.hard_swish import HardSwishAttributes
from ..operators.leaky_relu import LeakyReluAttributes
from ..operators.pad import PadAttributes
from ..operators.resize import ResizeAttributes
from ..operators.scaled_add import ScaledAddAttributes
from ..operators.slice import SliceAttributes
from .reference_convolutions import conv, dense, transposed

__all__ = ["REFERENCES", "windows"]


def _rescale(node: QuantizedNode, accumulator: np.ndarray, width: int) -> np.ndarray:
    return accumulator if node.requant is None else requantize(accumulator, node.requant, width)


def _products(values: list[np.ndarray], gains: tuple[int, ...]) -> list[np.ndarray]:
    return [gain * value for gain, value in zip(gains, values, strict=True)]


def _add(node: QuantizedNode[AddAttributes], values: list[np.ndarray], width: int) -> np.ndarray:
    constant = node.attrs.constant
    operands = values if constant is None else [*values, constant.astype(np.int64)]
    first, second = _products(operands, node.attrs.gains)
    return _rescale(node, wrap(first + second), width)


def _concat(
    node: QuantizedNode[ConcatAttributes], values: list[np.ndarray], width: int
) -> np.ndarray:
    return _rescale(node, np.concatenate(_products(values, node.attrs.gains), axis=1), width)


def _scaled_add(
    node: QuantizedNode[ScaledAddAttributes], values: list[np.ndarray], width: int
) -> np.ndarray:
    total = sum(_products(values, node.attrs.gains))
    return _rescale(node, wrap(np.asarray(total)), width)


def _affine(
    node: QuantizedNode[AffineAttributes], values: list[np.ndarray], width: int
) -> np.ndarray:
    lanes = (1, -1) + (1,) * (values[0].ndim - 2)
    factors = node.attrs.factors.astype(np.int64).reshape(lanes)
    return _rescale(node, wrap(values[0] * factors), width)


def _leaky(
    node: QuantizedNode[LeakyReluAttributes], values: list[np.ndarray], width: int
) -> np.ndarray:
    """``max(x, x / 2^slope)`` with the accumulator in units of ``2^-slope``."""
    return _rescale(node, np.maximum(values[0] << node.attrs.slope, values[0]), width)


def _tanh(node: QuantizedNode[ClippedLines], values: list[np.ndarray], width: int) -> np.ndarray:
    """The mean of clipped lines (:mod:`~..ir.piecewise_linear`)."""
    lines = node.attrs
    x = values[0] << lines.fine
    total = np.sum([np.clip(x, -bound, bound) for bound in lines.bounds], axis=0)
    return _rescale(node, wrap(total), width)


def _hard_swish(
    node: QuantizedNode[HardSwishAttributes], values: list[np.ndarray], width: int
) -> np.ndarray:
    """``x * gate / 6``: the gate is x + 3 between 0 and 6, 1/6 a factor."""
    x, integers = values[0], node.attrs
    aligned = x << integers.shift if integers.shift >= 0 else x >> -integers.shift
    gate = np.clip(aligned + integers.three, 0, 2 * integers.three)
    return _rescale(node, wrap(x * gate * integers.factor), width)


def _hard_sigmoid(
    node: QuantizedNode[HardSigmoidAttributes], values: list[np.ndarray], width: int
) -> np.ndarray:
    """``alpha * x + beta`` within 0 and 1: beta and the bounds are the requantization's."""
    return _rescale(node, wrap(values[0] * node.attrs.factor), width)


def _table(
    node: QuantizedNode[TableAttributes], values: list[np.ndarray], width: int
) -> np.ndarray:
    """The entry that each value selects."""
    assert node.requant is not None and node.requant.table is not None, node.name
    return node.requant.table[values[0] & 255].astype(np.int64)


def windows(x: np.ndarray, window: SlidingWindow, padding: int) -> list[np.ndarray]:
    """Return each tap of a sliding window over all outputs, ``[N, C, OH, OW]``."""
    (kh, kw), (sy, sx), (dy, dx) = window.kernel, window.strides, window.dilations
    top, left, bottom, right = window.pads
    x = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=padding)
    oh = (x.shape[2] - dy * (kh - 1) - 1) // sy + 1
    ow = (x.shape[3] - dx * (kw - 1) - 1) // sx + 1
    return [
        x[:, :, ky * dy : ky * dy + (oh - 1) * sy + 1 : sy,
          kx * dx : kx * dx + (ow - 1) * sx + 1 : sx]
        for ky in range(kh) for kx in range(kw)
    ]


def _max_pool(
    node: QuantizedNode[MaxPoolAttributes], values: list[np.ndarray], width: int
) -> np.ndarray:
    taps = windows(values[0], node.attrs.window, np.iinfo(np.int64).min)  # never wins
    return np.asarray(np.max(taps, axis=0))


def _average_pool(
    node: QuantizedNode[AveragePoolAttributes], values: list[np.ndarray], width: int
) -> np.ndarray:
    total = np.sum(windows(values[0], node.attrs.window, 0), axis=0)
    return _rescale(node, wrap(total * node.attrs.factors), width)


def _global_average(
    node: QuantizedNode[GlobalAverageAttributes], values: list[np.ndarray], width: int
) -> np.ndarray:
    x = values[0]
    total = x.reshape(*x.shape[:2], -1).sum(2)
    mean = _rescale(node, wrap(total * node.attrs.factor), width)
    return mean.reshape(*x.shape[:2], *(1,) * (node.attrs.rank - 2))


def _clip(node: QuantizedNode[ClipAttributes], values: list[np.ndarray], width: int) -> np.ndarray:
    return np.minimum(np.maximum(values[0], node.attrs.low), node.attrs.high)


def _slice(
    node: QuantizedNode[SliceAttributes], values: list[np.ndarray], width: int
) -> np.ndarray:
    return values[0][:, node.attrs.start : node.attrs.stop]


def _pad(node: QuantizedNode[PadAttributes], values: list[np.ndarray], width: int) -> np.ndarray:
    x, (top, left, bottom, right) = values[0], node.attrs.pads
    rows, columns = x.shape[2] + top + bottom, x.shape[3] + left + right
    out = np.full((*x.shape[:2], rows, columns), node.attrs.fill, np.int64)
    for y in range(max(top, 0), min(top + x.shape[2], rows)):
        for c in range(max(left, 0), min(left + x.shape[3], columns)):
            out[:, :, y, c] = x[:, :, y - top, c - left]
    return out


def _resize(
    node: QuantizedNode[ResizeAttributes], values: list[np.ndarray], width: int
) -> np.ndarray:
    rows, columns = node.attrs.factors
    return values[0].repeat(rows, axis=2).repeat(columns, axis=3)


REFERENCES: dict[str, Callable[[Any, list[np.ndarray], int], np.ndarray]] = {
    "Conv": conv, "ConvTranspose": transposed, "Gemm": dense,
    "Add": _add, "Affine": _affine, "Concat": _concat, "LeakyRelu": _leaky, "Tanh": _tanh,
    "HardSwish": _hard_swish, "HardSigmoid": _hard_sigmoid, "Table": _table,
    "MaxPool": _max_pool,
    "AveragePool": _average_pool, "GlobalAveragePool": _global_average, "Clip": _clip,
    "ScaledAdd": _scaled_add, "Slice": _slice, "Pad": _pad, "Resize": _resize,
    "Relu": lambda node, values, width: np.maximum(values[0], 0),
    "Flatten": lambda node, values, width: values[0].reshape(len(values[0]), -1),
    "View": lambda node, values, width: values[0].reshape(len(values[0]), *node.attrs.shape),
}
"""``REFERENCES[operator](node, inputs, width)``: int64 in and out."""

"""Layers of transformers and of squeeze-excite networks, with hand-written gradients.

As in :mod:`layers`; images are ``[image, row, column, channel]``, tokens ``[image, token,
feature]``.  A :class:`Chain` is layers one after another, also around a skip connection.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from layers import BatchNorm, Dense, Layer
from scipy.special import erf

__all__ = ["Attention", "Chain", "Depthwise", "Gelu", "HardSwish", "LayerNorm", "Positions",
           "SqueezeExcite", "TokenMean", "trained"]


class Chain(Layer):
    """Layers one after another; with ``skip`` their output is added to the input."""

    def __init__(self, *layers: Layer, skip: bool = False):
        super().__init__()
        self.layers, self.skip = layers, skip

    def forward(self, x: np.ndarray) -> np.ndarray:
        y = x
        for layer in self.layers:
            y = layer.forward(y)
        return x + y if self.skip else y

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        inner = gradient
        for layer in reversed(self.layers):
            inner = layer.backward(inner)
        return gradient + inner if self.skip else inner


class LayerNorm(Layer):
    """Normalize the features of each token, then scale and shift them."""

    epsilon = 1e-5

    def __init__(self, features: int):
        super().__init__()
        self.weights["scale"] = np.ones(features, np.float32)
        self.weights["shift"] = np.zeros(features, np.float32)

    def forward(self, x: np.ndarray) -> np.ndarray:
        centered = x - x.mean(-1, keepdims=True)
        self._inverse = 1 / np.sqrt((centered**2).mean(-1, keepdims=True) + self.epsilon)
        self._normal = centered * self._inverse
        return self._normal * self.weights["scale"] + self.weights["shift"]

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        axes = tuple(range(gradient.ndim - 1))
        self.gradients["shift"] = gradient.sum(axes)
        self.gradients["scale"] = (gradient * self._normal).sum(axes)
        through = gradient * self.weights["scale"]
        return self._inverse * (
            through - through.mean(-1, keepdims=True)
            - self._normal * (through * self._normal).mean(-1, keepdims=True))


class Positions(Layer):
    """Add a learned vector to each token."""

    def __init__(self, tokens: int, features: int, rng: np.random.Generator):
        super().__init__()
        self.weights["p"] = rng.normal(0, 0.1, (tokens, features)).astype(np.float32)

    def forward(self, x: np.ndarray) -> np.ndarray:
        return x + self.weights["p"]

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        self.gradients["p"] = gradient.sum(0)
        return gradient


class Gelu(Layer):
    """The exact GELU, ``x`` times the normal distribution at ``x``."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        share = (0.5 * (1 + erf(x / np.sqrt(2)))).astype(x.dtype)
        density = np.exp(-0.5 * x**2) / x.dtype.type(np.sqrt(2 * np.pi))
        self._slope = share + x * density
        return x * share

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        return gradient * self._slope


class HardSwish(Layer):
    """``x * clip(x + 3, 0, 6) / 6``."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        gate = np.clip(x + 3, 0, 6) / 6
        self._slope = gate + x * (np.abs(x) < 3) / 6
        return x * gate

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        return gradient * self._slope


class Attention(Layer):
    """Attention of every token to every other; the four projections are layers of their own."""

    def __init__(self, features: int, heads: int, rng: np.random.Generator):
        super().__init__()
        self.heads = heads
        self.projections = [Dense(features, features, rng) for _ in range(4)]

    def forward(self, x: np.ndarray) -> np.ndarray:
        query, key, value = (self._split(layer.forward(x)) for layer in self.projections[:3])
        scores = query @ key.swapaxes(2, 3) / x.dtype.type(np.sqrt(query.shape[-1]))
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        shares /= shares.sum(-1, keepdims=True)
        self._kept = query, key, value, shares
        return self.projections[3].forward(self._merge(shares @ value))

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        query, key, value, shares = self._kept
        inner = self._split(self.projections[3].backward(gradient))
        of_shares = inner @ value.swapaxes(2, 3)
        of_scores = shares * (of_shares - (of_shares * shares).sum(-1, keepdims=True))
        of_scores /= gradient.dtype.type(np.sqrt(query.shape[-1]))
        parts = (of_scores @ key, of_scores.swapaxes(2, 3) @ query,
                 shares.swapaxes(2, 3) @ inner)
        total = np.zeros_like(gradient)
        for layer, part in zip(self.projections, parts, strict=False):
            total += layer.backward(self._merge(part))
        return total

    def _split(self, x: np.ndarray) -> np.ndarray:
        images, tokens, features = x.shape
        return x.reshape(images, tokens, self.heads, features // self.heads).swapaxes(1, 2)

    def _merge(self, x: np.ndarray) -> np.ndarray:
        images, _, tokens, _ = x.shape
        return x.swapaxes(1, 2).reshape(images, tokens, -1)


class TokenMean(Layer):
    """Mean over tokens."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        self._shape = x.shape
        return x.mean(1)

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        share = gradient[:, None] / gradient.dtype.type(self._shape[1])
        return np.broadcast_to(share, self._shape).copy()


class Depthwise(Layer):
    """3x3 convolution of each channel by itself, one pixel of zero padding; weight ``[9, C]``."""

    decayed = ("w",)

    def __init__(self, channels: int, stride: int, rng: np.random.Generator):
        super().__init__()
        self.stride = stride
        self.weights["w"] = rng.normal(0, np.sqrt(2 / 9), (9, channels)).astype(np.float32)

    def _taps(self, padded: np.ndarray) -> list[np.ndarray]:
        rows, columns, step = padded.shape[1] - 2, padded.shape[2] - 2, self.stride
        return [padded[:, y : y + rows : step, x : x + columns : step]
                for y in range(3) for x in range(3)]

    def forward(self, x: np.ndarray) -> np.ndarray:
        self._padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        return sum(tap * weight for tap, weight in
                   zip(self._taps(self._padded), self.weights["w"], strict=True))

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        self.gradients["w"] = np.stack([
            (tap * gradient).sum((0, 1, 2)) for tap in self._taps(self._padded)])
        padded = np.zeros_like(self._padded)
        for tap, weight in zip(self._taps(padded), self.weights["w"], strict=True):
            tap += gradient * weight
        return padded[:, 1:-1, 1:-1]


class SqueezeExcite(Layer):
    """Scale every channel by a gate: two dense layers on the means, Relu, HardSigmoid."""

    def __init__(self, channels: int, inner: int, rng: np.random.Generator):
        super().__init__()
        self.projections = [Dense(channels, inner, rng), Dense(inner, channels, rng)]

    def forward(self, x: np.ndarray) -> np.ndarray:
        self._x = x
        self._inner = np.maximum(self.projections[0].forward(x.mean((1, 2))), 0)
        self._sums = self.projections[1].forward(self._inner)
        self._gate = (np.clip(self._sums + 3, 0, 6) / 6)[:, None, None]
        return x * self._gate

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        of_gate = (gradient * self._x).sum((1, 2)) * (np.abs(self._sums) < 3) / 6
        of_inner = self.projections[1].backward(of_gate) * (self._inner > 0)
        of_mean = self.projections[0].backward(of_inner)
        pixels = self._x.dtype.type(self._x.shape[1] * self._x.shape[2])
        return gradient * self._gate + (of_mean / pixels)[:, None, None]


def trained(layer: Layer) -> Iterator[Layer]:
    """Yield every layer with weights or statistics in a layer, in order."""
    if isinstance(layer, Chain):
        for part in layer.layers:
            yield from trained(part)
    elif isinstance(layer, (Attention, SqueezeExcite)):
        yield from layer.projections
    elif layer.weights or isinstance(layer, BatchNorm):
        yield layer

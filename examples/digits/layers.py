"""Layers with hand-written gradients, in numpy: just enough to train the digits network.

Tensors are ``[image, row, column, channel]`` float32.  Every layer has ``forward(x)``,
``backward(gradient) -> gradient`` (which also fills ``gradients``), ``weights`` (name -> array) and
``decayed``, the names that weight decay shrinks.  ``BatchNorm`` measures its batch while
``training`` is set and otherwise uses the measured statistics.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

__all__ = ["BatchNorm", "Conv", "Dense", "GlobalAverage", "Layer", "MaxPool", "Relu"]


class Layer(ABC):
    """What all layers share: no weights, no decay, nothing to train."""

    decayed: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.weights: dict[str, np.ndarray] = {}
        self.gradients: dict[str, np.ndarray] = {}
        self.training = True

    @abstractmethod
    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return the outputs for inputs ``[images, ...]``."""

    @abstractmethod
    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """Set the gradients of the weights; return that of the inputs."""


class Conv(Layer):
    """3x3 convolution with one pixel of zero padding and no bias; weight ``[9 * in, out]``."""

    decayed = ("w",)

    def __init__(self, inputs: int, outputs: int, stride: int, rng: np.random.Generator):
        super().__init__()
        self.inputs, self.outputs, self.stride = inputs, outputs, stride
        deviation = np.sqrt(2 / (9 * inputs))
        self.weights["w"] = rng.normal(0, deviation, (9 * inputs, outputs)).astype(np.float32)

    def _taps(self, padded: np.ndarray) -> list[np.ndarray]:
        rows, columns = padded.shape[1] - 2, padded.shape[2] - 2
        step = self.stride
        return [padded[:, y : y + rows : step, x : x + columns : step]
                for y in range(3) for x in range(3)]

    def forward(self, x: np.ndarray) -> np.ndarray:
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        self._padded_shape = padded.shape
        self._columns = np.concatenate(self._taps(padded), axis=3)
        return self._columns @ self.weights["w"]

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        flat = gradient.reshape(-1, self.outputs)
        self.gradients["w"] = self._columns.reshape(len(flat), -1).T @ flat
        padded = np.zeros(self._padded_shape, np.float32)
        parts = np.split(gradient @ self.weights["w"].T, 9, axis=3)
        for tap, part in zip(self._taps(padded), parts, strict=True):
            tap += part
        return padded[:, 1:-1, 1:-1]


class BatchNorm(Layer):
    """Normalize each channel, then scale and shift it; ``mean`` and ``variance`` are measured."""

    epsilon = 1e-5

    def __init__(self, channels: int):
        super().__init__()
        self.weights["scale"] = np.ones(channels, np.float32)
        self.weights["shift"] = np.zeros(channels, np.float32)
        self.mean = np.zeros(channels, np.float32)
        self.variance = np.ones(channels, np.float32)

    def forward(self, x: np.ndarray) -> np.ndarray:
        if self.training:
            self.mean, self.variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
        self._inverse = 1 / np.sqrt(self.variance + self.epsilon)
        self._normal = (x - self.mean) * self._inverse
        return self._normal * self.weights["scale"] + self.weights["shift"]

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        axes = (0, 1, 2)
        self.gradients["shift"] = gradient.sum(axes)
        self.gradients["scale"] = (gradient * self._normal).sum(axes)
        through = gradient * self.weights["scale"]
        through = through - through.mean(axes) - self._normal * (through * self._normal).mean(axes)
        return through * self._inverse


class Relu(Layer):
    """Replace negative values by zero."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        self._positive = x > 0
        return x * self._positive

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        return gradient * self._positive


class MaxPool(Layer):
    """Largest of each 2x2 window, stride 2; ties share the gradient."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        images, rows, columns, channels = x.shape
        self._windows = x.reshape(images, rows // 2, 2, columns // 2, 2, channels)
        self._largest = self._windows.max((2, 4), keepdims=True)
        return self._largest.reshape(images, rows // 2, columns // 2, channels)

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        chosen = self._windows == self._largest
        share = chosen / chosen.sum((2, 4), keepdims=True, dtype=np.float32)
        images, rows, _, columns, _, channels = self._windows.shape
        spread = share * gradient.reshape(images, rows, 1, columns, 1, channels)
        return spread.reshape(images, rows * 2, columns * 2, channels)


class GlobalAverage(Layer):
    """Mean over rows and columns: ``[image, channel]``."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        self._shape = x.shape
        return x.mean((1, 2))

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        share = gradient / np.float32(self._shape[1] * self._shape[2])
        return np.broadcast_to(share[:, None, None, :], self._shape).copy()


class Dense(Layer):
    """Matrix product over the last axis, and bias; weight ``[in, out]``."""

    decayed = ("w",)

    def __init__(
        self, inputs: int, outputs: int, rng: np.random.Generator, *, bias: bool = True
    ):
        super().__init__()
        self.weights["w"] = rng.normal(0, 1 / np.sqrt(inputs), (inputs, outputs)).astype(np.float32)
        if bias:
            self.weights["b"] = np.zeros(outputs, np.float32)

    def forward(self, x: np.ndarray) -> np.ndarray:
        self._x = x
        y = x @ self.weights["w"]
        return y + self.weights["b"] if "b" in self.weights else y

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        inputs, outputs = self.weights["w"].shape
        flat = gradient.reshape(-1, outputs)
        self.gradients["w"] = self._x.reshape(-1, inputs).T @ flat
        if "b" in self.weights:
            self.gradients["b"] = flat.sum(0)
        return gradient @ self.weights["w"].T

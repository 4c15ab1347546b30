"""The digits network: five 3x3 convolutions, a residual add, pooling and a dense head."""

from __future__ import annotations

import numpy as np
import onnx
from layers import BatchNorm, Conv, Dense, GlobalAverage, Layer, MaxPool, Relu
from onnx_graph import OnnxGraph

__all__ = ["Network"]


class Network:
    """Images ``[n, 8, 8, 1]`` in 0..1 to ten logits; layers carry the names of the ONNX nodes."""

    name = "digits"

    def __init__(self, rng: np.random.Generator):
        self.layers: dict[str, Layer] = {}
        sizes = ((1, 16, 1), (16, 16, 1), (16, 16, 1), (16, 32, 1), (32, 64, 2))
        for number, (inputs, outputs, stride) in enumerate(sizes, 1):
            self.layers[f"conv{number}"] = Conv(inputs, outputs, stride, rng)
            self.layers[f"norm{number}"] = BatchNorm(outputs)
            self.layers[f"relu{number}"] = Relu()
        self.layers |= {"pool": MaxPool(), "average": GlobalAverage(), "head": Dense(64, 10, rng)}

    def forward(self, images: np.ndarray, *, training: bool = False) -> np.ndarray:
        """Return logits ``[n, 10]``; ``training`` makes BatchNorm measure this batch."""
        for layer in self.layers.values():
            layer.training = training
        x = skip = self._forward(images, "conv1", "norm1", "relu1")
        x = self._forward(x, "conv2", "norm2", "relu2", "conv3", "norm3") + skip
        return self._forward(x, "relu3", "pool", "conv4", "norm4", "relu4",
                             "conv5", "norm5", "relu5", "average", "head")

    def backward(self, gradient: np.ndarray) -> None:
        """Fill every layer's gradients from the gradient of the logits ``[n, 10]``."""
        x = skip = self._backward(gradient, "head", "average", "relu5", "norm5", "conv5",
                                  "relu4", "norm4", "conv4", "pool", "relu3")
        x = self._backward(x, "norm3", "conv3", "relu2", "norm2", "conv2") + skip
        self._backward(x, "relu1", "norm1", "conv1")

    def _forward(self, x: np.ndarray, *names: str) -> np.ndarray:
        for name in names:
            x = self.layers[name].forward(x)
        return x

    def _backward(self, gradient: np.ndarray, *names: str) -> np.ndarray:
        for name in names:
            gradient = self.layers[name].backward(gradient)
        return gradient

    def export(self) -> onnx.ModelProto:
        """Return the network as ONNX."""
        graph = OnnxGraph("digits")
        x = skip = graph.node("Relu", "relu1", self._conv_norm(graph, 1, "image"))
        x = graph.node("Relu", "relu2", self._conv_norm(graph, 2, x))
        x = graph.node("Add", "residual", self._conv_norm(graph, 3, x), skip)
        x = graph.node("MaxPool", "pool", graph.node("Relu", "relu3", x), kernel_shape=[2, 2],
                       strides=[2, 2])
        x = graph.node("Relu", "relu4", self._conv_norm(graph, 4, x))
        x = graph.node("Relu", "relu5", self._conv_norm(graph, 5, x))
        x = graph.node("Flatten", "features", graph.node("GlobalAveragePool", "average", x), axis=1)
        graph.head(x, self.layers["head"].weights)
        return graph.model()

    def _conv_norm(self, graph: OnnxGraph, number: int, x: str) -> str:
        conv, norm = self.layers[f"conv{number}"], self.layers[f"norm{number}"]
        assert isinstance(conv, Conv)
        assert isinstance(norm, BatchNorm)
        kernel = conv.weights["w"].reshape(3, 3, conv.inputs, conv.outputs).transpose(3, 2, 0, 1)
        x = graph.node(
            "Conv", f"conv{number}", x, graph.constant(f"conv{number}.weight", kernel),
            kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[conv.stride] * 2)
        return graph.batch_norm(f"norm{number}", x, norm)

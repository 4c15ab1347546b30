"""A small squeeze-excite network for digits: inverted residuals with HardSwish, as MobileNet-v3."""

from __future__ import annotations

import numpy as np
import onnx
from blocks import Chain, Depthwise, HardSwish, SqueezeExcite, trained
from layers import BatchNorm, Conv, Dense, GlobalAverage, Layer
from onnx_graph import OnnxGraph

__all__ = ["SqueezeExciteNetwork"]

STEM = 16
BLOCKS = ((16, 64, 16, 1), (16, 64, 32, 2), (32, 96, 32, 1), (32, 96, 32, 1))
"""Channels before, expanded and after, and the stride, of each inverted residual."""


class SqueezeExciteNetwork:
    """Images ``[n, 8, 8, 1]`` in 0..1 to ten logits."""

    name = "digits_se"

    def __init__(self, rng: np.random.Generator):
        self.stem = Chain(Conv(1, STEM, 1, rng), BatchNorm(STEM), HardSwish())
        self.blocks = [
            Chain(
                Dense(before, wide, rng, bias=False), BatchNorm(wide), HardSwish(),
                Depthwise(wide, stride, rng), BatchNorm(wide), HardSwish(),
                SqueezeExcite(wide, wide // 4, rng),
                Dense(wide, after, rng, bias=False), BatchNorm(after),
                skip=stride == 1 and before == after,
            ) for before, wide, after, stride in BLOCKS
        ]
        self.head = Chain(GlobalAverage(), Dense(BLOCKS[-1][2], 10, rng))
        self.whole = Chain(self.stem, *self.blocks, self.head)
        self.layers: dict[str, Layer] = {
            f"layer{number}": layer for number, layer in enumerate(trained(self.whole))}

    def forward(self, images: np.ndarray, *, training: bool = False) -> np.ndarray:
        """Return logits ``[n, 10]``; ``training`` makes BatchNorm measure this batch."""
        for layer in self.layers.values():
            layer.training = training
        return self.whole.forward(images)

    def backward(self, gradient: np.ndarray) -> None:
        """Fill every layer's gradients from the gradient of the logits ``[n, 10]``."""
        self.whole.backward(gradient)

    def export(self) -> onnx.ModelProto:
        """Return the network as ONNX."""
        graph = OnnxGraph("digits_se")
        conv, norm, _ = self.stem.layers
        kernel = conv.weights["w"].reshape(3, 3, 1, STEM).transpose(3, 2, 0, 1)
        x = graph.node("Conv", "stem", "image", graph.constant("stem.weight", kernel),
                       kernel_shape=[3, 3], pads=[1] * 4)
        x = graph.node("HardSwish", "stem.active", _norm(graph, "stem.norm", x, norm))
        for number, block in enumerate(self.blocks, 1):
            y = _inverted_residual(graph, f"block{number}", x, block.layers)
            x = graph.node("Add", f"block{number}", x, y) if block.skip else y
        x = graph.node("Flatten", "features", graph.node("GlobalAveragePool", "average", x), axis=1)
        graph.head(x, self.head.layers[1].weights)
        return graph.model()


def _norm(graph: OnnxGraph, name: str, x: str, layer: Layer) -> str:
    assert isinstance(layer, BatchNorm)
    return graph.batch_norm(name, x, layer)


def _pointwise(graph: OnnxGraph, name: str, x: str, layer: Layer) -> str:
    """Add a dense layer over channels as a 1x1 convolution."""
    inputs = [graph.constant(f"{name}.weight", layer.weights["w"].T[:, :, None, None])]
    if "b" in layer.weights:
        inputs.append(graph.constant(f"{name}.bias", layer.weights["b"]))
    return graph.node("Conv", name, x, *inputs, kernel_shape=[1, 1])


def _inverted_residual(
    graph: OnnxGraph, name: str, x: str, layers: tuple[Layer, ...]
) -> str:
    expand, expand_norm, _, depthwise, depthwise_norm, _, squeeze, project, project_norm = layers
    assert isinstance(depthwise, Depthwise)
    assert isinstance(squeeze, SqueezeExcite)
    y = _norm(graph, f"{name}.expand.norm", _pointwise(graph, f"{name}.expand", x, expand),
              expand_norm)
    y = graph.node("HardSwish", f"{name}.expand.active", y)
    kernel = depthwise.weights["w"].T.reshape(-1, 1, 3, 3)
    y = graph.node("Conv", f"{name}.depthwise", y,
                   graph.constant(f"{name}.depthwise.weight", kernel), kernel_shape=[3, 3],
                   pads=[1] * 4, strides=[depthwise.stride] * 2, group=len(kernel))
    y = graph.node("HardSwish", f"{name}.depthwise.active",
                   _norm(graph, f"{name}.depthwise.norm", y, depthwise_norm))
    gate = graph.node("GlobalAveragePool", f"{name}.mean", y)
    gate = graph.node("Relu", f"{name}.squeezed",
                      _pointwise(graph, f"{name}.squeeze", gate, squeeze.projections[0]))
    gate = graph.node("HardSigmoid", f"{name}.gate",
                      _pointwise(graph, f"{name}.excite", gate, squeeze.projections[1]),
                      alpha=1 / 6, beta=0.5)
    y = graph.node("Mul", f"{name}.scaled", gate, y)
    return _norm(graph, f"{name}.project.norm",
                 _pointwise(graph, f"{name}.project", y, project), project_norm)

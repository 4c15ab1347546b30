"""A small vision transformer for digits: 16 patches of 2x2 pixels, three layers of 48 features."""

from __future__ import annotations

import numpy as np
import onnx
from blocks import Attention, Chain, Gelu, LayerNorm, Positions, TokenMean, trained
from layers import Dense, Layer
from onnx_graph import OnnxGraph

__all__ = ["VisionTransformer"]

PATCH, SIDE = 2, 4  # pixels of a patch's side, patches of an image's side
FEATURES, HEADS, HIDDEN, DEPTH = 48, 3, 96, 3


class VisionTransformer:
    """Images ``[n, 8, 8, 1]`` in 0..1 to ten logits; attention and perceptron after their norms."""

    name = "digits_vit"

    def __init__(self, rng: np.random.Generator):
        self.embed = Chain(Dense(PATCH**2, FEATURES, rng), Positions(SIDE**2, FEATURES, rng))
        self.blocks = [
            Chain(
                Chain(LayerNorm(FEATURES), Attention(FEATURES, HEADS, rng), skip=True),
                Chain(LayerNorm(FEATURES), Dense(FEATURES, HIDDEN, rng), Gelu(),
                      Dense(HIDDEN, FEATURES, rng), skip=True),
            ) for _ in range(DEPTH)
        ]
        self.head = Chain(LayerNorm(FEATURES), TokenMean(), Dense(FEATURES, 10, rng))
        self.whole = Chain(self.embed, *self.blocks, self.head)
        self.layers: dict[str, Layer] = {
            f"layer{number}": layer for number, layer in enumerate(trained(self.whole))}

    def forward(self, images: np.ndarray, *, training: bool = False) -> np.ndarray:
        """Return logits ``[n, 10]``; nothing depends on ``training``."""
        patches = images.reshape(-1, SIDE, PATCH, SIDE, PATCH).swapaxes(2, 3)
        return self.whole.forward(patches.reshape(len(images), SIDE**2, PATCH**2))

    def backward(self, gradient: np.ndarray) -> None:
        """Fill every layer's gradients from the gradient of the logits ``[n, 10]``."""
        self.whole.backward(gradient)

    def export(self) -> onnx.ModelProto:
        """Return the network as ONNX; patches are a convolution with its kernel as stride."""
        graph = OnnxGraph("digits_vit")
        dense, positions = self.embed.layers
        kernel = dense.weights["w"].T.reshape(FEATURES, 1, PATCH, PATCH)
        x = graph.node("Conv", "patches", "image", graph.constant("patches.weight", kernel),
                       graph.constant("patches.bias", dense.weights["b"]),
                       kernel_shape=[PATCH] * 2, strides=[PATCH] * 2)
        shape = graph.constant("tokens.shape", np.array([1, FEATURES, SIDE**2]))
        x = graph.node("Transpose", "tokens", graph.node("Reshape", "flat", x, shape),
                       perm=[0, 2, 1])
        x = graph.node("Add", "embedded", x,
                       graph.constant("positions", positions.weights["p"][None]))
        for number, block in enumerate(self.blocks, 1):
            attention, perceptron = (part.layers for part in block.layers)
            y = _norm(graph, f"norm{number}a", x, attention[0])
            y = _attend(graph, f"attention{number}", y, attention[1])
            x = graph.node("Add", f"residual{number}a", x, y)
            y = _norm(graph, f"norm{number}b", x, perceptron[0])
            y = graph.linear(f"wide{number}", y, perceptron[1].weights)
            y = graph.linear(f"narrow{number}", _gelu(graph, f"gelu{number}", y),
                             perceptron[3].weights)
            x = graph.node("Add", f"residual{number}b", x, y)
        norm, _, dense = self.head.layers
        x = graph.node("ReduceMean", "mean", _norm(graph, "norm", x, norm), axes=[1], keepdims=0)
        graph.head(x, dense.weights)
        return graph.model()


def _norm(graph: OnnxGraph, name: str, x: str, layer: Layer) -> str:
    return graph.node(
        "LayerNormalization", name, x, graph.constant(f"{name}.scale", layer.weights["scale"]),
        graph.constant(f"{name}.shift", layer.weights["shift"]), axis=-1,
        epsilon=LayerNorm.epsilon)


def _gelu(graph: OnnxGraph, name: str, x: str) -> str:
    scaled = graph.node("Div", f"{name}.scaled", x,
                        graph.constant(f"{name}.root", np.float32(np.sqrt(2))))
    share = graph.node("Add", f"{name}.share", graph.node("Erf", f"{name}.erf", scaled),
                       graph.constant(f"{name}.one", np.float32(1)))
    product = graph.node("Mul", f"{name}.product", x, share)
    return graph.node("Mul", name, product, graph.constant(f"{name}.half", np.float32(0.5)))


def _attend(graph: OnnxGraph, name: str, x: str, layer: Layer) -> str:
    assert isinstance(layer, Attention)
    tokens, width = SIDE**2, FEATURES // HEADS
    shape = graph.constant(f"{name}.heads", np.array([1, tokens, HEADS, width]))
    parts = []
    for part, dense in zip(("query", "key", "value"), layer.projections, strict=False):
        y = graph.linear(f"{name}.{part}", x, dense.weights)
        y = graph.node("Reshape", f"{name}.{part}.split", y, shape)
        perm = [0, 2, 3, 1] if part == "key" else [0, 2, 1, 3]
        parts.append(graph.node("Transpose", f"{name}.{part}.heads", y, perm=perm))
    query, key, value = parts
    scores = graph.node("Div", f"{name}.scores", graph.node("MatMul", f"{name}.qk", query, key),
                        graph.constant(f"{name}.root", np.float32(np.sqrt(width))))
    shares = graph.node("Softmax", f"{name}.softmax", scores, axis=-1)
    mixed = graph.node("MatMul", f"{name}.mixed", shares, value)
    merged = graph.node("Transpose", f"{name}.tokens", mixed, perm=[0, 2, 1, 3])
    merged = graph.node("Reshape", f"{name}.merged", merged, graph.constant(
        f"{name}.features", np.array([1, tokens, FEATURES])))
    return graph.linear(f"{name}.out", merged, layer.projections[3].weights)

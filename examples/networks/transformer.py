"""Parts of transformers on ``[samples, tokens, features]``, spelled as torch.onnx.export does.

Weights are drawn so that every part keeps the statistics of trained ones: attention scores have a
deviation of about 1.5, projections into the residual stream add a small share, and a few features
of a normalization are several times larger than the rest (Bondarenko et al. 2021).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from activations import gelu
from builder import Activation, Builder

__all__ = ["Attention", "heads", "layer_norm", "linear", "merge_heads", "mlp", "residual",
           "rms_norm", "scores_by_value", "table"]

LAYER_NORM_OPSET = 17  # the first with a node of its own
AXES_INPUT_OPSET = 18  # the first where the axes of a ReduceMean are an input
SCORE_GAIN = 1.5  # second moment of queries and keys
RESIDUAL_GAIN = 0.3  # second moment of what a layer adds to normalized tokens
_LARGE_SHARE, _LARGE = 0.02, 4.0  # features with larger scales, and how much


@dataclass(frozen=True)
class Attention:
    """Heads of an attention, and the features of each."""

    heads: int
    features: int

    @property
    def width(self) -> int:
        """Features of all heads."""
        return self.heads * self.features


def linear(net: Builder, x: str, features: int, gain: float = 1.0, *, bias: bool = True) -> str:
    """Add a product with a weight ``[inputs, features]`` and, before its bias, a sum."""
    inputs = net.values[x].shape[-1]
    weight = net.random.normal(0, np.sqrt(gain / inputs), (inputs, features))
    y = net.node("MatMul", [x, net.constant("weight", weight.astype(np.float32))])
    if not bias:
        return y
    drawn = net.random.normal(0, 0.1, features).astype(np.float32)
    total = net.node("Add", [net.constant("bias", drawn), y])
    net.forget(y)
    return total


def table(net: Builder, rows: int, features: int, deviation: float) -> str:
    """Add the constant of an embedding ``[rows, features]``."""
    drawn = net.random.normal(0, deviation, (rows, features))
    return net.constant("weight", drawn.astype(np.float32))


def layer_norm(net: Builder, x: str, epsilon: float = 1e-6) -> str:
    """Normalize the last axis: one node, or its decomposition before operator set 17."""
    features = net.values[x].shape[-1]
    scale = net.constant("weight", _scales(net, features))
    shift = net.constant("bias", net.random.normal(0, 0.2, features).astype(np.float32))
    if net.opset >= LAYER_NORM_OPSET:
        return net.node("LayerNormalization", [x, scale, shift], axis=-1, epsilon=epsilon)
    centered = net.node("Sub", [x, reduce_mean(net, x)])
    variance = reduce_mean(net, net.node("Pow", [centered, net.scalar(2)]))
    deviation = net.node("Sqrt", [net.node("Add", [variance, net.scalar(epsilon)])])
    normal = net.node("Div", [centered, deviation])
    return net.node("Add", [net.node("Mul", [normal, scale]), shift])


def rms_norm(net: Builder, x: str, epsilon: float = 1e-5) -> str:
    """Divide the last axis by its root mean square and scale it (Zhang and Sennrich 2019)."""
    square = reduce_mean(net, net.node("Pow", [x, net.scalar(2)]))
    root = net.node("Sqrt", [net.node("Add", [square, net.scalar(epsilon)])])
    normal = net.node("Mul", [x, net.node("Div", [net.scalar(1), root])])
    scale = net.constant("weight", _scales(net, net.values[x].shape[-1]))
    return net.node("Mul", [scale, normal])


def reduce_mean(net: Builder, x: str) -> str:
    """Add the mean over the last axis, which is kept."""
    if net.opset >= AXES_INPUT_OPSET:
        return net.node("ReduceMean", [x, net.indices(-1)], keepdims=1)
    return net.node("ReduceMean", [x], axes=[-1], keepdims=1)


def heads(net: Builder, x: str, shape: Attention, name: str = "") -> str:
    """Return ``[samples, heads, tokens, features of one]`` of ``[samples, tokens, features]``."""
    tokens = net.values[x].shape[-2]
    return net.node("Transpose", [net.reshape(x, tokens, shape.heads, shape.features)], name,
                    perm=[0, 2, 1, 3])


def merge_heads(net: Builder, x: str) -> str:
    """Return ``[samples, tokens, features]`` of ``[samples, heads, tokens, features of one]``."""
    _, count, tokens, features = net.values[x].shape
    return net.reshape(net.node("Transpose", [x], perm=[0, 2, 1, 3]), tokens, count * features)


def scores_by_value(net: Builder, scores: str, value: str) -> str:
    """Add the Softmax of scores over keys, and its product with the values."""
    shares = net.node("Softmax", [scores], axis=-1)
    y = net.node("MatMul", [shares, value])
    net.forget(scores, shares)
    return y


def mlp(net: Builder, x: str, hidden: int, activation: Activation = gelu) -> str:
    """Add two dense layers with an activation between."""
    wide = linear(net, x, hidden, 2.0)
    active = activation(net, wide)
    y = linear(net, active, net.values[x].shape[-1], RESIDUAL_GAIN)
    net.forget(wide, active)
    return y


def residual(net: Builder, x: str, y: str) -> str:
    """Add ``y`` to ``x``."""
    total = net.node("Add", [x, y])
    net.forget(y)
    return total


def _scales(net: Builder, features: int) -> np.ndarray:
    scales = net.random.lognormal(0, 0.2, features)
    large = net.random.permutation(features)[: int(np.ceil(_LARGE_SHARE * features))]
    scales[large] *= _LARGE
    return (scales / np.sqrt((scales**2).mean())).astype(np.float32)

"""Vision transformers of one resolution, as timm builds and torch.onnx.export writes them."""

from __future__ import annotations

import numpy as np
from builder import Builder, Window
from transformer import (
    RESIDUAL_GAIN,
    SCORE_GAIN,
    Attention,
    layer_norm,
    linear,
    merge_heads,
    mlp,
    residual,
    scores_by_value,
)

__all__ = ["deit_tiny", "vit_small"]

_PATCH, _DEPTH, _WIDTH_OF_HEAD = 16, 12, 64


def deit_tiny(net: Builder) -> list[str]:
    """DeiT-Ti without distillation (Touvron et al. 2021, table 1)."""
    return _vision_transformer(net, Attention(3, _WIDTH_OF_HEAD))


def vit_small(net: Builder) -> list[str]:
    """ViT-S/16 (Steiner et al. 2022, table 2)."""
    return _vision_transformer(net, Attention(6, _WIDTH_OF_HEAD))


def _vision_transformer(net: Builder, shape: Attention) -> list[str]:
    x = _embed(net, shape.width)
    for _ in range(_DEPTH):
        x = residual(net, x, _attend(net, layer_norm(net, x), shape))
        x = residual(net, x, mlp(net, layer_norm(net, x), 4 * shape.width))
    token = net.node("Gather", [layer_norm(net, x), net.constant("indices", np.array(0, np.int64))],
                     axis=1)
    return [net.dense(token, 1000, decide=True)]


def _embed(net: Builder, width: int) -> str:
    """Add patches, the class token ahead of them, and learned positions."""
    patches = net.conv("input", width, Window(_PATCH, _PATCH, 0), bias=0)
    count = int(np.prod(net.values[patches].shape[2:]))
    x = net.node("Transpose", [net.reshape(patches, width, count)], perm=[0, 2, 1])
    token = net.random.normal(0, 1, (1, 1, width)).astype(np.float32)
    repeated = np.repeat(token, len(net.values[x]), axis=0)
    x = net.node("Concat", [net.constant("weight", token, repeated), x], axis=1)
    positions = net.random.normal(0, 0.5, (1, count + 1, width)).astype(np.float32)
    return net.node("Add", [x, net.constant("weight", positions)])


def _attend(net: Builder, x: str, shape: Attention) -> str:
    """Add self-attention: one projection for all of query, key and value, scaled on both sides."""
    tokens = net.values[x].shape[1]
    projected = linear(net, x, 3 * shape.width, SCORE_GAIN)
    stacked = net.node("Transpose", [net.reshape(projected, tokens, 3, shape.heads,
                                                 shape.features)], perm=[2, 0, 3, 1, 4])
    query, key, value = (
        net.node("Squeeze", [part, net.indices(0)]) for part in net.split(stacked, (1, 1, 1), 0)
    )
    scale = net.scalar(shape.features**-0.25)
    turned = net.node("Transpose", [key], perm=[0, 1, 3, 2])
    scores = net.node("MatMul", [net.node("Mul", [query, scale]),
                                 net.node("Mul", [turned, scale])])
    merged = merge_heads(net, scores_by_value(net, scores, value))
    net.forget(projected, stacked, query, key, value, turned)
    return linear(net, merged, shape.width, RESIDUAL_GAIN)

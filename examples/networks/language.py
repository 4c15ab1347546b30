"""Encoders of sentences, as BertModel of Hugging Face is exported: tokens, mask and types."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from builder import Builder
from transformer import (
    RESIDUAL_GAIN,
    SCORE_GAIN,
    Attention,
    heads,
    layer_norm,
    linear,
    merge_heads,
    mlp,
    residual,
    scores_by_value,
    table,
)

__all__ = ["CLASSIFY", "SEPARATE", "VOCABULARY", "WORDS", "bert_tiny", "minilm_l6", "open_mask"]

VOCABULARY, POSITIONS, TYPES = 30522, 512, 2
WORDS, CLASSIFY, SEPARATE = 1996, 101, 102  # the first word of the vocabulary, [CLS] and [SEP]
_EPSILON = 1e-12
_LOWEST = float(np.finfo(np.float32).min)


@dataclass(frozen=True)
class _Encoder:
    """Layers, and the heads of each."""

    layers: int
    attention: Attention


def bert_tiny(net: Builder) -> list[str]:
    """BERT with 2 layers of 128 features (Turc et al. 2019)."""
    return _bert(net, _Encoder(2, Attention(2, 64)))


def minilm_l6(net: Builder) -> list[str]:
    """MiniLM with 6 layers of 384 features (Wang et al. 2020; all-MiniLM-L6-v2)."""
    return _bert(net, _Encoder(6, Attention(12, 32)))


def open_mask(net: Builder, mask: str) -> str:
    """Add a mask of ones and zeros ``[samples, tokens]`` as what is added to scores."""
    mask = net.node("Unsqueeze", [net.node("Unsqueeze", [mask, net.indices(1)]), net.indices(2)])
    closed = net.node("Sub", [net.scalar(1), net.node("Cast", [mask], to=1)])
    return net.node("Mul", [closed, net.scalar(_LOWEST)])


def _bert(net: Builder, encoder: _Encoder) -> list[str]:
    shape = encoder.attention
    mask = open_mask(net, "attention_mask")
    x = _embed(net, shape.width)
    for layer in range(encoder.layers):
        attended = _attend(net, x, mask, shape)
        x = layer_norm(net, residual(net, attended, x), _EPSILON)
        y = residual(net, mlp(net, x, 4 * shape.width), x)
        x = layer_norm(net, y, _EPSILON)
        if layer == encoder.layers - 1:
            break
        net.forget(attended, y)
    token = net.node("Gather", [x, net.constant("indices", np.array(0))], axis=1)
    return [x, net.node("Tanh", [net.dense(token, shape.width)])]


def _embed(net: Builder, width: int) -> str:
    words = net.node("Gather", [table(net, VOCABULARY, width, 0.05), "input_ids"])
    types = net.node("Gather", [table(net, TYPES, width, 0.02), "token_type_ids"])
    places = np.arange(net.values["input_ids"].shape[1])[None]
    positions = net.node("Gather", [table(net, POSITIONS, width, 0.02),
                                    net.constant("indices", places)])
    x = net.node("Add", [net.node("Add", [words, types]), positions])
    return layer_norm(net, x, _EPSILON)


def _attend(net: Builder, x: str, mask: str, shape: Attention) -> str:
    query, key, value = (
        heads(net, linear(net, x, shape.width, gain), shape)
        for gain in (SCORE_GAIN, SCORE_GAIN, 1.0)
    )
    turned = net.node("Transpose", [key], perm=[0, 1, 3, 2])
    scores = net.node("Div", [net.node("MatMul", [query, turned]),
                              net.scalar(np.sqrt(shape.features))])
    merged = merge_heads(net, scores_by_value(net, net.node("Add", [scores, mask]), value))
    net.forget(query, key, value, turned)
    return linear(net, merged, shape.width, RESIDUAL_GAIN)

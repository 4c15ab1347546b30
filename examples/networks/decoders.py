"""Decoders of the Llama family: the prompt at once, and one token with a key / value cache.

Hugging Face's LlamaForCausalLM as it is exported, of the sizes of llama2.c's models (Karpathy 2023,
trained on TinyStories): root-mean-square norms, rotary positions, SwiGLU, the embedding tied to the
last layer.  Both networks of a size have the same weights for the same seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from activations import silu
from builder import Builder
from language import open_mask
from onnx import numpy_helper
from samples import Maker, Samples, words
from transformer import (
    SCORE_GAIN,
    Attention,
    heads,
    linear,
    merge_heads,
    residual,
    rms_norm,
    scores_by_value,
    table,
)

__all__ = ["STORIES_15M", "STORIES_260K", "Decoder", "decode", "one_token", "prefill", "prompt"]

_GAIN = 0.02  # second moment of what a layer adds
_EMBEDDING = 0.15
_LOWEST = float(np.finfo(np.float32).min)
_BASE = 10000.0  # of rotary frequencies


@dataclass(frozen=True)
class Decoder:
    """Sizes of a decoder; ``groups``: heads of keys and values."""

    layers: int
    attention: Attention
    groups: int
    hidden: int
    vocabulary: int
    positions: int


STORIES_15M = Decoder(6, Attention(6, 48), 6, 768, 32000, 256)
STORIES_260K = Decoder(5, Attention(8, 8), 4, 172, 512, 512)


@dataclass(frozen=True)
class _Context:
    """Shared by the layers: cosines, sines and mask, as names."""

    cosine: str
    sine: str
    mask: str


def prompt(decoder: Decoder) -> Maker:
    """Return the maker of prompts."""

    def make(count: int, size: int, seed: int) -> Samples:
        return {"input_ids": _texts(decoder, count, size, seed)}

    return make


def one_token(decoder: Decoder) -> Maker:
    """Return the maker of a token and the cache that the prompt ahead of it leaves.

    ``size`` counts the token and the prompt.
    """

    def make(count: int, size: int, seed: int) -> Samples:
        texts = _texts(decoder, count, size, seed)
        net = Builder("prompt", {"input_ids": texts[:, :-1]}, seed)
        _, *present = prefill(decoder)(net)
        cache = {name.replace("present", "past_key_values"): net.values[name] for name in present}
        return {
            "input_ids": texts[:, -1:],
            "attention_mask": np.ones((count, size), np.int64),
            "position_ids": np.full((count, 1), size - 1, np.int64),
            **cache,
        }

    return make


def prefill(decoder: Decoder) -> Callable[[Builder], list[str]]:
    """Return the network of a prompt: the logits of its last token, keys and values of all."""

    def make(net: Builder) -> list[str]:
        tokens = net.values["input_ids"].shape[1]
        cosine, sine = _rotary(decoder, tokens)
        above = np.triu(np.full((tokens, tokens), _LOWEST, np.float32), 1)
        context = _Context(*(net.constant(stem, value[None, None]) for stem, value in
                             (("cosine", cosine), ("sine", sine), ("mask", above))))
        return _decoder(net, decoder, context)

    return make


def decode(decoder: Decoder) -> Callable[[Builder], list[str]]:
    """Return the network of one more token: its logits, and the longer cache."""

    def make(net: Builder) -> list[str]:
        positions = (
            net.node("Unsqueeze", [net.node("Gather", [net.constant(stem, value), "position_ids"]),
                                   net.indices(1)])
            for stem, value in zip(("cosine", "sine"), _rotary(decoder, decoder.positions),
                                   strict=True)
        )
        return _decoder(net, decoder, _Context(*positions, open_mask(net, "attention_mask")))

    return make


def _texts(decoder: Decoder, count: int, size: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.stack([words(rng, size, decoder.vocabulary, 3) for _ in range(count)])


def _rotary(decoder: Decoder, positions: int) -> tuple[np.ndarray, np.ndarray]:
    """Return cosines and sines ``[positions, features of a head]`` (Su et al. 2021)."""
    features = decoder.attention.features
    frequencies = _BASE ** -(np.arange(0, features, 2) / features)
    angles = np.tile(np.outer(np.arange(positions), frequencies), 2)
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def _decoder(net: Builder, decoder: Decoder, context: _Context) -> list[str]:
    embedding = table(net, decoder.vocabulary, decoder.attention.width, _EMBEDDING)
    tied = numpy_helper.to_array(net.constants[-1]).T
    x = net.node("Gather", [embedding, "input_ids"])
    caches = []
    for layer in range(decoder.layers):
        attended, cache = _attend(net, rms_norm(net, x), decoder, context, layer)
        caches += cache
        x = residual(net, x, attended)
        x = residual(net, x, _swiglu(net, rms_norm(net, x), decoder.hidden))
    last = net.cut(rms_norm(net, x), 1, -1, np.iinfo(np.int64).max)
    logits = net.node("MatMul", [last, net.constant("tied", np.ascontiguousarray(tied))], "logits")
    return [logits, *caches]


def _attend(
    net: Builder, x: str, decoder: Decoder, context: _Context, layer: int
) -> tuple[str, list[str]]:
    shape = decoder.attention
    shared = Attention(decoder.groups, shape.features)
    names = [f"present.{layer}.{part}" for part in ("key", "value")]
    pasts = [name.replace("present", "past_key_values") for name in names]
    cached = pasts[0] in net.samples
    own = ("", "") if cached else names
    query, key, value = (
        linear(net, x, part.width, gain, bias=False)
        for part, gain in ((shape, SCORE_GAIN), (shared, SCORE_GAIN), (shared, 1.0))
    )
    query = _rotate(net, heads(net, query, shape), context)
    news = [_rotate(net, heads(net, key, shared), context, own[0]),
            heads(net, value, shared, own[1])]
    if cached:
        for name, past, new in zip(names, pasts, news, strict=True):
            net.node("Concat", [past, new], name, axis=2)
    key, value = (_repeat(net, name, shape.heads // decoder.groups) for name in names)
    turned = net.node("Transpose", [key], perm=[0, 1, 3, 2])
    scores = net.node("Mul", [net.node("MatMul", [query, turned]),
                              net.scalar(shape.features**-0.5)])
    merged = merge_heads(net, scores_by_value(net, net.node("Add", [scores, context.mask]), value))
    return linear(net, merged, shape.width, _GAIN, bias=False), names


def _rotate(net: Builder, x: str, context: _Context, name: str = "") -> str:
    """Turn each pair of features, one in either half, by the angle of its position."""
    half = net.values[x].shape[-1] // 2
    first = net.cut(x, 3, 0, half)
    second = net.cut(x, 3, half, np.iinfo(np.int64).max)
    crossed = net.node("Concat", [net.node("Neg", [second]), first], axis=-1)
    return net.node("Add", [net.node("Mul", [x, context.cosine]),
                            net.node("Mul", [crossed, context.sine])], name)


def _repeat(net: Builder, x: str, times: int) -> str:
    """Repeat every head of keys or values for the queries that share it (Ainslie et al. 2023)."""
    if times == 1:
        return x
    _, groups, tokens, features = net.values[x].shape
    shape = net.indices(1, 1, times, 1, 1)
    repeated = net.node("Expand", [net.node("Unsqueeze", [x, net.indices(2)]), shape])
    return net.reshape(repeated, groups * times, tokens, features)


def _swiglu(net: Builder, x: str, hidden: int) -> str:
    gate = silu(net, linear(net, x, hidden, bias=False))
    product = net.node("Mul", [gate, linear(net, x, hidden, bias=False)])
    return linear(net, product, net.values[x].shape[-1], _GAIN, bias=False)

"""ConvNeXt and Swin: four stages of falling resolution, as torchvision builds them."""

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

__all__ = ["convnext_tiny", "swin_tiny"]

_WIDTH = 96
_WINDOW, _HEAD = 7, 32
_MASKED = -100.0  # added to the score of a pair that a shift brought together


def convnext_tiny(net: Builder) -> list[str]:
    """ConvNeXt-T (Liu et al. 2022)."""
    x = _norm_of_channels(net, net.conv("input", _WIDTH, Window(4, 4, 0), bias=0))
    for stage, blocks in enumerate((3, 3, 9, 3)):
        if stage:
            x = net.conv(_norm_of_channels(net, x), _WIDTH << stage, Window(2, 2, 0), bias=0)
        for _ in range(blocks):
            x = _convnext_block(net, x)
    pooled = _norm_of_channels(net, net.node("GlobalAveragePool", [x]))
    return [net.dense(net.node("Flatten", [pooled]), 1000, decide=True)]


def swin_tiny(net: Builder) -> list[str]:
    """Swin-T (Liu et al. 2021): windows of 7x7 tokens, every second block shifted by 3."""
    x = _to_last(net, net.conv("input", _WIDTH, Window(4, 4, 0), bias=0))
    x = layer_norm(net, x, 1e-5)
    for stage, blocks in enumerate((2, 2, 6, 2)):
        if stage:
            x = _merge_patches(net, x)
        for block in range(blocks):
            several = net.values[x].shape[1] > _WINDOW
            shift = _WINDOW // 2 if block % 2 and several else 0
            x = residual(net, x, _windows(net, layer_norm(net, x, 1e-5), shift))
            x = residual(net, x, mlp(net, layer_norm(net, x, 1e-5), 4 * net.values[x].shape[-1]))
    return [net.classifier(_to_first(net, layer_norm(net, x, 1e-5)))]


def _to_last(net: Builder, x: str) -> str:
    return net.node("Transpose", [x], perm=[0, 2, 3, 1])


def _to_first(net: Builder, x: str) -> str:
    return net.node("Transpose", [x], perm=[0, 3, 1, 2])


def _norm_of_channels(net: Builder, x: str) -> str:
    return _to_first(net, layer_norm(net, _to_last(net, x)))


def _convnext_block(net: Builder, x: str) -> str:
    width = net.channels(x)
    y = _to_last(net, net.conv(x, width, Window(7, group=width), bias=0))
    y = _to_first(net, mlp(net, layer_norm(net, y), 4 * width))
    scale = net.random.lognormal(-0.5, 0.3, (width, 1, 1)).astype(np.float32)
    scaled = net.node("Mul", [net.constant("weight", scale), y])
    total = net.node("Add", [scaled, x])
    net.forget(x, y, scaled)
    return total


def _merge_patches(net: Builder, x: str) -> str:
    """Halve rows and columns: the four tokens of a square side by side, then projected."""
    rows = [net.cut(x, 1, first, _END, 2) for first in (0, 1)]
    parts = [net.cut(row, 2, first, _END, 2) for first in (0, 1) for row in rows]
    merged = layer_norm(net, net.node("Concat", parts, axis=-1), 1e-5)
    net.forget(x, *rows, *parts)
    return linear(net, merged, net.values[merged].shape[-1] // 2, bias=False)


_END = np.iinfo(np.int64).max  # of a Slice to the end, as torch writes it


def _roll(net: Builder, x: str, shift: int) -> str:
    """Move rows and columns towards the start by ``shift``, those that leave to the end."""
    for axis in (1, 2):
        parts = [net.cut(x, axis, shift, _END), net.cut(x, axis, 0, shift)]
        x = net.node("Concat", parts, axis=axis)
        net.forget(*parts)
    return x


def _windows(net: Builder, x: str, shift: int) -> str:
    """Add self-attention within windows of the map ``[samples, rows, columns, features]``."""
    _, rows, columns, width = net.values[x].shape
    shape = Attention(width // _HEAD, _HEAD)
    down, across, tokens = rows // _WINDOW, columns // _WINDOW, _WINDOW**2
    if shift:
        x = _roll(net, x, shift)
    x = net.reshape(x, down, _WINDOW, across, _WINDOW, width)
    x = net.reshape(net.node("Transpose", [x], perm=[0, 1, 3, 2, 4, 5]), tokens, width)
    projected = linear(net, x, 3 * width, SCORE_GAIN)
    stacked = net.node("Transpose", [net.reshape(projected, tokens, 3, shape.heads, _HEAD)],
                       perm=[2, 0, 3, 1, 4])
    query, key, value = (
        net.node("Gather", [stacked, net.constant("indices", np.array(part))], axis=0)
        for part in range(3)
    )
    scaled = net.node("Mul", [query, net.scalar(_HEAD**-0.5)])
    turned = net.node("Transpose", [key], perm=[0, 1, 3, 2])
    scores = net.node("Add", [net.node("MatMul", [scaled, turned]), _relative_bias(net, shape)])
    if shift:
        masks = net.constant("mask", _shift_masks(rows, columns, shift)[None, :, None])
        apart = net.reshape(scores, down * across, shape.heads, tokens, tokens)
        scores = net.reshape(net.node("Add", [apart, masks]), shape.heads, tokens, tokens)
    x = merge_heads(net, scores_by_value(net, scores, value))
    net.forget(projected, stacked, query, key, value, scaled, turned)
    x = net.reshape(linear(net, x, width, RESIDUAL_GAIN), down, across, _WINDOW, _WINDOW, width)
    x = net.reshape(net.node("Transpose", [x], perm=[0, 1, 3, 2, 4, 5]), rows, columns, width)
    return _roll(net, x, rows - shift) if shift else x


def _relative_bias(net: Builder, shape: Attention) -> str:
    """Add the learned score of every pair of places in a window, ``[1, heads, tokens, tokens]``."""
    span, tokens = 2 * _WINDOW - 1, _WINDOW**2
    drawn = net.random.normal(0, 0.5, (span**2, shape.heads)).astype(np.float32)
    places = np.indices((_WINDOW, _WINDOW)).reshape(2, -1)
    row, column = places[:, :, None] - places[:, None] + _WINDOW - 1
    index = net.constant("indices", (row * span + column).reshape(-1))
    scores = net.node("Gather", [net.constant("weight", drawn), index], axis=0)
    scores = net.node("Transpose", [net.reshape(scores, tokens, shape.heads)], perm=[2, 0, 1])
    return net.node("Unsqueeze", [scores, net.indices(0)])


def _shift_masks(rows: int, columns: int, shift: int) -> np.ndarray:
    """Return what is added to scores ``[windows, tokens, tokens]`` after a roll."""
    def regions(length: int) -> np.ndarray:
        places = np.arange(length)
        return (places >= length - _WINDOW).astype(int) + (places >= length - shift)

    region = 3 * regions(rows)[:, None] + regions(columns)
    split = region.reshape(rows // _WINDOW, _WINDOW, columns // _WINDOW, _WINDOW)
    flat = split.transpose(0, 2, 1, 3).reshape(-1, _WINDOW**2)
    return np.where(flat[:, :, None] == flat[:, None], 0, _MASKED).astype(np.float32)

"""Networks of sound: keyword spotting by convolutions and by an LSTM, separation of speakers."""

from __future__ import annotations

import numpy as np
from activations import prelu
from builder import Builder, Window

__all__ = ["conv_tasnet", "ds_cnn", "lstm_keywords"]

_KEYWORDS = 12
_UNITS = 118
_FILTERS, _LENGTH = 512, 16  # of the encoder of Conv-TasNet
_BOTTLENECK, _HIDDEN, _SPEAKERS = 128, 512, 2
_STACKS, _BLOCKS = 3, 8
_SMALL_GAIN = 0.1  # second moment of what a block adds


def ds_cnn(net: Builder) -> list[str]:
    """DS-CNN of MLPerf Tiny's keyword spotting (Banbury et al. 2021): ``[1, 1, 49, 10]``."""
    x = net.block("input", 64, Window((10, 4), 2, (4, 1, 5, 1)), bias=0)
    for _ in range(4):
        x = net.block(x, 64, Window(3, group=64), bias=0)
        x = net.block(x, 64, Window(1), bias=0)
    kernel = list(net.values[x].shape[2:])
    x = net.node("AveragePool", [x], kernel_shape=kernel, strides=kernel)
    return [net.node("Softmax", [net.dense(net.node("Flatten", [x]), _KEYWORDS, decide=True)],
                     axis=-1)]


def lstm_keywords(net: Builder) -> list[str]:
    """The small LSTM of "Hello Edge" (Zhang et al. 2017): 49 frames of 10 cepstra, 12 words."""
    frames, features = net.values["input"].shape[1:]
    x = net.node("Transpose", ["input"], perm=[1, 0, 2])
    deviations = np.sqrt(1 / features), np.sqrt(1 / _UNITS)
    shapes = (1, 4 * _UNITS, features), (1, 4 * _UNITS, _UNITS)
    weights = [net.constant("weight", net.random.normal(0, *drawn).astype(np.float32))
               for drawn in zip(deviations, shapes, strict=True)]
    biases = net.random.normal(0, 0.1, (1, 8 * _UNITS)).astype(np.float32)
    biases[0, 2 * _UNITS : 3 * _UNITS] += 1  # cells remember at first (Jozefowicz et al. 2015)
    y = net.split_node("LSTM", [x, *weights, net.constant("bias", biases)], ["states"],
                       hidden_size=_UNITS)[0]
    y = net.node("Transpose", [net.node("Squeeze", [y, net.indices(1)])], perm=[1, 0, 2])
    last = net.node("Gather", [y, net.constant("indices", np.array(frames - 1))], axis=1)
    return [net.node("Softmax", [net.dense(last, _KEYWORDS, decide=True)], axis=-1)]


def conv_tasnet(net: Builder) -> list[str]:
    """Conv-TasNet (Luo and Mesgarani 2019, table II, the best not causal), two speakers.

    The last block has no output into the residual path, which nothing would read.
    """
    half = _LENGTH // 2
    encoded = net.conv("input", _FILTERS, Window(_LENGTH, half, half), gain=20)
    x = net.conv(_global_norm(net, encoded), _BOTTLENECK, Window(1), bias=0, gain=1)
    total = ""
    for index in range(_STACKS * _BLOCKS):
        window = Window(3, dilation=1 << index % _BLOCKS, group=_HIDDEN)
        inner = _hidden(net, x, Window(1))
        wide = _hidden(net, inner, window)
        if index + 1 < _STACKS * _BLOCKS:
            x = net.node("Add", [x, net.conv(wide, _BOTTLENECK, Window(1), bias=0,
                                             gain=_SMALL_GAIN)])
        skip = net.conv(wide, _BOTTLENECK, Window(1), bias=0, gain=_SMALL_GAIN)
        total = net.node("Add", [total, skip]) if total else skip
        net.forget(inner, wide)
    masks = net.conv(prelu(net, total), _SPEAKERS * _FILTERS, Window(1), bias=0)
    frames = net.values[masks].shape[2]
    masks = net.node("Sigmoid", [net.reshape(masks, _SPEAKERS, _FILTERS, frames)])
    masked = net.node("Mul", [masks, net.node("Unsqueeze", [encoded, net.indices(1)])])
    voices = net.conv_transpose(net.reshape(masked, _FILTERS, frames), 1,
                                Window(_LENGTH, half, half))
    return [net.reshape(voices, _SPEAKERS, net.values[voices].shape[2])]


def _hidden(net: Builder, x: str, window: Window) -> str:
    sums = net.conv(x, _HIDDEN, window, bias=0)
    active = prelu(net, sums)
    y = _global_norm(net, active)
    net.forget(sums, active)
    return y


def _global_norm(net: Builder, x: str) -> str:
    """Normalize over channels and time, then scale and shift each channel: a GroupNorm of one."""
    channels, frames = net.values[x].shape[1:]
    one = [net.constant("norm", np.full(1, value, np.float32)) for value in (1, 0)]
    flat = net.node("InstanceNormalization", [net.reshape(x, 1, channels * frames), *one],
                    epsilon=1e-8)
    y = net.reshape(flat, channels, frames)
    scale = net.random.uniform(0.5, 1.5, (channels, 1)).astype(np.float32)
    shift = net.random.normal(0, 0.3, (channels, 1)).astype(np.float32)
    scaled = net.node("Mul", [y, net.constant("weight", scale)])
    total = net.node("Add", [scaled, net.constant("bias", shift)])
    net.forget(flat, y, scaled)
    return total

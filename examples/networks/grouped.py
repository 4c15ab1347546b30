"""Classifiers of grouped convolutions: ShuffleNet-v2 and RegNet, as torchvision builds them."""

from __future__ import annotations

from activations import relu, sigmoid
from builder import Builder, Window
from mobile import SqueezeExcite, squeeze_excite

__all__ = ["regnet_x_400mf", "regnet_y_400mf", "shufflenet_v2"]


def shufflenet_v2(net: Builder) -> list[str]:
    """ShuffleNet-v2, 1x (Ma et al. 2018, table 5)."""
    x = net.max_pool(net.block("input", 24, Window(3, 2)), 3, 2, (1, 1, 1, 1))
    for channels, blocks in ((116, 4), (232, 8), (464, 4)):
        for block in range(blocks):
            x = _shuffle_block(net, x, channels, 1 if block else 2)
    x = net.block(x, 1024, Window(1))
    if net.opset >= 18:
        mean = net.node("ReduceMean", [x, net.indices(2, 3)], keepdims=0)
    else:
        mean = net.node("ReduceMean", [x], axes=[2, 3], keepdims=0)
    return [net.dense(mean, 1000, decide=True)]


def regnet_x_400mf(net: Builder) -> list[str]:
    """RegNetX-400MF (Radosavovic et al. 2020, table 12)."""
    return _regnet(net, ((32, 1), (64, 2), (160, 7), (400, 12)), 16, squeeze=False)


def regnet_y_400mf(net: Builder) -> list[str]:
    """RegNetY-400MF (Radosavovic et al. 2020, table 13): with squeeze-excite."""
    return _regnet(net, ((48, 1), (104, 3), (208, 6), (440, 6)), 8, squeeze=True)


def _shuffle_block(net: Builder, x: str, channels: int, stride: int) -> str:
    half = channels // 2
    if stride == 1:
        kept, x = net.split(x, (half, half), 1)
    else:
        kept = net.block(x, net.channels(x), Window(3, 2, group=net.channels(x)), None)
        kept = net.block(kept, half, Window(1))
    y = net.block(x, half, Window(1))
    y = net.block(net.block(y, half, Window(3, stride, group=half), None), half, Window(1))
    y = net.node("Concat", [kept, y], axis=1)
    rows, columns = net.values[y].shape[2:]
    y = net.node("Transpose", [net.reshape(y, 2, half, rows, columns)], perm=[0, 2, 1, 3, 4])
    return net.reshape(y, channels, rows, columns)


def _regnet(
    net: Builder, stages: tuple[tuple[int, int], ...], group_width: int, *, squeeze: bool
) -> list[str]:
    x = net.block("input", 32, Window(3, 2))
    for channels, blocks in stages:
        for block in range(blocks):
            stride, inputs = 1 if block else 2, net.channels(x)
            kept = x
            if stride != 1 or inputs != channels:
                kept = net.block(x, channels, Window(1, stride), None)
            y = net.block(x, channels, Window(1))
            y = net.block(y, channels, Window(3, stride, group=channels // group_width))
            if squeeze:
                y = squeeze_excite(net, y, SqueezeExcite(round(inputs / 4), relu, sigmoid))
            y = net.block(y, channels, Window(1), None)
            x = relu(net, net.node("Add", [kept, y]))
    return [net.classifier(x)]

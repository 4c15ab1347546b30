"""Inverted residuals: MobileNet-v3 and EfficientNet, as torchvision and timm build them."""

from __future__ import annotations

from dataclasses import dataclass

from activations import hard_sigmoid, hard_swish, relu, relu6, sigmoid, silu
from builder import Activation, Builder, Window

__all__ = ["SqueezeExcite", "efficientnet_b0", "efficientnet_lite0",
           "mobilenet_v3_features", "mobilenet_v3_large", "mobilenet_v3_small", "squeeze_excite"]


@dataclass(frozen=True)
class SqueezeExcite:
    """Squeeze-excite of a block: channels between its two layers, their activations."""

    channels: int
    activation: Activation
    gate: Activation


@dataclass(frozen=True)
class _Residual:
    """An inverted residual: expansion (none where it equals the input), depthwise, projection."""

    kernel: int
    expanded: int
    channels: int
    stride: int
    activation: Activation
    squeeze: SqueezeExcite | None = None


def squeeze_excite(net: Builder, x: str, squeeze: SqueezeExcite) -> str:
    """Scale every channel by a gate computed from the means of all (Hu et al. 2018)."""
    mean = net.node("GlobalAveragePool", [x])
    inner = squeeze.activation(net, net.conv(mean, squeeze.channels, Window(1), bias=0))
    gate = squeeze.gate(net, net.conv(inner, net.channels(x), Window(1), bias=0))
    y = net.node("Mul", [gate, x])
    net.forget(x)
    return y


def mobilenet_v3_large(net: Builder) -> list[str]:
    """MobileNetV3-Large, width 1.0 (Howard et al. 2019, table 1)."""
    return _mobilenet_v3(net, _LARGE, 960, 1280)


def mobilenet_v3_small(net: Builder) -> list[str]:
    """MobileNetV3-Small, width 1.0 (Howard et al. 2019, table 2)."""
    return _mobilenet_v3(net, _SMALL, 576, 1024)


def mobilenet_v3_features(net: Builder, dilated: int) -> tuple[str, str]:
    """MobileNetV3-Large as the backbone of a segmentation network.

    From the first block with stride 2 and 160 channels on, windows are ``dilated`` instead of
    strided.

    Returns
    -------
    tuple of str
        The first map of stride 8 (40 channels) and the last (960 channels).
    """
    x, early = _stem(net), ""
    for row in _LARGE:
        x = _inverted_residual(net, x, _row(*row), dilated if row[2] == 160 else 1)
        early = early or (x if row[2] == 40 else "")
    return early, net.block(x, 960, Window(1), hard_swish)


def efficientnet_b0(net: Builder) -> list[str]:
    """EfficientNet-B0 (Tan and Le 2019, table 1)."""
    return _efficientnet(net, silu, squeeze=True)


def efficientnet_lite0(net: Builder) -> list[str]:
    """EfficientNet-Lite0 (Liu 2020): B0 with Relu6 and without squeeze-excite; pads as timm's."""
    return _efficientnet(net, relu6, squeeze=False)


# kernel, expanded, channels, squeeze-excite, HardSwish, stride
_LARGE = (
    (3, 16, 16, 0, 0, 1), (3, 64, 24, 0, 0, 2), (3, 72, 24, 0, 0, 1), (5, 72, 40, 1, 0, 2),
    (5, 120, 40, 1, 0, 1), (5, 120, 40, 1, 0, 1), (3, 240, 80, 0, 1, 2), (3, 200, 80, 0, 1, 1),
    (3, 184, 80, 0, 1, 1), (3, 184, 80, 0, 1, 1), (3, 480, 112, 1, 1, 1), (3, 672, 112, 1, 1, 1),
    (5, 672, 160, 1, 1, 2), (5, 960, 160, 1, 1, 1), (5, 960, 160, 1, 1, 1),
)
_SMALL = (
    (3, 16, 16, 1, 0, 2), (3, 72, 24, 0, 0, 2), (3, 88, 24, 0, 0, 1), (5, 96, 40, 1, 1, 2),
    (5, 240, 40, 1, 1, 1), (5, 240, 40, 1, 1, 1), (5, 120, 48, 1, 1, 1), (5, 144, 48, 1, 1, 1),
    (5, 288, 96, 1, 1, 2), (5, 576, 96, 1, 1, 1), (5, 576, 96, 1, 1, 1),
)
# expansion, kernel, stride of the first, channels, blocks
_B0 = ((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3),
       (6, 5, 2, 192, 4), (6, 3, 1, 320, 1))


def _row(
    kernel: int, expanded: int, channels: int, squeeze: int, swish: int, stride: int
) -> _Residual:
    quarter = _multiple_of_8(expanded // 4)
    return _Residual(
        kernel, expanded, channels, stride, hard_swish if swish else relu,
        SqueezeExcite(quarter, relu, hard_sigmoid) if squeeze else None,
    )


def _multiple_of_8(channels: int) -> int:
    """Return the nearest multiple of 8 that is not below 90 % of the channels."""
    nearest = max(8, (channels + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * channels else nearest + 8


def _stem(net: Builder) -> str:
    return net.block("input", 16, Window(3, 2), hard_swish)


def _mobilenet_v3(
    net: Builder, rows: tuple[tuple[int, ...], ...], last: int, hidden: int
) -> list[str]:
    x = _stem(net)
    for row in rows:
        x = _inverted_residual(net, x, _row(*row))
    x = net.pooled(net.block(x, last, Window(1), hard_swish))
    return [net.dense(hard_swish(net, net.dense(x, hidden)), 1000, decide=True)]


def _efficientnet(net: Builder, activation: Activation, *, squeeze: bool) -> list[str]:
    x = net.block("input", 32, Window(3, 2), activation)
    for expansion, kernel, first_stride, channels, blocks in _B0:
        for block in range(blocks):
            inputs = net.channels(x)
            gate = SqueezeExcite(inputs // 4, silu, sigmoid) if squeeze else None
            x = _inverted_residual(net, x, _Residual(
                kernel, expansion * inputs, channels, 1 if block else first_stride, activation,
                gate))
    return [net.classifier(net.block(x, 1280, Window(1), activation))]


def _inverted_residual(net: Builder, x: str, row: _Residual, dilated: int = 1) -> str:
    """Add a block; ``dilated`` above 1 replaces its stride."""
    stride = row.stride if dilated == 1 else 1
    y = x
    if row.expanded != net.channels(x):
        y = net.block(x, row.expanded, Window(1), row.activation)
    y = net.block(y, row.expanded, Window(row.kernel, stride, dilation=dilated,
                                          group=row.expanded), row.activation)
    if row.squeeze:
        y = squeeze_excite(net, y, row.squeeze)
    y = net.block(y, row.channels, Window(1), None)
    same = row.stride == 1 and row.channels == net.channels(x)
    return net.node("Add", [x, y]) if same else y

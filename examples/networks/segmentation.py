"""Networks that name every pixel: U-Net and DeepLab-v3."""

from __future__ import annotations

from builder import Builder, Window
from mobile import mobilenet_v3_features

__all__ = ["deeplab_v3", "unet"]

_CLASSES, _RATES, _WIDTH = 21, (12, 24, 36), 256


def unet(net: Builder) -> list[str]:
    """U-Net (Ronneberger et al. 2015, figure 1), padded and normalized, one class."""
    x, kept = "input", []
    for stage in range(5):
        if stage:
            kept.append(x)
            x = net.max_pool(x, 2, 2)
        x = _double(net, x, 64 << stage)
    for skip in reversed(kept):
        up = net.conv_transpose(x, net.channels(x) // 2, Window(2, 2, 0), bias=0)
        merged = net.node("Concat", [skip, up], axis=1)
        net.forget(x, skip, up)
        x = _double(net, merged, net.channels(merged) // 2)
        net.forget(merged)
    return [net.conv(x, 1, Window(1), bias=0)]


def deeplab_v3(net: Builder) -> list[str]:
    """DeepLab-v3 (Chen et al. 2017) on MobileNetV3-Large, with its auxiliary head: torchvision's.

    Returns
    -------
    list of str
        Logits of every pixel, and those of the auxiliary head.
    """
    rows, columns = net.values["input"].shape[2:]
    early, x = mobilenet_v3_features(net, 2)
    maps = [net.block(x, _WIDTH, Window(1))]
    maps += [net.block(x, _WIDTH, Window(3, dilation=rate)) for rate in _RATES]
    pooled = net.block(net.node("GlobalAveragePool", [x]), _WIDTH, Window(1))
    maps.append(net.resize(pooled, *net.values[x].shape[2:]))
    y = net.block(net.node("Concat", maps, axis=1), _WIDTH, Window(1))
    logits = net.conv(net.block(y, _WIDTH, Window(3)), _CLASSES, Window(1), bias=0)
    auxiliary = net.block(early, net.channels(early) // 4, Window(3))
    auxiliary = net.conv(auxiliary, _CLASSES, Window(1), bias=0)
    return [net.resize(logits, rows, columns), net.resize(auxiliary, rows, columns)]


def _double(net: Builder, x: str, channels: int) -> str:
    return net.block(net.block(x, channels, Window(3)), channels, Window(3))

"""A detector and two networks that make images; each function returns the network's outputs."""

from __future__ import annotations

from activations import relu
from builder import Builder, Window

__all__ = ["LEAKY_SLOPE", "dcgan", "style_transfer", "yolov3_tiny"]

LEAKY_SLOPE = 0.125
"""Slope of YOLOv3-tiny's activation: published as 0.1, here the nearest power of two."""


def dcgan(net: Builder) -> list[str]:
    """The generator of DCGAN (Radford et al. 2016, figure 1): a vector to 64x64 pixels.

    The vector comes as an image of one pixel; its projection to 4x4x1024 is a dense layer.
    """
    x = net.dense(net.node("Flatten", ["input"]), 4 * 4 * 1024)
    x = relu(net, net.batch_norm(net.reshape(x, 1024, 4, 4)))
    for channels in (512, 256, 128):
        x = net.block(x, channels, Window(4, 2, 1), transposed=True)
    return [net.node("Tanh", [net.conv_transpose(x, 3, Window(4, 2, 1), bias=0)])]


def style_transfer(net: Builder) -> list[str]:
    """Fast style transfer (Johnson et al. 2016, supplement table 1).

    Upsampling is nearest pixel then convolution (Odena et al. 2016), and padding is of zeros.
    """
    x = net.block("input", 32, Window(9))
    x = net.block(x, 64, Window(3, 2))
    x = net.block(x, 128, Window(3, 2))
    for _ in range(5):
        y = net.block(x, 128, Window(3))
        x = net.node("Add", [net.block(y, 128, Window(3), None), x])
    x = net.block(net.upsample(x, 2), 64, Window(3))
    x = net.block(net.upsample(x, 2), 32, Window(3))
    return [net.conv(x, 3, Window(9), bias=0)]


def yolov3_tiny(net: Builder) -> list[str]:
    """YOLOv3-tiny (Redmon and Farhadi 2018, ``yolov3-tiny.cfg``): the two maps before decoding."""
    x = "input"
    for channels in (16, 32, 64, 128):
        x = net.max_pool(_leaky_block(net, x, channels, 3), 2, 2)
    route = _leaky_block(net, x, 256, 3)
    x = _leaky_block(net, net.max_pool(route, 2, 2), 512, 3)
    x = net.max_pool(x, 2, 1, (0, 0, 1, 1))
    x = _leaky_block(net, _leaky_block(net, x, 1024, 3), 256, 1)
    coarse = net.conv(_leaky_block(net, x, 512, 3), 255, Window(1), bias=0)
    up = net.upsample(_leaky_block(net, x, 128, 1), 2)
    merged = net.node("Concat", [up, route], axis=1)
    fine = net.conv(_leaky_block(net, merged, 256, 3), 255, Window(1), bias=0)
    return [coarse, fine]


def _leaky_block(net: Builder, x: str, channels: int, kernel: int) -> str:
    return net.block(x, channels, Window(kernel), _leaky_relu)


def _leaky_relu(net: Builder, x: str) -> str:
    return net.node("LeakyRelu", [x], alpha=LEAKY_SLOPE)

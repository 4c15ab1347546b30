"""Image classifiers, layer for layer as published; each function returns the network's outputs."""

from __future__ import annotations

from activations import relu, relu6
from builder import Builder, Window

__all__ = ["alexnet", "mobilenet_v1", "mobilenet_v2", "resnet18", "resnet34", "resnet50"]


def resnet18(net: Builder) -> list[str]:
    """ResNet-18 (He et al. 2016, table 1)."""
    return _basic_resnet(net, (2, 2, 2, 2))


def resnet34(net: Builder) -> list[str]:
    """ResNet-34 (He et al. 2016, table 1)."""
    return _basic_resnet(net, (3, 4, 6, 3))


def resnet50(net: Builder) -> list[str]:
    """ResNet-50 (He et al. 2016, table 1), the stride in the 3x3 convolution as torchvision's."""
    x = _stem(net)
    for stage, blocks in enumerate((3, 4, 6, 3)):
        width = 64 << stage
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            y = net.block(x, width, Window(1))
            y = net.block(y, width, Window(3, stride))
            y = net.block(y, 4 * width, Window(1), None)
            x = relu(net, net.node("Add", [y, _shortcut(net, x, 4 * width, stride)]))
    return [net.classifier(x)]


def mobilenet_v1(net: Builder) -> list[str]:
    """MobileNet, width 1.0 (Howard et al. 2017, table 1)."""
    x = net.block("input", 32, Window(3, 2))
    plan = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5,
            (1024, 2), (1024, 1)]
    for channels, stride in plan:
        x = net.block(x, net.channels(x), Window(3, stride, group=net.channels(x)))
        x = net.block(x, channels, Window(1))
    return [net.classifier(x)]


def mobilenet_v2(net: Builder) -> list[str]:
    """MobileNetV2, width 1.0 (Sandler et al. 2018, table 2)."""
    x = net.block("input", 32, Window(3, 2), relu6)
    plan = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
            (6, 160, 3, 2), (6, 320, 1, 1)]
    for expansion, channels, blocks, first_stride in plan:
        for block in range(blocks):
            stride = 1 if block else first_stride
            wide = expansion * net.channels(x)
            y = net.block(x, wide, Window(1), relu6) if expansion > 1 else x
            y = net.block(y, wide, Window(3, stride, group=wide), relu6)
            y = net.block(y, channels, Window(1), None)
            same = stride == 1 and channels == net.channels(x)
            x = net.node("Add", [y, x]) if same else y
    return [net.classifier(net.block(x, 1280, Window(1), relu6))]


def alexnet(net: Builder) -> list[str]:
    """AlexNet on one device (Krizhevsky 2014, "One weird trick")."""
    x = relu(net, net.conv("input", 64, Window(11, 4, 2), bias=0))
    x = relu(net, net.conv(net.max_pool(x, 3, 2), 192, Window(5), bias=0))
    x = relu(net, net.conv(net.max_pool(x, 3, 2), 384, Window(3), bias=0))
    x = relu(net, net.conv(x, 256, Window(3), bias=0))
    x = relu(net, net.conv(x, 256, Window(3), bias=0))
    x = net.node("Flatten", [net.max_pool(x, 3, 2)])
    x = relu(net, net.dense(x, 4096))
    x = relu(net, net.dense(x, 4096))
    return [net.dense(x, 1000, decide=True)]


def _stem(net: Builder) -> str:
    return net.max_pool(net.block("input", 64, Window(7, 2)), 3, 2, (1, 1, 1, 1))


def _shortcut(net: Builder, x: str, channels: int, stride: int) -> str:
    if stride == 1 and channels == net.channels(x):
        return x
    return net.block(x, channels, Window(1, stride), None)


def _basic_resnet(net: Builder, stages: tuple[int, ...]) -> list[str]:
    x = _stem(net)
    for stage, blocks in enumerate(stages):
        channels = 64 << stage
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            y = net.block(x, channels, Window(3, stride))
            y = net.block(y, channels, Window(3), None)
            x = relu(net, net.node("Add", [y, _shortcut(net, x, channels, stride)]))
    return [net.classifier(x)]

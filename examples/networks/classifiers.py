"""Image classifiers, layer for layer as published; each function returns the network's outputs."""

from __future__ import annotations

from builder import Builder

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
            y = net.block(x, width, 1)
            y = net.block(y, width, 3, stride)
            y = net.block(y, 4 * width, 1, activation=False)
            x = net.relu(net.node("Add", [y, _shortcut(net, x, 4 * width, stride)]))
    return [net.classifier(x)]


def mobilenet_v1(net: Builder) -> list[str]:
    """MobileNet, width 1.0 (Howard et al. 2017, table 1)."""
    x = net.block("input", 32, 3, 2)
    plan = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5,
            (1024, 2), (1024, 1)]
    for channels, stride in plan:
        x = net.block(x, net.channels(x), 3, stride, group=net.channels(x))
        x = net.block(x, channels, 1)
    return [net.classifier(x)]


def mobilenet_v2(net: Builder) -> list[str]:
    """MobileNetV2, width 1.0 (Sandler et al. 2018, table 2)."""
    x = net.block("input", 32, 3, 2, limit=6)
    plan = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
            (6, 160, 3, 2), (6, 320, 1, 1)]
    for expansion, channels, blocks, first_stride in plan:
        for block in range(blocks):
            stride = 1 if block else first_stride
            wide = expansion * net.channels(x)
            y = net.block(x, wide, 1, limit=6) if expansion > 1 else x
            y = net.block(y, wide, 3, stride, group=wide, limit=6)
            y = net.block(y, channels, 1, activation=False)
            same = stride == 1 and channels == net.channels(x)
            x = net.node("Add", [y, x]) if same else y
    return [net.classifier(net.block(x, 1280, 1, limit=6))]


def alexnet(net: Builder) -> list[str]:
    """AlexNet on one device (Krizhevsky 2014, "One weird trick")."""
    x = net.relu(net.conv("input", 64, 11, 4, 2, bias=True))
    x = net.relu(net.conv(net.max_pool(x, 3, 2), 192, 5, bias=True))
    x = net.relu(net.conv(net.max_pool(x, 3, 2), 384, 3, bias=True))
    x = net.relu(net.conv(x, 256, 3, bias=True))
    x = net.relu(net.conv(x, 256, 3, bias=True))
    x = net.node("Flatten", [net.max_pool(x, 3, 2)])
    x = net.relu(net.dense(x, 4096))
    x = net.relu(net.dense(x, 4096))
    return [net.dense(x, 1000, decide=True)]


def _stem(net: Builder) -> str:
    return net.max_pool(net.block("input", 64, 7, 2), 3, 2, (1, 1, 1, 1))


def _shortcut(net: Builder, x: str, channels: int, stride: int) -> str:
    if stride == 1 and channels == net.channels(x):
        return x
    return net.block(x, channels, 1, stride, 0, activation=False)


def _basic_resnet(net: Builder, stages: tuple[int, ...]) -> list[str]:
    x = _stem(net)
    for stage, blocks in enumerate(stages):
        channels = 64 << stage
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            y = net.block(x, channels, 3, stride)
            y = net.block(y, channels, 3, activation=False)
            x = net.relu(net.node("Add", [y, _shortcut(net, x, channels, stride)]))
    return [net.classifier(x)]

"""YOLOv8 as Ultralytics exports it: boxes and scores of every place in one output."""

from __future__ import annotations

import numpy as np
from activations import silu
from builder import Builder, Window

__all__ = ["yolov8n"]

_CLASSES, _BINS, _STRIDES = 80, 16, (8, 16, 32)
_RARE = -4.0  # mean logit of a class: most places hold nothing


def yolov8n(net: Builder) -> list[str]:
    """YOLOv8n (Ultralytics 2023, ``yolov8.yaml`` with scale n): ``[1, 4 + 80, places]``."""
    x = _conv(net, _conv(net, "input", 16, 3, 2), 32, 3, 2)
    x = _conv(net, _c2f(net, x, 32, 1), 64, 3, 2)
    third = _c2f(net, x, 64, 2)
    fourth = _c2f(net, _conv(net, third, 128, 3, 2), 128, 2)
    x = _c2f(net, _conv(net, fourth, 256, 3, 2), 256, 1)
    fifth = _pooled_pyramid(net, x, 256)
    middle = net.node("Concat", [net.upsample(fifth, 2), fourth], axis=1)
    middle = _c2f(net, middle, 128, 1, shortcut=False)
    fine = net.node("Concat", [net.upsample(middle, 2), third], axis=1)
    fine = _c2f(net, fine, 64, 1, shortcut=False)
    middle = net.node("Concat", [_conv(net, fine, 64, 3, 2), middle], axis=1)
    middle = _c2f(net, middle, 128, 1, shortcut=False)
    coarse = net.node("Concat", [_conv(net, middle, 128, 3, 2), fifth], axis=1)
    coarse = _c2f(net, coarse, 256, 1, shortcut=False)
    return [_detect(net, [fine, middle, coarse])]


def _conv(net: Builder, x: str, channels: int, kernel: int, stride: int = 1) -> str:
    return net.block(x, channels, Window(kernel, stride), silu)


def _c2f(net: Builder, x: str, channels: int, depth: int, *, shortcut: bool = True) -> str:
    """Add a block whose halves and intermediate maps all reach its last convolution."""
    half = channels // 2
    parts = net.split(_conv(net, x, channels, 1), (half, half), 1)
    for _ in range(depth):
        y = _conv(net, _conv(net, parts[-1], half, 3), half, 3)
        parts.append(net.node("Add", [parts[-1], y]) if shortcut else y)
    return _conv(net, net.node("Concat", parts, axis=1), channels, 1)


def _pooled_pyramid(net: Builder, x: str, channels: int) -> str:
    maps = [_conv(net, x, net.channels(x) // 2, 1)]
    for _ in range(3):
        maps.append(net.max_pool(maps[-1], 5, 1, (2, 2, 2, 2)))
    return _conv(net, net.node("Concat", maps, axis=1), channels, 1)


def _detect(net: Builder, maps: list[str]) -> str:
    box_channels, class_channels = 4 * _BINS, max(net.channels(maps[0]), _CLASSES)
    flat = []
    for x in maps:
        boxes = _conv(net, _conv(net, x, box_channels, 3), box_channels, 3)
        boxes = net.conv(boxes, box_channels, Window(1), bias=1)
        scores = _conv(net, _conv(net, x, class_channels, 3), class_channels, 3)
        scores = net.conv(scores, _CLASSES, Window(1), bias=_RARE, gain=1)
        both = net.node("Concat", [boxes, scores], axis=1)
        places = int(np.prod(net.values[both].shape[2:]))
        flat.append(net.reshape(both, box_channels + _CLASSES, places))
    sizes = [net.values[x].shape[2:] for x in maps]
    boxes, scores = net.split(net.node("Concat", flat, axis=2), (box_channels, _CLASSES), 1)
    decoded = _boxes(net, boxes, sizes)
    return net.node("Concat", [decoded, net.node("Sigmoid", [scores])], axis=1)


def _boxes(net: Builder, x: str, sizes: list[tuple[int, ...]]) -> str:
    """Decode distances to a box's sides, each the mean of a distribution, to center and size."""
    places = net.values[x].shape[2]
    shares = net.node("Transpose", [net.reshape(x, 4, _BINS, places)], perm=[0, 2, 1, 3])
    shares = net.node("Softmax", [shares], axis=1)
    bins = net.constant("weight", np.arange(_BINS, dtype=np.float32).reshape(1, _BINS, 1, 1))
    mean = net.node("Conv", [shares, bins], **Window(1).attributes(2))
    distances = net.reshape(mean, 4, places)
    points = np.concatenate([np.indices(size)[::-1].reshape(2, -1) + 0.5 for size in sizes], 1)
    anchors = net.constant("anchors", points[None].astype(np.float32))
    first = net.node("Sub", [anchors, net.cut(distances, 1, 0, 2)])
    last = net.node("Add", [anchors, net.cut(distances, 1, 2, 4)])
    center = net.node("Div", [net.node("Add", [first, last]), net.scalar(2)])
    box = net.node("Concat", [center, net.node("Sub", [last, first])], axis=1)
    strides = np.repeat(_STRIDES, [np.prod(size) for size in sizes])
    return net.node("Mul", [box, net.constant("strides", strides[None, None].astype(np.float32))])

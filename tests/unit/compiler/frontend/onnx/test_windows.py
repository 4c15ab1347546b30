"""Canonical windows: defaults, automatic padding and ceil mode, worked by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from graph_cases import graph_of

from myvta.compiler.frontend.onnx.windows import (
    canonical_window,
    counted_padding,
    normalize_windows,
)
from myvta.compiler.ir.graph import Graph, Node

Sizes = tuple[int, int]


def pool(before: Sizes, after: Sizes, op: str = "MaxPool", **attrs: Any) -> tuple[Node, Graph]:
    """Return a pooling node and its graph."""
    node = Node(op, "n", ("x",), ("y",), attrs, b"source")
    return node, graph_of(node, shapes={"x": (1, 4, *before), "y": (1, 4, *after)})


def conv(weight: tuple[int, ...], constant: bool = True, **attrs: Any) -> tuple[Node, Graph]:
    """Return a convolution of four channels, 5 x 6 pixels, and its graph."""
    node = Node("Conv", "n", ("x", "w"), ("y",), attrs, b"source")
    shapes: dict[str, tuple[int, ...]] = {"x": (1, 4, 5, 6), "y": (1, 8, 3, 4)}
    if not constant:
        shapes["w"] = weight
    values = {"w": np.ones(weight, np.float32)} if constant else {}
    return node, graph_of(node, shapes=shapes, constants=values)


def test_conv_takes_its_kernel_from_the_weights_and_defaults() -> None:
    assert canonical_window(*conv((8, 4, 3, 3))) == {
        "kernel": (3, 3), "strides": (1, 1), "pads": (0, 0, 0, 0), "dilations": (1, 1),
        "group": 1, "relu": 0,
    }


def test_conv_keeps_its_attributes() -> None:
    attrs: dict[str, Any] = {
        "strides": (1, 2), "pads": (1, 1, 1, 2), "dilations": (2, 1), "group": 2}
    assert canonical_window(*conv((8, 2, 3, 3), **attrs)) == {
        "kernel": (3, 3), "relu": 0, **attrs}


@pytest.mark.parametrize("made", [
    conv((8, 4, 3, 3), constant=False), conv((8, 4, 3)), conv((8, 3, 3, 3)),
    conv((8, 4, 3, 3), group=2),
])
def test_conv_without_canonical_form(made: tuple[Node, Graph]) -> None:
    assert canonical_window(*made) is None


@pytest.mark.parametrize("attrs", [
    {"kernel_shape": (3,)}, {"kernel_shape": (3, 3, 3)}, {"kernel_shape": (3, 3), "strides": (1,)},
    {"kernel_shape": (3, 3), "pads": (1, 1)}, {"kernel_shape": (3, 3), "dilations": (1, 1, 1)},
    {"kernel_shape": (3, 3), "storage_order": 1},
])
def test_pooling_without_canonical_form(attrs: dict[str, Any]) -> None:
    assert canonical_window(*pool((5, 5), (3, 3), **attrs)) is None


def test_pooling_with_indices_has_no_canonical_form() -> None:
    node, graph = pool((5, 5), (3, 3), kernel_shape=(3, 3))
    node.outputs = ("y", "indices")
    assert canonical_window(node, graph) is None
    node.outputs = ("y", "")
    assert canonical_window(node, graph) is not None


@pytest.mark.parametrize(("auto", "before", "after", "pads"), [
    ("SAME_UPPER", (8, 7), (4, 4), (0, 1, 1, 1)),  # (4 - 1) * 2 + 3 = 9 of 8 and of 7
    ("SAME_LOWER", (8, 7), (4, 4), (1, 1, 0, 1)),
    ("SAME_UPPER", (9, 9), (4, 4), (0, 0, 0, 0)),
    ("VALID", (8, 7), (3, 3), (0, 0, 0, 0)),
])
def test_automatic_padding_is_resolved(
    auto: str, before: Sizes, after: Sizes, pads: tuple[int, ...]
) -> None:
    made = pool(before, after, kernel_shape=(3, 3), strides=(2, 2), auto_pad=auto, pads=[9] * 4)
    window = canonical_window(*made)
    assert window is not None
    assert window["pads"] == pads


@pytest.mark.parametrize(("before", "after", "pads", "expected"), [
    ((6, 6), (3, 3), (0, 0, 0, 0), (0, 0, 1, 1)),  # ceil((6 - 3) / 2) + 1 = 3: reads 7 of 6
    ((6, 7), (3, 3), (0, 0, 0, 0), (0, 0, 1, 0)),
    ((6, 6), (3, 3), (1, 0, 1, 2), (1, 0, 1, 2)),  # declared padding is never reduced
    ((7, 7), (4, 3), (1, 0, 0, 0), (1, 0, 1, 0)),
])
def test_padding_follows_from_the_outputs(
    before: Sizes, after: Sizes, pads: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    window = canonical_window(*pool(before, after, kernel_shape=(3, 3), strides=(2, 2), pads=pads))
    assert window is not None
    assert window["pads"] == expected


@pytest.mark.parametrize(("attrs", "counted"), [
    ({"pads": (1, 2, 3, 4)}, (0, 0, 0, 0)),
    ({"pads": (1, 0, 0, 0), "count_include_pad": 1}, (1, 0, 0, 0)),  # not the ceil-mode row
    ({"count_include_pad": 1}, (0, 0, 0, 0)),
    ({"count_include_pad": 1, "auto_pad": "SAME_UPPER"}, (0, 0, 1, 1)),
    ({"count_include_pad": 1, "auto_pad": "SAME_LOWER"}, (1, 1, 0, 0)),
])
def test_counted_padding_is_recorded(attrs: dict[str, Any], counted: tuple[int, ...]) -> None:
    made = pool((8, 8), (4, 4), "AveragePool", kernel_shape=(3, 3), strides=(2, 2), **attrs)
    assert counted_padding(*made) == counted


def test_only_two_dimensional_windows_are_normalized() -> None:
    flat = Node("MaxPool", "flat", ("x",), ("y",), {"kernel_shape": (3,)}, b"source")
    square = Node("MaxPool", "square", ("u",), ("v",), {"kernel_shape": (3, 3)}, b"source")
    other = Node("LpPool", "other", ("v",), ("w",), {"kernel_shape": (2, 2)}, b"source")
    graph = graph_of(flat, square, other, shapes={
        "x": (1, 2, 5), "y": (1, 2, 3), "u": (1, 2, 5, 5), "v": (1, 2, 3, 3), "w": (1, 2, 2, 2)})
    normalize_windows(graph)
    assert ["kernel" in node.attrs for node in graph.nodes] == [False, True, False]


def test_normalization_is_done_once() -> None:
    node, graph = pool((5, 5), (3, 3), kernel_shape=(3, 3))
    normalize_windows(graph)
    first = dict(node.attrs)
    normalize_windows(graph)
    assert node.attrs == first

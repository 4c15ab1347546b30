"""Channels, rows and columns of activations: by shape, by dense layers, through aliases."""

from __future__ import annotations

import numpy as np
import pytest

from myvta.compiler.ir.attributes import (
    Attributes,
    DenseAttributes,
    HostAttributes,
    MaxPoolAttributes,
    SlidingWindow,
)
from myvta.compiler.ir.graph import Tensor
from myvta.compiler.ir.host_payload import HostPayload
from myvta.compiler.ir.layouts import (
    ChannelLayout,
    LayoutNode,
    activation_layouts,
    channels_first_layout,
    layout_of_shape,
    propagate,
)
from myvta.compiler.ir.quantized_graph import QuantizedNode
from myvta.compiler.operators.relu import ReluAttributes

RELU = ReluAttributes()
POOL = MaxPoolAttributes(SlidingWindow((1, 1), (1, 1), (0, 0, 0, 0)))
HOST = HostAttributes(HostPayload("onnx", b""), ("h",))


def dense(axis: int | None) -> DenseAttributes:
    """Return a dense layer over an axis."""
    return DenseAttributes(np.ones((5, 7), np.int8), np.ones(5), axis)


def node(attrs: Attributes, inputs: str, output: str) -> QuantizedNode:
    """Return a node; the names of its inputs are letters."""
    return QuantizedNode("op", output, tuple(inputs), (output,), attrs)


def tensors(**shapes: tuple[int, ...]) -> dict[str, Tensor]:
    """Return tensors by name."""
    return {name: Tensor(name, shape) for name, shape in shapes.items()}


@pytest.mark.parametrize(("shape", "layout"), [
    ((2, 7), (7, 1, 1)), ((2, 7, 5), (7, 1, 5)), ((2, 7, 5, 3), (7, 5, 3)),
    ((7,), None), ((), None), ((1, 2, 3, 4, 5), None),
])
def test_shape_alone_decides_without_a_producer(
    shape: tuple[int, ...], layout: ChannelLayout | None
) -> None:
    assert channels_first_layout(shape) == layout


def test_channels_last_matters_for_three_axes_only() -> None:
    assert layout_of_shape((1, 5, 7), channels_last=True) == (7, 5, 1)
    assert layout_of_shape((1, 5, 5), channels_last=True) == (5, 5, 1)  # rows, even if T = K
    assert layout_of_shape((1, 7), channels_last=True) == (7, 1, 1)
    assert layout_of_shape((1, 2, 3, 4), channels_last=True) == (2, 3, 4)
    assert layout_of_shape((1, 5, 7), channels_last=False) == (5, 1, 7)


def test_layout_keeping_node_propagates_its_input_layout() -> None:
    """A flattened map keeps its channels, rows and columns until a node has its own."""
    nodes = [node(RELU, "x", "f"), node(RELU, "f", "r"), node(dense(None), "r", "g")]
    known = activation_layouts(nodes, tensors(x=(1, 3, 2, 4), f=(1, 24), r=(1, 24), g=(1, 9)))
    assert known == {"x": (3, 2, 4), "f": (3, 2, 4), "r": (3, 2, 4), "g": (9, 1, 1)}


def test_other_outputs_are_laid_out_by_their_shape() -> None:
    known = activation_layouts([node(RELU, "x", "f"), node(POOL, "f", "y")],
                  tensors(x=(1, 3, 2, 4), f=(1, 24), y=(1, 3, 8)))
    assert known["y"] == (3, 1, 8)


@pytest.mark.parametrize(("axis", "layouts"), [
    (2, {"x": (7, 5, 1), "y": (6, 5, 1), "r": (6, 5, 1)}),
    (1, {"x": (5, 1, 7), "y": (5, 1, 6), "r": (5, 1, 6)}),
])
def test_dense_layer_over_the_last_axis_has_channels_last(
    axis: int, layouts: dict[str, ChannelLayout]
) -> None:
    nodes = [node(dense(axis), "x", "y"), node(RELU, "y", "r")]
    assert activation_layouts(nodes, tensors(x=(1, 5, 7), y=(1, 5, 6), r=(1, 5, 6))) == layouts


def test_host_nodes_have_no_layout() -> None:
    known = activation_layouts([node(HOST, "x", "h"), node(RELU, "h", "y")],
                  tensors(x=(1, 3, 4), h=(1, 2, 2), y=(1, 2, 2)))
    assert known == {"h": (2, 1, 2), "y": (2, 1, 2)}


def test_known_layout_is_not_replaced_by_a_reader() -> None:
    known = {"x": ChannelLayout(7, 5, 1)}
    node = LayoutNode(("x",), ("y",), keeps_layout=True)
    propagate(node, tensors(x=(1, 5, 7), y=(1, 5, 7)), known)
    assert known == {"x": (7, 5, 1), "y": (7, 5, 1)}


def test_absent_names_and_unsupported_ranks_are_skipped() -> None:
    known: dict[str, ChannelLayout] = {}
    propagate(LayoutNode(("x", ""), ("y", "")), tensors(x=(1, 2, 3, 4, 5), y=(4,)), known)
    assert known == {}

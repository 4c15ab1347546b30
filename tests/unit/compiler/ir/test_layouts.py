"""Channels, rows and columns of activations: by shape, by dense layers, through aliases."""

from __future__ import annotations

import pytest

from myvta.compiler.ir.graph import Node, Tensor
from myvta.compiler.ir.layouts import learn, needed_view, own_view, views


def node(op: str, inputs: str, output: str, **attrs: object) -> Node:
    """Return a node; the names of its inputs are letters."""
    return Node(op, output, tuple(inputs), (output,), attrs)


def tensors(**shapes: tuple[int, ...]) -> dict[str, Tensor]:
    """Return tensors by name."""
    return {name: Tensor(name, shape) for name, shape in shapes.items()}


@pytest.mark.parametrize(("shape", "layout"), [
    ((2, 7), (7, 1, 1)), ((2, 7, 5), (7, 1, 5)), ((2, 7, 5, 3), (7, 5, 3)),
    ((7,), None), ((), None), ((1, 2, 3, 4, 5), None),
])
def test_shape_alone_decides_without_a_producer(
    shape: tuple[int, ...], layout: tuple[int, int, int] | None
) -> None:
    assert own_view(shape) == layout


def test_dense_layer_over_the_last_axis_has_channels_last() -> None:
    rows = node("Gemm", "x", "y", axis=2)
    assert needed_view(rows, (1, 5, 7)) == (7, 5, 1)
    assert needed_view(rows, (1, 5, 5)) == (5, 5, 1)  # rows, not columns, where both are equal
    assert needed_view(rows, (1, 7)) == (7, 1, 1)
    assert needed_view(node("Gemm", "x", "y", axis=1), (1, 5, 7)) == (5, 1, 7)
    assert needed_view(node("Relu", "x", "y"), (1, 5, 7)) == (5, 1, 7)


def test_flatten_keeps_the_layout_for_the_nodes_after_it() -> None:
    nodes = [node("Flatten", "x", "f"), node("Relu", "f", "r"), node("Gemm", "r", "g")]
    known = views(nodes, tensors(x=(1, 3, 2, 4), f=(1, 24), r=(1, 24), g=(1, 9)))
    assert known == {"x": (3, 2, 4), "f": (3, 2, 4), "r": (3, 2, 4), "g": (9, 1, 1)}


@pytest.mark.parametrize("op", ["Relu", "Add", "Clip", "LeakyRelu", "Tanh", "Affine",
                                "ScaledAdd", "HardSwish", "HardSigmoid"])
def test_elementwise_output_is_laid_out_as_its_input(op: str) -> None:
    known = views([node("Flatten", "x", "f"), node(op, "f", "y")],
                  tensors(x=(1, 3, 2, 4), f=(1, 24), y=(1, 24)))
    assert known["y"] == (3, 2, 4)


@pytest.mark.parametrize("op", ["View", "Conv", "MaxPool", "Concat", "Pad", "GlobalAveragePool"])
def test_other_outputs_are_laid_out_by_their_shape(op: str) -> None:
    known = views([node("Flatten", "x", "f"), node(op, "f", "y")],
                  tensors(x=(1, 3, 2, 4), f=(1, 24), y=(1, 3, 8)))
    assert known["y"] == (3, 1, 8)


def test_host_nodes_have_no_layout() -> None:
    known = views([node("Host", "x", "h"), node("Relu", "h", "y")],
                  tensors(x=(1, 3, 4), h=(1, 2, 2), y=(1, 2, 2)))
    assert known == {"h": (2, 1, 2), "y": (2, 1, 2)}


def test_known_layout_is_not_replaced_by_a_reader() -> None:
    known = {"x": (7, 5, 1)}
    learn(node("Relu", "x", "y"), tensors(x=(1, 5, 7), y=(1, 5, 7)), known)
    assert known == {"x": (7, 5, 1), "y": (7, 5, 1)}


def test_absent_names_and_unfit_ranks_are_skipped() -> None:
    known: dict[str, tuple[int, int, int]] = {}
    made = Node("Conv", "n", ("x", ""), ("y", ""), {})
    learn(made, tensors(x=(1, 2, 3, 4, 5), y=(4,)), known)
    assert known == {}

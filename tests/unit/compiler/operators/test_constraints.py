"""Constraints that operators share: every reason, and the edge next to it."""

from __future__ import annotations

from typing import Any

import pytest
from graph_cases import graph_of
from operator_rules import host_reason

from myvta.compiler.ir.graph import Graph, Node
from myvta.compiler.operators.constraints import RESHAPED, data_reason


def relu(shape: tuple[int, ...], out: tuple[int, ...] | None = None) -> Graph:
    """Return images [2, 3] -> Abs -> Relu of a shape."""
    nodes = [Node("Abs", "a", ("i",), ("x",)), Node("Relu", "n", ("x",), ("y",))]
    return graph_of(*nodes, shapes={"i": (2, 3), "x": shape, "y": out or shape})


@pytest.mark.parametrize(("shape", "reason"), [
    ((2, 3), ""), ((2, 3, 4), ""), ((2, 3, 4, 5), ""), ((2,), "x has 1 dimensions, not 2 to 4"),
    ((2, 1, 3, 4, 5), "x has 5 dimensions, not 2 to 4"), ((2, 0), "x is empty"),
    ((1, 3), "its first dimension is not the images of the network"),
    ((4, 3), "its first dimension is not the images of the network"),
])
def test_unsupported_shapes_are_on_the_host(shape: tuple[int, ...], reason: str) -> None:
    graph = relu(shape)
    assert data_reason(graph.nodes[1], graph) == reason


def test_output_with_another_batch_is_on_the_host() -> None:
    graph = relu((2, 6), (4, 3))
    assert data_reason(graph.nodes[1], graph) == (
        "its first dimension is not the images of the network")


@pytest.mark.parametrize("name", ["x", "y"])
def test_other_types_than_float32_are_on_the_host(name: str) -> None:
    graph = relu((2, 3))
    graph.tensors[name].dtype = "int64"
    assert data_reason(graph.nodes[1], graph) == f"{name} is int64, not float32"


def pool(**changes: Any) -> Graph:
    """Return a MaxPool of 2 x 2 windows on 4 x 4 pixels."""
    attrs: dict[str, Any] = {"kernel": (2, 2), "strides": (1, 1), "pads": (0, 0, 0, 0),
                             "dilations": (1, 1)}
    return graph_of(Node("MaxPool", "n", ("x",), ("y",), {**attrs, **changes}),
                    shapes={"x": (1, 2, 4, 4), "y": (1, 2, 3, 3)})


def test_unsupported_windows_are_on_the_host() -> None:
    assert host_reason(pool()) == ""
    assert host_reason(pool(pads=(0, 0, -1, 0))) == "negative padding"
    assert host_reason(pool(pads=(1, 0, 0, 0))) == ""
    assert host_reason(pool(pads=(2, 0, 0, 0))) == "a window is entirely in the padding"
    assert host_reason(pool(pads=(0, 2, 0, 0))) == "a window is entirely in the padding"
    assert host_reason(pool(strides=(2, 1))) == "a window is entirely in the padding"  # row 4
    assert host_reason(pool(), layouts={"x": (32, 1, 1)}) == RESHAPED


def test_window_whose_taps_surround_the_input_has_no_value() -> None:
    graph = pool(dilations=(6, 1), pads=(1, 0, 3, 0))
    graph.tensors["y"].shape = (1, 2, 1, 3)
    assert host_reason(graph) == "a window is entirely in the padding"  # taps -1 and 5

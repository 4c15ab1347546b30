"""Nodes without an effect: each operator's condition, and removal at every place of a graph."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from graph_cases import graph_of

from myvta.compiler.frontend.onnx.no_ops import does_nothing, drop_no_ops
from myvta.compiler.ir.graph import Graph, Node

SHAPE = (2, 3, 4)


def passes(op: str, *constants: Any, after: tuple[int, ...] = SHAPE,
           outputs: tuple[str, ...] = ("y",), **attrs: Any) -> bool:
    """Return whether a node of an activation [2, 3, 4] and constant inputs has no effect."""
    values = {f"c{index}": np.asarray(value) for index, value in enumerate(constants)
              if value is not None}
    names = tuple("" if value is None else f"c{index}" for index, value in enumerate(constants))
    node = Node(op, "n", ("x", *names), outputs, attrs, b"source")
    shapes = {"x": SHAPE, **dict.fromkeys((name for name in outputs if name), after)}
    return does_nothing(node, graph_of(node, shapes=shapes, constants=values, outputs=["y"]))


@pytest.mark.parametrize("op", ["Identity", "Dropout", "Cast", "Flatten", "Reshape", "Squeeze",
                                "Unsqueeze", "Expand", "Concat", "Sum", "Max", "Min", "Mean"])
def test_one_input_of_the_same_shape_passes(op: str) -> None:
    assert passes(op)


@pytest.mark.parametrize("op", ["Flatten", "Reshape", "Squeeze", "Unsqueeze", "Expand"])
def test_another_shape_has_an_effect(op: str) -> None:
    assert not passes(op, after=(2, 12))


@pytest.mark.parametrize("op", ["Relu", "Abs", "Neg", "Softmax"])
def test_arithmetic_has_an_effect(op: str) -> None:
    assert not passes(op)


@pytest.mark.parametrize("op", ["Concat", "Sum", "Max", "Min", "Mean"])
def test_two_inputs_have_an_effect(op: str) -> None:
    assert not passes(op, np.ones(SHAPE))


@pytest.mark.parametrize(("constants", "passed"), [
    ((0.5,), True), ((0.5, False), True), ((0.5, None), True), ((0.5, True), False),
])
def test_dropout_passes_outside_training(constants: tuple[Any, ...], passed: bool) -> None:
    assert passes("Dropout", *constants) is passed


def test_dropout_whose_mask_is_read_stays() -> None:
    node = Node("Dropout", "n", ("x",), ("y", "m"), {}, b"source")
    reader = Node("Not", "r", ("m",), ("z",), {}, b"source")
    shapes = {"x": SHAPE, "y": SHAPE, "m": SHAPE, "z": SHAPE}
    assert not does_nothing(node, graph_of(node, shapes=shapes, outputs=["y", "m"]))
    node = Node("Dropout", "n", ("x",), ("y", "m"), {}, b"source")
    assert not does_nothing(node, graph_of(node, reader, shapes=shapes, outputs=["y"]))
    node = Node("Dropout", "n", ("x",), ("y", "m"), {}, b"source")
    assert does_nothing(node, graph_of(node, shapes=shapes, outputs=["y"]))


def test_cast_passes_only_to_the_same_known_type() -> None:
    node = Node("Cast", "n", ("x",), ("y",), {"to": 7}, b"source")
    graph = graph_of(node, shapes={"x": SHAPE, "y": SHAPE})
    graph.tensors["y"].dtype = "int64"
    assert not does_nothing(node, graph)
    graph.tensors["x"].dtype = graph.tensors["y"].dtype = "unknown"
    assert not does_nothing(node, graph)


@pytest.mark.parametrize(("steps", "passed"), [
    ((), True), (([0], [3], [1], [1]), True), (([-1], [-9], [1], [-1]), False),
])
def test_slice_of_everything_passes_forward_only(steps: tuple[Any, ...], passed: bool) -> None:
    assert passes("Slice", *steps) is passed


@pytest.mark.parametrize(("shape", "perm", "passed"), [
    ((2, 1, 1), (0, 2, 1), True), ((1, 3, 1), (2, 1, 0), True), ((2, 3, 3), (0, 2, 1), False),
    ((2, 3, 3), (0, 1, 2), True), ((2, 2), None, False),
])
def test_transpose_passes_where_only_single_elements_move(
    shape: tuple[int, ...], perm: tuple[int, ...] | None, passed: bool
) -> None:
    node = Node("Transpose", "n", ("x",), ("y",), {} if perm is None else {"perm": perm}, b"s")
    assert does_nothing(node, graph_of(node, shapes={"x": shape, "y": shape})) is passed


def test_pad_passes_with_zeros_only() -> None:
    assert passes("Pad", [0] * 6)
    assert passes("Pad", pads=[0] * 6)
    assert not passes("Pad", [1, 0, 0, -1, 0, 0])  # the same shape, shifted
    assert not passes("Pad", pads=[1, 0, 0, -1, 0, 0])
    assert not passes("Pad")


def test_clip_passes_without_bounds_only() -> None:
    assert passes("Clip", low=-math.inf, high=math.inf)
    assert not passes("Clip", low=0.0, high=math.inf)
    assert not passes("Clip")


def chain(*ops: str, outputs: tuple[str, ...] = ()) -> Graph:
    """Return a chain of nodes from x over a, b, ... ."""
    names = ["x", *"abcdef"[: len(ops)]]
    nodes = [Node(op, f"{op}{i}", (names[i],), (names[i + 1],), {}, b"source")
             for i, op in enumerate(ops)]
    return graph_of(*nodes, shapes=dict.fromkeys(names, SHAPE), outputs=outputs)


def edges(graph: Graph) -> list[tuple[str, str, str]]:
    return [(node.inputs[0], node.op, node.outputs[0]) for node in graph.nodes]


def test_readers_read_the_input_of_a_removed_node() -> None:
    graph = chain("Identity", "Relu", "Identity", "Abs")
    drop_no_ops(graph)
    assert edges(graph) == [("x", "Relu", "b"), ("b", "Abs", "d")]
    assert graph.folded == {"Identity0": "does nothing", "Identity2": "does nothing"}


def test_producer_takes_the_name_of_a_graph_output() -> None:
    graph = chain("Relu", "Identity")
    drop_no_ops(graph)
    assert edges(graph) == [("x", "Relu", "b")]
    assert graph.outputs == ["b"]


def test_output_of_an_input_stays_a_node() -> None:
    graph = chain("Identity")
    drop_no_ops(graph)
    assert edges(graph) == [("x", "Identity", "a")]
    assert graph.folded == {}


def test_two_outputs_of_one_value_stay_two() -> None:
    graph = chain("Relu", "Identity", outputs=("a", "b"))
    drop_no_ops(graph)
    assert edges(graph) == [("x", "Relu", "a"), ("a", "Identity", "b")]

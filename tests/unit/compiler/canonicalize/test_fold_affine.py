"""Arithmetic with constants becomes Affine or Add: values against numpy, and all other forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from graph_cases import graph_of

from myvta.compiler.canonicalize.fold_affine import (
    broadcast_constants,
    make_affine,
    per_channel,
)
from myvta.compiler.ir.graph import Graph, Node

SHAPE = (2, 3, 4, 5)
X = np.random.default_rng(4).normal(size=SHAPE)
CHANNELS = np.array([0.5, -2.0, 4.0], np.float32).reshape(3, 1, 1)
PIXELS = np.arange(1, 6, dtype=np.float32)


def arithmetic(op: str, inputs: str, constant: np.ndarray | None = None,
               after: tuple[int, ...] = SHAPE, **attrs: Any) -> Graph:
    """Return the graph of a node of x and a constant c (or a second activation a)."""
    shapes = {"x": SHAPE, "y": after} | ({"a": SHAPE} if "a" in inputs else {})
    constants = {} if constant is None else {"c": constant}
    return graph_of(Node(op, "n", tuple(inputs), ("y",), attrs, b"source"), shapes=shapes,
                    constants=constants)


@pytest.mark.parametrize(("value", "channels"), [
    (np.float32(2), [2, 2, 2]), (np.array([2]), [2, 2, 2]), (CHANNELS, [0.5, -2, 4]),
    (CHANNELS[None], [0.5, -2, 4]), (np.full((1, 1, 1, 1), 7), [7, 7, 7]),
    (PIXELS, None), (np.ones((4, 1)), None), (np.ones((2, 1, 1, 1)), None),
    (np.ones((1, 1, 3, 1, 1)), None), (np.ones((1, 2, 1, 1)), None),
])
def test_constant_per_channel_is_found(value: np.ndarray, channels: list[float] | None) -> None:
    found = per_channel(np.asarray(value), SHAPE)
    assert (None if found is None else found.tolist()) == channels


def test_tensor_without_channels_has_no_value_per_channel() -> None:
    assert per_channel(np.float32(1), (3,)) is None


FORMS = {
    ("Mul", "xc"): X * CHANNELS, ("Mul", "cx"): X * CHANNELS, ("Add", "xc"): X + CHANNELS,
    ("Add", "cx"): X + CHANNELS, ("Sub", "xc"): X - CHANNELS, ("Sub", "cx"): CHANNELS - X,
    ("Div", "xc"): X / CHANNELS,
}


@pytest.mark.parametrize("form", FORMS)
def test_arithmetic_with_a_constant_per_channel_is_affine(form: tuple[str, str]) -> None:
    graph = arithmetic(*form, CHANNELS)
    make_affine(graph)
    np.testing.assert_allclose(apply_affine(graph), FORMS[form], rtol=1e-5, atol=1e-6)


def apply_affine(graph: Graph) -> np.ndarray:
    """Return the output of the only node, an Affine, for X."""
    (node,) = graph.nodes
    assert (node.op, node.attrs, node.source, node.inputs[0]) == ("Affine", {}, None, "x")
    scale, offset = (graph.value(name) for name in node.inputs[1:])
    assert scale is not None
    assert offset is not None
    assert scale.shape == offset.shape == (3, 1, 1)
    assert scale.dtype == offset.dtype == np.float32
    return np.asarray(X * scale + offset)


def test_negation_is_affine() -> None:
    graph = arithmetic("Neg", "x")
    make_affine(graph)
    np.testing.assert_array_equal(apply_affine(graph), -X)


def batch_norm(variance: list[float], **attrs: Any) -> Graph:
    """Return the graph of a batch normalization."""
    values = {"g": [1.0, 2.0, -0.5], "b": [0.0, 1.0, 2.0], "m": [0.5, -1.0, 0.0], "v": variance}
    node = Node("BatchNormalization", "n", ("x", "g", "b", "m", "v"), ("y",), attrs, b"source")
    return graph_of(node, shapes={"x": SHAPE, "y": SHAPE}, constants={
        name: np.array(value, np.float32) for name, value in values.items()})


@pytest.mark.parametrize("attrs", [{}, {"epsilon": 0.5}])
def test_batch_normalization_is_affine(attrs: dict[str, float]) -> None:
    graph = batch_norm([1.0, 4.0, 0.25], **attrs)
    make_affine(graph)
    g, b, m, v = (np.reshape(value, (3, 1, 1)) for value in (
        [1.0, 2.0, -0.5], [0.0, 1.0, 2.0], [0.5, -1.0, 0.0], [1.0, 4.0, 0.25]))
    expected = (X - m) / np.sqrt(v + attrs.get("epsilon", 1e-5)) * g + b
    np.testing.assert_allclose(apply_affine(graph), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("graph", [
    arithmetic("Div", "cx", CHANNELS),  # a reciprocal
    arithmetic("Div", "xc", CHANNELS * 0),
    arithmetic("Mul", "xc", PIXELS), arithmetic("Mul", "xa"),
    arithmetic("Mul", "xc", np.full((3, 1, 1), np.inf, np.float32)),
    arithmetic("Add", "xc", np.ones((7, 2, 3, 4, 5), np.float32), (7, *SHAPE)),
    arithmetic("Pow", "xc", CHANNELS),
    batch_norm([1.0, 4.0, -0.25]), batch_norm([1.0, 4.0, 1.0], training_mode=1),
], ids=range(9))
def test_other_arithmetic_stays(graph: Graph) -> None:
    before = [(node.op, node.inputs) for node in graph.nodes]
    make_affine(graph)
    assert [(node.op, node.inputs) for node in graph.nodes] == before
    assert graph.nodes[0].source == b"source"


def test_integers_stay() -> None:
    graph = arithmetic("Mul", "xc", CHANNELS)
    graph.tensors["x"].dtype = graph.tensors["y"].dtype = "int64"
    make_affine(graph)
    assert graph.nodes[0].op == "Mul"


@pytest.mark.parametrize(("op", "inputs", "sign"), [
    ("Add", "xc", 1), ("Add", "cx", 1), ("Sub", "xc", -1),
])
@pytest.mark.parametrize("shape", [(5,), (4, 1), (1, 3, 4, 5), (3, 4, 5)])
def test_any_other_constant_is_broadcast_to_the_activation(
    op: str, inputs: str, sign: int, shape: tuple[int, ...]
) -> None:
    value = np.random.default_rng(5).normal(size=shape).astype(np.float32)
    graph = arithmetic(op, inputs, value)
    broadcast_constants(graph)
    (node,) = graph.nodes
    assert (node.op, node.source, node.inputs[0]) == ("Add", None, "x")
    constant = graph.value(node.inputs[1])
    assert constant is not None
    np.testing.assert_array_equal(
        constant, sign * np.broadcast_to(value, (1, 3, 4, 5)))


@pytest.mark.parametrize("graph", [
    arithmetic("Sub", "cx", PIXELS),  # the activation would change its sign
    arithmetic("Add", "xa"), arithmetic("Mul", "xc", PIXELS),
    arithmetic("Add", "xc", np.ones(SHAPE, np.float32)),  # differs from image to image
    arithmetic("Add", "xc", np.ones((2, 1, 3, 4, 5), np.float32), (2, *SHAPE)),
], ids=range(5))
def test_other_sums_stay(graph: Graph) -> None:
    before = [(node.op, node.inputs) for node in graph.nodes]
    broadcast_constants(graph)
    assert [(node.op, node.inputs) for node in graph.nodes] == before

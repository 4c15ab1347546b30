"""Which activations may have a zero point: by their readers, also through views and pools."""

from __future__ import annotations

import numpy as np
import pytest
from graph_cases import graph_of

from myvta.compiler.ir.graph import Graph, Node
from myvta.compiler.partition.partition import Placement
from myvta.compiler.quantize.zero_points import accepts_zero_point

SHAPE = (1, 2, 4, 4)
WINDOW = {"kernel": (2, 2), "strides": (1, 1), "pads": (0, 0, 0, 0), "dilations": (1, 1)}
PADDED = {**WINDOW, "pads": (1, 1, 0, 0), "counted": (0, 0, 0, 0)}


def read_by(*nodes: Node) -> Graph:
    """Return a graph whose nodes read x and write y, z ..."""
    shapes = dict.fromkeys(("x", "w", *(node.outputs[0] for node in nodes)), SHAPE)
    nodes = tuple(Node(n.op, n.name, n.inputs, n.outputs, n.attrs) for n in nodes)
    return graph_of(*nodes, shapes=shapes, constants={"c": np.ones((2, 2, 1, 1), np.float32)})


def node(op: str, *inputs: str, out: str = "y", **attrs: object) -> Node:
    return Node(op, f"{op} {out}", inputs or ("x",), (out,), attrs)


@pytest.mark.parametrize("reader", [
    node("Conv", "x", "c"), node("Add", "x", "w"), node("Concat", "w", "x"),
    node("GlobalAveragePool"), node("AveragePool", **(PADDED | WINDOW | {"kernel": (1, 1)})),
    node("Gemm", "x", "c"), node("Table"), node("MaxPool", **WINDOW),
], ids=lambda reader: reader.op)
def test_readers_that_remove_it(reader: Node) -> None:
    assert accepts_zero_point(read_by(reader), {}, "x")


@pytest.mark.parametrize("reader", [
    node("Relu"), node("LeakyRelu"), node("Tanh"), node("ConvTranspose", "x", "c"),
    node("AveragePool", **PADDED),
], ids=lambda reader: reader.op)
def test_readers_that_refuse_it(reader: Node) -> None:
    assert not accepts_zero_point(read_by(reader), {}, "x")
    assert accepts_zero_point(
        read_by(reader), {reader.name: Placement("host", "for the test")}, "x")


def test_readers_of_the_same_scale_are_followed() -> None:
    pool, last = node("MaxPool", **WINDOW), node("Relu", "y", out="z")
    assert accepts_zero_point(read_by(pool, node("Add", "y", "w", out="z")), {}, "x")
    assert not accepts_zero_point(read_by(pool, last), {}, "x")
    assert not accepts_zero_point(read_by(node("Add", "x", "w"), node("Relu", out="z")), {}, "x")

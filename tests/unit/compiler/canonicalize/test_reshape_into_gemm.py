"""A reshape of dense features goes into the layer, and every case where it cannot."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from graph_cases import graph_of

from myvta.compiler.canonicalize.reshape_into_gemm import absorb_views
from myvta.compiler.ir.graph import Graph, Node


def dense_and_view(
    shape: tuple[int, ...], op: str = "View", source: object = None, reader: bool = False,
    outputs: tuple[str, ...] = (), **attrs: Any,
) -> Graph:
    """Return x -> Gemm -> f -> View -> y, maybe with a second reader of the features."""
    nodes = [Node("Gemm", "dense", ("x", "w"), ("f",), attrs, source),
             Node(op, "view", ("f",), ("y",), {}, b"source")]
    shapes: dict[str, tuple[int, ...]] = {"x": (2, 5), "f": (2, 24), "y": shape}
    if reader:
        nodes.append(Node("Relu", "reader", ("f",), ("r",)))
        shapes["r"] = (2, 24)
    return graph_of(*nodes, shapes=shapes, constants={"w": np.ones((24, 5), np.float32)},
                    outputs=outputs or ("y",))


@pytest.mark.parametrize("shape", [(2, 6, 2, 2), (2, 6, 4), (2, 1, 4, 6)])
def test_layer_produces_the_feature_map(shape: tuple[int, ...]) -> None:
    graph = dense_and_view(shape, relu=1)
    absorb_views(graph)
    (node,) = graph.nodes
    assert (node.op, node.inputs, node.outputs) == ("Gemm", ("x", "w"), ("y",))
    assert node.attrs == {"relu": 1, "unflatten": shape[1:]}
    assert graph.folded == {"view": "part of dense"}


@pytest.mark.parametrize("graph", [
    dense_and_view((2, 24, 1, 1)),  # features without pixels: a view of the same memory
    dense_and_view((2, 24, 1)), dense_and_view((2, 24)), dense_and_view((2, 2, 3, 2, 2)),
    dense_and_view((2, 6, 2, 2), op="Flatten"),
    dense_and_view((2, 6, 2, 2), source=b"not canonical"),
    dense_and_view((2, 6, 2, 2), reader=True),
    dense_and_view((2, 6, 2, 2), outputs=("y", "f")),
    dense_and_view((2, 6, 2, 2), axis=2), dense_and_view((2, 6, 2, 2), unflatten=(4, 6)),
], ids=range(10))
def test_other_views_stay(graph: Graph) -> None:
    before = [(node.op, node.attrs, node.outputs) for node in graph.nodes]
    absorb_views(graph)
    assert [(node.op, node.attrs, node.outputs) for node in graph.nodes] == before
    assert graph.folded == {}


def test_view_of_an_input_stays() -> None:
    graph = graph_of(Node("View", "v", ("x",), ("y",)), shapes={"x": (2, 24), "y": (2, 6, 2, 2)})
    absorb_views(graph)
    assert [node.op for node in graph.nodes] == ["View"]

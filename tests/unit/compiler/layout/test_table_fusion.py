"""Tables move into the requantization ahead where nothing else reads its results."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from quantized_graphs import chain

from myvta.compiler.ir.attributes import TableAttributes
from myvta.compiler.ir.fixed_point import Requant
from myvta.compiler.ir.quantized_graph import QuantizedGraph, QuantizedNode, QuantizedTensor
from myvta.compiler.layout.table_fusion import fuse_tables
from myvta.compiler.reference.reference_evaluator import evaluate_node

SQUARE = ((np.arange(256, dtype=np.uint8).view(np.int8).astype(np.int64) ** 2) >> 7).astype(
    np.int16)


def table(source: str, target: str, channels: int) -> QuantizedNode:
    """Return a Table node of squares."""
    zeros = np.zeros(channels, np.int32)
    return QuantizedNode(
        "Table", f"{target}_table", (source,), (target,), TableAttributes("Mul"),
        Requant(zeros, zeros, table=np.minimum(SQUARE, 127)))


def with_table(after: str, channels: int) -> QuantizedGraph:
    """Return the chain with a table behind one of its activations."""
    graph = chain()
    shape = graph.tensors[after].shape
    tensors = {**graph.tensors, "t": QuantizedTensor("t", shape, -5)}
    nodes: list[QuantizedNode] = []
    for node in graph.nodes:
        if after in node.inputs:
            nodes.append(table(after, "t", channels))
            node = replace(node, inputs=("t",))
        nodes.append(node)
    return replace(graph, nodes=tuple(nodes), tensors=tensors)


def test_convolution_looks_its_results_up() -> None:
    graph = with_table("z", 9)
    fused, into = fuse_tables(graph)
    assert into == {"t_table": "conv"}
    assert [node.name for node in fused.nodes] == ["relu", "conv", "flatten", "soft"]
    assert "z" not in fused.tensors
    conv, alone = fused.nodes[1], graph.nodes[1]
    assert conv.outputs == ("t",)
    y = np.random.default_rng(1).integers(-128, 128, (2, 6, 3, 4))
    np.testing.assert_array_equal(
        evaluate_node(conv, [y], 8),
        evaluate_node(graph.nodes[2], [evaluate_node(alone, [y], 8)], 8))


def test_operator_without_requantization_stays_apart() -> None:
    graph = with_table("y", 6)
    fused, into = fuse_tables(graph)
    assert into == {}
    assert fused.nodes == graph.nodes


def test_result_that_others_read_stays_apart() -> None:
    graph = with_table("z", 9)
    assert fuse_tables(replace(graph, outputs=("real", "z")))[1] == {}
    other = replace(graph.nodes[0], name="other", inputs=("z",), outputs=("other",))
    assert fuse_tables(replace(graph, nodes=(*graph.nodes, other)))[1] == {}


def test_requantization_has_one_table() -> None:
    graph = with_table("z", 9)
    second = table("t", "u", 9)
    nodes = tuple(
        replace(node, inputs=("u",)) if "t" in node.inputs else node for node in graph.nodes)
    nodes = (*nodes[:3], second, *nodes[3:])
    tensors = {**graph.tensors, "u": QuantizedTensor("u", (2, 9, 3, 4), -5)}
    fused, into = fuse_tables(replace(graph, nodes=nodes, tensors=tensors))
    assert into == {"t_table": "conv"}
    assert [node.name for node in fused.nodes] == ["relu", "conv", "u_table", "flatten", "soft"]

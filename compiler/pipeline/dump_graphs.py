"""Float and quantized graphs as rows of a dump."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..ir.attributes import SlidingWindow
from ..ir.graph import Graph
from ..ir.quantized_graph import QuantizedGraph, QuantizedNode
from ..partition.partition import Placement
from .dump import DumpRow

__all__ = ["graph_rows", "node_row", "quantized_rows"]


def graph_rows(graph: Graph, placements: Mapping[str, Placement] | None = None) -> list[DumpRow]:
    """Return a row for each input and node of a float graph, with its placement if there is one."""
    rows = [
        DumpRow(name, "Input", facts={"shape": graph.tensors[name].shape}) for name in graph.inputs
    ]
    for node in graph.nodes:
        facts: dict[str, Any] = dict(node.attrs)
        facts["shape"] = [graph.tensors[name].shape for name in node.outputs if name]
        if placements is not None:
            facts["on"] = placements[node.name].where
            facts["reason"] = placements[node.name].reason
        rows.append(DumpRow(node.name, node.op, node.inputs, node.outputs, facts))
    return rows


def quantized_rows(graph: QuantizedGraph) -> list[DumpRow]:
    """Return a row for each tensor with a scale and each node of a quantized graph."""
    rows = [
        DumpRow(name, "Tensor", facts={
            "shape": tensor.shape, "scale": tensor.scale, "zero_point": tensor.zero_point})
        for name, tensor in graph.tensors.items() if tensor.exponent is not None
    ]
    return rows + [node_row(node) for node in graph.nodes]


def node_row(node: QuantizedNode) -> DumpRow:
    """Return the row of a node of a quantized graph."""
    facts: dict[str, Any] = {}
    for name, value in vars(node.attrs).items():
        if isinstance(value, SlidingWindow):
            facts |= vars(value)
        elif value is not None and name not in ("weight_scale", "payload"):
            facts[name] = value
    if node.requant is not None:
        rule = node.requant
        facts["shift"] = rule.shift if rule.uniform_shift is None else rule.uniform_shift
        facts["relu"] = rule.relu
        if rule.clip is not None:
            facts["clip"] = rule.clip
        if rule.table is not None:
            facts["table"] = rule.table
    return DumpRow(node.name, node.op, node.inputs, node.outputs, facts)

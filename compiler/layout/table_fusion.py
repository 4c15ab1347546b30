"""Tables looked up by the requantization of the operator ahead.

Where only a Table reads an activation whose operator requantizes it, that requantization looks its
results up itself: no step, no pass over memory, and the activation between the two never exists.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from ..ir.attributes import TableAttributes
from ..ir.quantized_graph import QuantizedGraph, QuantizedNode

__all__ = ["fuse_tables"]


def fuse_tables(graph: QuantizedGraph) -> tuple[QuantizedGraph, dict[str, str]]:
    """Return the network with fused tables, and the operator of each by the name of its node."""
    readers = Counter(name for node in graph.nodes for name in node.inputs)
    readers.update(graph.outputs)
    makers = {name: node for node in graph.nodes for name in node.outputs}
    fused: dict[str, str] = {}
    changed: dict[str, QuantizedNode] = {}
    for node in graph.nodes:
        if not isinstance(node.attrs, TableAttributes) or readers[node.inputs[0]] > 1:
            continue
        before = makers.get(node.inputs[0])
        if before is None or before.requant is None or before.requant.table is not None:
            continue
        table = node.rule.table
        assert table is not None, node.name
        rule = before.requant.followed_by(table, graph.inp_width)
        changed[before.name] = replace(before, outputs=node.outputs, requant=rule)
        fused[node.name] = before.name
    nodes = tuple(
        changed.get(node.name, node) for node in graph.nodes if node.name not in fused)
    gone = {node.inputs[0] for node in graph.nodes if node.name in fused}
    tensors = {name: tensor for name, tensor in graph.tensors.items() if name not in gone}
    return replace(graph, nodes=nodes, tensors=tensors), fused

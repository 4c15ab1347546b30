"""A dense layer whose features are reshaped into a feature map computes that map.

Its rows have the order of the map's tiles (:mod:`.tile_order`): channel block by channel
block, pixel by pixel, lane by lane.  So the Reshape costs nothing, and the nodes
after it see channels, rows and columns.
"""

from __future__ import annotations

from math import prod

from ..ir.graph import Graph

__all__ = ["absorb_views"]


def absorb_views(graph: Graph) -> None:
    """Let a Gemm produce the feature map where that is the only use of its features."""
    for node in graph.nodes:
        before = graph.producer(node.inputs[0]) if node.op == "View" else None
        if before is None or before.op != "Gemm" or before.source is not None:
            continue
        shape = graph.tensors[node.outputs[0]].shape
        if before.attrs.keys() & {"axis", "unflatten"}:
            continue
        if len(shape) not in (3, 4) or prod(shape[2:]) == 1:
            continue
        if graph.only_consumer(before.outputs[0]) is not node:
            continue
        before.attrs = {**before.attrs, "unflatten": shape[1:]}
        before.outputs = node.outputs
        graph.remove(node)
        graph.folded[node.name] = f"part of {before.name}"

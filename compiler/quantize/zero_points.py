"""Activations that may have a zero point: all their readers can remove it."""

from __future__ import annotations

from collections.abc import Mapping

from ..ir.graph import Graph
from ..operators.operator import ZeroPointUse
from ..operators.registry import OPERATORS
from ..partition.partition import Placement

__all__ = ["accepts_zero_point"]


def accepts_zero_point(
    graph: Graph, placements: Mapping[str, Placement], name: str
) -> bool:
    """Return whether every reader of an activation takes a zero point, also through others.

    The host takes any.
    """
    for node in graph.consumers(name):
        if node.name in placements and not placements[node.name].on_accelerator:
            continue
        use = OPERATORS[node.op].zero_point_use(node, graph)
        if use is ZeroPointUse.REFUSED:
            return False
        if use is ZeroPointUse.KEPT and not all(
            accepts_zero_point(graph, placements, output) for output in node.outputs
        ):
            return False
    return True

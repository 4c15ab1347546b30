"""Place each node on the accelerator or on the host, with the reason."""

from __future__ import annotations

from collections import ChainMap
from dataclasses import dataclass

from ...isa.config import Config
from ..ir.graph import Graph, Node
from ..ir.layouts import ChannelLayout, LayoutNode, propagate
from ..operators.constraints import data_reason
from ..operators.operator import Context
from ..operators.registry import FALLBACK_REASONS, OPERATORS
from .host_islands import ISLAND_REASON, light_islands

__all__ = ["Placement", "place"]


@dataclass(frozen=True)
class Placement:
    """The placement of a node: ``where`` is ``accelerator`` or ``host``."""

    where: str
    reason: str

    @property
    def on_accelerator(self) -> bool:
        """Whether the accelerator runs the node."""
        return self.where == "accelerator"


def place(graph: Graph, config: Config, *, qdq: bool = False) -> dict[str, Placement]:
    """Return the placement of every node by node name.

    Parameters
    ----------
    qdq
        Whether the model is pre-quantized: its own scales constrain nodes further.
    """
    placements: dict[str, Placement] = {}
    seen: dict[str, ChannelLayout] = {}
    for node in graph.nodes:
        layouts = ChainMap[str, ChannelLayout]({}, seen)
        propagate(_layout_node(node), graph.tensors, layouts)
        reason = _unsupported_reason(node, Context(graph, config, layouts))
        if not reason and qdq:
            reason = OPERATORS[node.op].qdq_reason(node, graph)
        before = graph.producer(node.inputs[0]) if node.inputs else None
        after_host = before is not None and not placements[before.name].on_accelerator
        if not reason and after_host and OPERATORS[node.op].attributes.is_view:
            reason = "its input is on the host"
        if reason:
            placements[node.name] = Placement("host", reason)
        else:
            placements[node.name] = Placement("accelerator", OPERATORS[node.op].reason)
            seen |= layouts.maps[0]
    if not qdq:  # whose float values are rounded anyway
        on_accelerator = {name for name, where in placements.items() if where.on_accelerator}
        light = light_islands(graph, on_accelerator)
        placements |= dict.fromkeys(light, Placement("host", ISLAND_REASON))
    return placements


def _layout_node(node: Node) -> LayoutNode:
    operator = OPERATORS.get(node.op)
    if operator is None:
        return LayoutNode(node.inputs, node.outputs)
    return LayoutNode(
        node.inputs, node.outputs, operator.attributes.keeps_layout, operator.channels_last(node))


def _unsupported_reason(node: Node, context: Context) -> str:
    operator = OPERATORS.get(node.op)
    if operator is None or operator.quantize is None:
        return FALLBACK_REASONS.get(node.op, f"no lowering for {node.op}")
    return data_reason(node, context.graph) or operator.unsupported_reason(node, context)

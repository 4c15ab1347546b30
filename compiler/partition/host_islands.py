"""Work between nodes of the host that is too light to leave it: nothing is quantized for nothing.

The host would convert the inputs to integers and the outputs back to floats, and compute in float
without it.  Layers with weights are worth that, all others are not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ..ir.attributes import WeightedAttributes
from ..ir.graph import Graph, Node
from ..operators.registry import OPERATORS

__all__ = ["ISLAND_REASON", "light_islands"]

ISLAND_REASON = "between nodes of the host and without weights: it would be quantized for nothing"


def light_islands(graph: Graph, on_accelerator: Collection[str]) -> set[str]:
    """Return the nodes of the accelerator, by name, that the host should run.

    They are connected parts without weights, whose inputs nodes of the host compute and whose
    outputs only nodes of the host read.
    """
    left = {node: None for node in graph.nodes if node.name in on_accelerator}
    light = set[str]()
    while left:
        part = _connected(graph, next(iter(left)), left)
        for node in part:
            del left[node]
        if not any(map(_has_weights, part)) and _between_host_nodes(graph, part):
            light |= {node.name for node in part}
    return light


def _connected(graph: Graph, first: Node, known: Collection[Node]) -> set[Node]:
    """Return the nodes among ``known`` that tensors connect with a node."""
    part, waiting = {first}, [first]
    while waiting:
        for other in _neighbours(graph, waiting.pop()):
            if other in known and other not in part:
                part.add(other)
                waiting.append(other)
    return part


def _neighbours(graph: Graph, node: Node) -> Iterator[Node]:
    for name in filter(None, node.inputs):
        before = graph.producer(name)
        if before is not None:
            yield before
    for name in filter(None, node.outputs):
        yield from graph.consumers(name)


def _has_weights(node: Node) -> bool:
    return issubclass(OPERATORS[node.op].attributes, WeightedAttributes)


def _between_host_nodes(graph: Graph, part: set[Node]) -> bool:
    """Return whether a connected part reads no input of the graph and computes no output of it."""
    read = {
        name for node in part for name in node.inputs
        if name and not graph.tensors[name].constant}
    written = {name for node in part for name in node.outputs if name}
    return not read & set(graph.inputs) and not written & set(graph.outputs)

"""Invariants of the graphs between passes: each function yields the rules that are broken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

import numpy as np

from ..ir.attributes import WeightedAttributes
from ..ir.fixed_point import limits
from ..ir.graph import Graph
from ..ir.quantized_graph import QuantizedGraph, QuantizedNode
from ..operators.registry import OPERATORS
from ..partition.partition import Placement
from .passes import BrokenRule

__all__ = [
    "verify_canonical", "verify_graph", "verify_placements", "verify_quantized", "verify_static",
]


class _Node(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def inputs(self) -> tuple[str, ...]: ...
    @property
    def outputs(self) -> tuple[str, ...]: ...


def _verify_order(
    nodes: Iterable[_Node], known: Iterable[str], tensors: Iterable[str], outputs: Iterable[str]
) -> Iterator[BrokenRule]:
    """Yield broken rules of the execution order; an empty name is an absent operand."""
    available, listed, names = set(known), set(tensors), set[str]()
    for node in nodes:
        if node.name in names:
            yield BrokenRule(node.name, "two nodes have this name")
        names.add(node.name)
        for name in filter(None, node.inputs):
            if name not in available:
                yield BrokenRule(node.name, f"reads {name!r} before a node produces it")
        for name in filter(None, node.outputs):
            if name in available:
                yield BrokenRule(node.name, f"produces {name!r}, which exists already")
            if name not in listed:
                yield BrokenRule(node.name, f"produces {name!r}, which is no tensor of the graph")
            available.add(name)
    for name in outputs:
        if name not in available:
            yield BrokenRule(name, "no node produces this output of the graph")


def verify_graph(graph: Graph) -> Iterator[BrokenRule]:
    """Yield broken rules of a float graph: every tensor is produced once, and before it is read."""
    constants = {name for name, tensor in graph.tensors.items() if tensor.constant}
    yield from _verify_order(
        graph.nodes, {*graph.inputs, *constants}, graph.tensors, graph.outputs)


def verify_static(graph: Graph) -> Iterator[BrokenRule]:
    """Yield the tensors of a graph without a static shape, besides :func:`verify_graph`."""
    yield from verify_graph(graph)
    for name, tensor in graph.tensors.items():
        if any(not isinstance(size, int) or size < 0 for size in tensor.shape):
            yield BrokenRule(name, f"its shape {tensor.shape} is not static")


def verify_canonical(graph: Graph) -> Iterator[BrokenRule]:
    """Yield broken rules of a canonical graph: folded nodes are gone."""
    yield from verify_graph(graph)
    for node in graph.nodes:
        if node.name in graph.folded:
            yield BrokenRule(node.name, f"it is folded ({graph.folded[node.name]}) and still there")


def verify_placements(graph: Graph, placements: Mapping[str, Placement]) -> Iterator[BrokenRule]:
    """Yield broken rules of a partitioned graph: every node has a place that can run it."""
    yield from verify_graph(graph)
    for node in graph.nodes:
        placement = placements.get(node.name)
        if placement is None:
            yield BrokenRule(node.name, "it is placed neither on the accelerator nor on the host")
        elif not placement.reason:
            yield BrokenRule(node.name, "its placement has no reason")
        elif placement.on_accelerator and node.op not in OPERATORS:
            yield BrokenRule(node.name, f"the accelerator has no operator {node.op}")


def verify_quantized(
    graph: QuantizedGraph, host_tensors: Iterable[str] = ()
) -> Iterator[BrokenRule]:
    """Yield broken rules of a quantized graph: order, scales, and ranges of the constants.

    ``host_tensors``: names of tensors that the host packs or unpacks, which no node produces.
    """
    known = {*graph.inputs, *graph.constants, *host_tensors}
    yield from _verify_order(graph.nodes, known, graph.tensors, graph.outputs)
    for node in graph.nodes:
        if node.on_host:
            continue
        operator = OPERATORS.get(node.op)
        if operator is None or not isinstance(node.attrs, operator.attributes):
            yield BrokenRule(node.name, f"{type(node.attrs).__name__} on a node of {node.op}")
        for name in (*node.inputs, *node.outputs):
            if name in graph.tensors and graph.tensors[name].exponent is None:
                yield BrokenRule(node.name, f"{name!r} is on the accelerator without a scale")
        yield from _verify_constants(node, graph.wgt_width)
        yield from _verify_table(node, graph.inp_width)


def _verify_constants(node: QuantizedNode, width: int) -> Iterator[BrokenRule]:
    lowest, highest = limits(width)
    attrs, rule = node.attrs, node.requant
    weight = attrs.weight if isinstance(attrs, WeightedAttributes) else None
    if weight is not None and weight.size and not (
        lowest <= int(weight.min()) and int(weight.max()) <= highest
    ):
        yield BrokenRule(node.name, f"a weight exceeds {width} bits")
    if rule is None:
        return
    if weight is not None and len(rule.bias) != len(weight):
        yield BrokenRule(
            node.name, f"{len(weight)} output channels, parameters for {len(rule.bias)}")
    if np.any(rule.shift < 0) or np.any(rule.shift > 31):
        yield BrokenRule(node.name, "a shift is not within 0 .. 31")
    if rule.multiplier is not None and np.any(rule.multiplier < 0):
        yield BrokenRule(node.name, "a multiplier is negative")


def _verify_table(node: QuantizedNode, width: int) -> Iterator[BrokenRule]:
    if node.requant is None or node.requant.table is None:
        return
    lowest, highest = limits(width)
    table = node.requant.table
    if not lowest <= int(table.min()) <= int(table.max()) <= highest:
        yield BrokenRule(node.name, f"an entry of its table exceeds {width} bits")

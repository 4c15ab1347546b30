"""The network as plain data: tensors, nodes and the graph that the passes rewrite.

A front end creates the graph; :mod:`.canonicalize` rewrites it into few operators.  Each operator
of the accelerator (:mod:`myvta.compiler.operators.registry`) has a canonical form with fixed
attributes; every other node runs on the host, through its front end.

A form with attr relu may also have attr clip (low, high), applied after it.  Before
canonicalization there may also be Mul, Add, Sub, Div (two inputs, broadcast), Neg, and
BatchNormalization (inputs x, scale, bias, mean, variance; attr epsilon).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

__all__ = ["Graph", "Node", "Origin", "Tensor"]


@dataclass(frozen=True)
class Origin:
    """The front end that a graph comes from, by name, and a context that only it understands."""

    front_end: str
    context: object = None


@dataclass(eq=False)
class Tensor:
    """A named value: ``shape`` is static, ``value`` is set for constants, ``dtype`` is numpy's."""

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    value: np.ndarray | None = None

    @property
    def constant(self) -> bool:
        """Whether the value is known at compile time."""
        return self.value is not None


@dataclass(eq=False)
class Node:
    """One operation.

    ``source`` is opaque: the front end's own form of a node that is not (yet) canonical, with which
    it runs the node on the host.  A node belongs to one graph at most, whose index follows
    assignments to ``inputs`` and ``outputs``.
    """

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attrs: dict[str, Any] = field(default_factory=dict)
    source: object | None = None
    _graph: Graph | None = field(default=None, init=False, repr=False)

    def __setattr__(self, name: str, value: object) -> None:
        graph = self.__dict__.get("_graph")
        if graph is None or name not in ("inputs", "outputs"):
            super().__setattr__(name, value)
            return
        graph.disconnect(self)
        super().__setattr__(name, value)
        graph.connect(self)


class Graph:
    """Nodes in execution order, all tensors by name, and the names of inputs and outputs.

    Producers and consumers are indexed by tensor: a query is linear in its result.

    Parameters
    ----------
    origin
        The front end that read the model.

    Attributes
    ----------
    folded
        The reason of each removed node, by name.
    """

    def __init__(
        self, name: str, nodes: Iterable[Node], tensors: dict[str, Tensor], inputs: list[str],
        outputs: list[str], origin: Origin,
    ):
        self.name, self.tensors, self.origin = name, tensors, origin
        self.inputs, self.outputs = inputs, outputs
        self.folded: dict[str, str] = {}
        self._slots: dict[int, list[Node]] = {}  # in order; a node's parts share its slot
        self._slot_of: dict[Node, int] = {}
        self._producers: dict[str, dict[Node, None]] = {}
        self._consumers: dict[str, dict[Node, None]] = {}
        for slot, node in enumerate(nodes):
            self._add(node, slot)

    @property
    def nodes(self) -> list[Node]:
        """The nodes in execution order (a new list)."""
        return [node for slot in self._slots.values() for node in slot]

    def __contains__(self, node: Node) -> bool:
        return node in self._slot_of

    def copy(self) -> Graph:
        """Return a copy with its own nodes and table of tensors."""
        nodes = [replace(node) for node in self.nodes]
        other = Graph(
            self.name, nodes, dict(self.tensors), self.inputs, self.outputs, self.origin)
        other.folded = dict(self.folded)
        return other

    def remove(self, node: Node) -> None:
        """Remove a node from the graph."""
        self.disconnect(node)
        slot = self._slot_of.pop(node)
        self._slots[slot].remove(node)
        if not self._slots[slot]:
            del self._slots[slot]
        node._graph = None

    def split(self, node: Node, parts: Iterable[Node]) -> None:
        """Replace a node by new nodes, in order."""
        slot = self._slot_of[node]
        for part in parts:
            self._add(part, slot)
        self.remove(node)

    def producer(self, name: str) -> Node | None:
        """Return the node that computes a tensor, None for inputs and constants."""
        return min(self._producers.get(name, ()), key=self._slot_of.__getitem__, default=None)

    def consumers(self, name: str) -> list[Node]:
        """Return the nodes that read a tensor, in order."""
        return sorted(self._consumers.get(name, ()), key=self._slot_of.__getitem__)

    def only_consumer(self, name: str) -> Node | None:
        """Return the only reader of a tensor that is not an output of the graph, else None."""
        readers = self.consumers(name)
        return readers[0] if len(readers) == 1 and name not in self.outputs else None

    def results(self, nodes: Iterable[Node]) -> list[str]:
        """Return the outputs of some nodes that others, or the outputs of the graph, read."""
        members = list(nodes)
        inside = set(members)
        return [
            name for node in members for name in node.outputs
            if name and (
                name in self.outputs or not self._consumers.get(name, {}).keys() <= inside)
        ]

    def value(self, name: str) -> np.ndarray | None:
        """Return the value of a constant, None for everything else and for an absent input."""
        return self.tensors[name].value if name else None

    def constant(self, name: str, value: np.ndarray) -> str:
        """Add a constant under a fresh name derived from ``name`` and return that name."""
        fresh, count = name, 0
        while fresh in self.tensors:
            count += 1
            fresh = f"{name}_{count}"
        self.tensors[fresh] = Tensor(fresh, value.shape, str(value.dtype), value)
        return fresh

    def rename_reads(self, old: str, new: str) -> None:
        """Let every reader of ``old`` read ``new`` instead."""
        for node in self.consumers(old):
            node.inputs = tuple(new if name == old else name for name in node.inputs)

    def sweep(self) -> None:
        """Remove nodes whose results are not read, then tensors without a reference."""
        used = set(self.outputs)
        for node in reversed(self.nodes):
            if used & set(node.outputs):
                used |= set(node.inputs)
            else:
                self.remove(node)
        used |= {*self.inputs, *self._producers}
        self.tensors = {name: t for name, t in self.tensors.items() if name in used}

    def connect(self, node: Node) -> None:
        """Add the inputs and outputs of a node to the index."""
        for index, names in ((self._consumers, node.inputs), (self._producers, node.outputs)):
            for name in names:
                index.setdefault(name, {})[node] = None

    def disconnect(self, node: Node) -> None:
        """Remove the inputs and outputs of a node from the index."""
        for index, names in ((self._consumers, node.inputs), (self._producers, node.outputs)):
            for name in set(names):
                del index[name][node]
                if not index[name]:
                    del index[name]

    def _add(self, node: Node, slot: int) -> None:
        if node._graph is not None:
            raise ValueError(f"node {node.name!r} is in a graph already: copy it")
        self._slots.setdefault(slot, []).append(node)
        self._slot_of[node] = slot
        self.connect(node)
        node._graph = self

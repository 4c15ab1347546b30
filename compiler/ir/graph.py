"""The network as plain data: tensors, nodes and the graph that the passes rewrite.

A graph starts as a front end reads it; :mod:`.canonicalize` rewrites it into few node kinds.  The
kinds the accelerator knows (:data:`CANONICAL`) have fixed attributes; every other node runs on the
host, through the front end it came from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["CANONICAL", "Graph", "Node", "Origin", "Tensor"]

CANONICAL: dict[str, str] = {
    "Conv": "inputs x, weight[, bias]; attrs kernel, strides, pads (top, left, bottom, right), "
    "dilations (pairs y, x), group, relu",
    "ConvTranspose": "as Conv, and attr output_padding (y, x); weight [M, C / group, KH, KW] too "
    "(:mod:`.transposed`)",
    "Gemm": "inputs x [N, K], weight [M, K][, bias [M]]; attrs relu, maybe unflatten: the shape "
    "[C, H, W] of its M outputs",
    "Add": "two inputs of one shape, one may be a constant [1, ...]; attr relu",
    "Affine": "inputs x, scale, offset, the last two [C, 1 ...] constants; attr relu",
    "Relu": "one input",
    "Clip": "one input; attrs low, high (floats, maybe infinite)",
    "LeakyRelu": "one input; attr alpha",
    "Tanh": "one input",
    "MaxPool": "one input; attrs kernel, strides, pads, dilations",
    "AveragePool": "one input; attrs kernel, strides, pads, dilations (1, 1), counted (top, left, "
    "bottom, right: padding that counts as values)",
    "GlobalAveragePool": "one input [N, C, ...]",
    "Concat": "inputs joined along the channels; attr axis 1",
    "Slice": "one input; attrs start, stop: channels kept",
    "Pad": "one input; attrs pads (top, left, bottom, right; negative ones crop), fill",
    "Resize": "one input; attr factors: every pixel repeated (y, x) times",
    "Flatten": "one input, [N, everything else]",
    "View": "one input, its pixels in another shape; channels stay",
}
"""Node kinds after folding, with their inputs and attributes.

Where there is attr relu there may be attr clip (low, high) too, applied after it.  Before folding
there may also be Mul, Add, Sub, Div (two inputs, broadcast), Neg, and BatchNormalization (inputs x,
scale, bias, mean, variance; attr epsilon).
"""


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

    ``source`` is opaque: the front end's own form of a node that is not canonical (yet), which it
    needs to run the node on the host.
    """

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attrs: dict[str, Any] = field(default_factory=dict)
    source: object | None = None


@dataclass
class Graph:
    """Nodes in execution order, all tensors by name, and which are inputs and outputs."""

    name: str
    nodes: list[Node]
    tensors: dict[str, Tensor]
    inputs: list[str]
    outputs: list[str]
    origin: Origin
    folded: dict[str, str] = field(default_factory=dict)  # what became of nodes that are gone

    def producer(self, name: str) -> Node | None:
        """Return the node that computes a tensor, None for inputs and constants."""
        return next((node for node in self.nodes if name in node.outputs), None)

    def consumers(self, name: str) -> list[Node]:
        """Return the nodes that read a tensor."""
        return [node for node in self.nodes if name in node.inputs]

    def only_consumer(self, name: str) -> Node | None:
        """Return the single reader of a tensor nobody else can see, else None."""
        readers = self.consumers(name)
        return readers[0] if len(readers) == 1 and name not in self.outputs else None

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
        for node in self.nodes:
            node.inputs = tuple(new if name == old else name for name in node.inputs)

    def sweep(self) -> None:
        """Drop nodes whose results nobody reads, then tensors nobody names."""
        alive = set(self.outputs)
        kept = []
        for node in reversed(self.nodes):
            if alive & set(node.outputs):
                kept.append(node)
                alive |= set(node.inputs)
        self.nodes = kept[::-1]
        named = alive | set(self.inputs) | {name for node in kept for name in node.outputs}
        self.tensors = {name: t for name, t in self.tensors.items() if name in named}

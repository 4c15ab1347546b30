"""Nodes whose output equals their first input, and their removal."""

from __future__ import annotations

import math

import numpy as np

from ...ir.graph import Graph, Node

__all__ = ["does_nothing", "drop_no_ops"]

_SAME_ORDER = ("Flatten", "Reshape", "Squeeze", "Unsqueeze", "Expand", "Slice")


def drop_no_ops(graph: Graph) -> None:
    """Remove nodes without an effect, unless one makes a graph output of an input."""
    for node in graph.nodes:
        if not does_nothing(node, graph):
            continue
        before, after = node.inputs[0], node.outputs[0]
        if after not in graph.outputs:
            graph.rename_reads(after, before)
        else:
            producer = graph.producer(before)
            if producer is None or before in graph.outputs:
                continue
            producer.outputs = tuple(after if name == before else name for name in producer.outputs)
            graph.rename_reads(before, after)
        graph.remove(node)
        graph.folded[node.name] = "does nothing"


def does_nothing(node: Node, graph: Graph) -> bool:
    """Return whether the first output always equals the first input."""
    if not node.inputs or not node.inputs[0] or not node.outputs[0]:
        return False
    before, after = graph.tensors[node.inputs[0]], graph.tensors[node.outputs[0]]
    if node.op == "Identity":
        return True
    if node.op == "Dropout":
        return _inactive(node, graph)
    if node.op == "Cast":
        return before.dtype == after.dtype != "unknown"
    if before.shape != after.shape:
        return False
    if node.op == "Slice":
        return _forward(node, graph)
    if node.op == "Transpose":
        axes = [axis for axis in node.attrs.get("perm", ()) if before.shape[axis] > 1]
        return "perm" in node.attrs and axes == sorted(axes)
    if node.op == "Pad":
        pads = node.attrs.get("pads")
        if pads is None and len(node.inputs) > 1:
            pads = graph.value(node.inputs[1])
        return pads is not None and not np.any(pads)
    if node.op in ("Concat", "Sum", "Max", "Min", "Mean"):
        return len(node.inputs) == 1
    if node.op == "Clip":
        return (node.attrs.get("low"), node.attrs.get("high")) == (-math.inf, math.inf)
    return node.op in _SAME_ORDER


def _inactive(node: Node, graph: Graph) -> bool:
    """Return whether a Dropout is one of inference, whose mask is not read."""
    if len(node.inputs) > 2 and node.inputs[2]:
        training = graph.value(node.inputs[2])
        if training is None or training.any():
            return False
    mask = node.outputs[1] if len(node.outputs) > 1 else ""
    return not mask or not (graph.consumers(mask) or mask in graph.outputs)


def _forward(node: Node, graph: Graph) -> bool:
    if len(node.inputs) < 5 or not node.inputs[4]:
        return True
    steps = graph.value(node.inputs[4])
    return steps is not None and bool((steps > 0).all())

"""Which nodes of a model that comes quantized the accelerator runs by the model's own scales."""

from __future__ import annotations

from ..ir.graph import Graph, Node

__all__ = ["PASSED", "obstacle"]

PASSED = ("MaxPool", "Clip", "Slice", "Pad", "Resize", "Flatten", "View")
"""Kinds without arithmetic."""

_KINDS = (*PASSED, "Conv", "Gemm", "Add", "Relu", "Concat", "AveragePool", "GlobalAveragePool")


def obstacle(node: Node, graph: Graph) -> str:
    """Say why a node of a model that comes quantized stays on the host ('' when it does not)."""
    ending = "in a model that comes quantized"
    if node.op not in _KINDS:
        return f"no {node.op} {ending}"
    tensors = [graph.tensors[name] for name in node.inputs if name]
    if node.op == "Add" and (tensors[0].shape != tensors[1].shape or any(
        tensor.constant for tensor in tensors
    )):
        return f"adds what is no activation of the same shape {ending}"
    if node.op == "AveragePool" and not _whole(node, graph):
        return f"windows that reach into padding {ending}"
    return ""


def _whole(node: Node, graph: Graph) -> bool:
    """Whether every window of a pooling lies inside."""
    size = graph.tensors[node.inputs[0]].shape[2:]
    out = graph.tensors[node.outputs[0]].shape[2:]
    reach = [
        (out[axis] - 1) * node.attrs["strides"][axis] + node.attrs["kernel"][axis]
        for axis in range(2)
    ]
    return not any(node.attrs["pads"]) and reach[0] <= size[0] and reach[1] <= size[1]

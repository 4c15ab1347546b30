"""Decide for each node whether the accelerator or the host runs it, and say why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...isa.config import Config
from ..ir.graph import Graph, Node
from ..ir.layouts import ALIASES, View, learn, needed_view
from .op_constraints import RULES, UNFIT, WHY

__all__ = ["Placement", "place"]


@dataclass(frozen=True)
class Placement:
    """Where a node runs: ``where`` is ``accelerator`` or ``host``."""

    where: str
    reason: str

    @property
    def on_accelerator(self) -> bool:
        """Whether the accelerator runs the node."""
        return self.where == "accelerator"


def place(
    graph: Graph, config: Config, also: Callable[[Node, Graph], str] | None = None
) -> dict[str, Placement]:
    """Return the placement of every node by node name.

    ``also`` may name a further obstacle to a node ('' for none).
    """
    placements: dict[str, Placement] = {}
    seen: dict[str, View] = {}
    for node in graph.nodes:
        here = dict(seen)
        learn(node, graph.tensors, here)
        obstacle = _obstacle(node, graph, config, here)
        if not obstacle and also is not None:
            obstacle = also(node, graph)
        before = graph.producer(node.inputs[0]) if node.inputs else None
        alone = before is not None and not placements[before.name].on_accelerator
        if not obstacle and node.op in ALIASES and alone:
            obstacle = "its input is on the host"
        if obstacle:
            placements[node.name] = Placement("host", obstacle)
        else:
            placements[node.name] = Placement("accelerator", _WHY[node.op])
            seen = here
    return placements


def _obstacle(node: Node, graph: Graph, config: Config, seen: dict[str, View]) -> str:
    if node.op in RULES:
        return _data(node, graph) or RULES[node.op](node, graph, config, seen)
    if node.op == "Gemm":
        return _data(node, graph) or _gemm(node, graph, seen)
    if node.op in _RULES:
        return _data(node, graph) or _RULES[node.op](node, graph, config)
    return UNFIT.get(node.op, f"no lowering for {node.op}")


def _data(node: Node, graph: Graph) -> str:
    """Say why the data of a node cannot lie in the accelerator's layout ('' when it can)."""
    activations = [name for name in node.inputs if name and not graph.tensors[name].constant]
    images = {graph.tensors[name].shape[:1] for name in (*activations, *node.outputs[:1])}
    for name in (*activations, *node.outputs[:1]):
        tensor = graph.tensors[name]
        if tensor.dtype != "float32":
            return f"{name} is {tensor.dtype}, not float32"
        if len(tensor.shape) not in (2, 3, 4):
            return f"{name} has {len(tensor.shape)} dimensions, not 2 to 4"
        if 0 in tensor.shape:
            return f"{name} is empty"
    if len(images) != 1 or images != {graph.tensors[graph.inputs[0]].shape[:1]}:
        return "its first dimension is not the images of the network"
    return ""


def _window(node: Node, graph: Graph) -> str:
    if "kernel" not in node.attrs:
        return f"this form of {node.op} (not 2-D, or weights not constant)"
    if min(node.attrs["pads"]) < 0:
        return "negative padding"
    return ""


def _conv(node: Node, graph: Graph, config: Config) -> str:
    if any(name and not graph.tensors[name].constant for name in node.inputs[1:]):
        return "weights or bias are not constant"
    return _window(node, graph)


def _gemm(node: Node, graph: Graph, seen: dict[str, View]) -> str:
    if node.source is not None:
        return "weights are not a constant matrix, or A is transposed"
    shape = graph.tensors[node.inputs[0]].shape
    if len(shape) > 2 and seen[node.inputs[0]] != needed_view(node, shape):
        return "the axis it sums over is not where its input has its channels"
    return ""


_RULES = {"Conv": _conv, "ConvTranspose": _conv}
_WHY = {
    **WHY,
    "Conv": "GEMM over taps and channel blocks",
    "ConvTranspose": "GEMM over the taps that meet an input, phase by phase",
    "Gemm": "GEMM over feature blocks",
}

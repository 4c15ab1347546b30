"""Decide for each node whether the accelerator or the host runs it, and say why."""

from __future__ import annotations

from dataclasses import dataclass

from ..isa.config import Config
from .graph import Graph, Node
from .views import View, views

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


def place(graph: Graph, config: Config) -> dict[str, Placement]:
    """Return the placement of every node by node name."""
    placements: dict[str, Placement] = {}
    seen = views(graph.nodes, graph.tensors)
    for node in graph.nodes:
        rule = _RULES.get(node.op)
        obstacle = f"no lowering for {node.op}" if rule is None else (
            _data(node, graph) or rule(node, graph, config)
        )
        before = graph.producer(node.inputs[0]) if node.inputs else None
        alone = before is not None and not placements[before.name].on_accelerator
        if not obstacle and node.op == "Flatten" and alone:
            obstacle = "its input is on the host"
        if not obstacle and node.op == "Add":
            obstacle = _layouts(node, seen)
        if obstacle:
            placements[node.name] = Placement("host", obstacle)
        else:
            placements[node.name] = Placement("accelerator", _WHY[node.op])
    return placements


def _data(node: Node, graph: Graph) -> str:
    """Say why the data of a node cannot lie in the accelerator's layout ('' when it can)."""
    activations = [name for name in node.inputs if name and not graph.tensors[name].constant]
    images = {graph.tensors[name].shape[:1] for name in (*activations, *node.outputs[:1])}
    for name in (*activations, *node.outputs[:1]):
        tensor = graph.tensors[name]
        if tensor.dtype != "float32":
            return f"{name} is {tensor.dtype}, not float32"
        if len(tensor.shape) not in (2, 4):
            return f"{name} has {len(tensor.shape)} dimensions, not 2 or 4"
        if 0 in tensor.shape:
            return f"{name} is empty"
    if len(images) != 1 or images != {graph.tensors[graph.inputs[0]].shape[:1]}:
        return "its first dimension is not the images of the network"
    return ""


def _window(node: Node, graph: Graph) -> str:
    if "kernel" not in node.attrs:
        return f"this form of {node.op} (not 2-D, or weights not constant)"
    kernel, dilations = node.attrs["kernel"], node.attrs["dilations"]
    if min(node.attrs["pads"]) < 0:
        return "negative padding"
    if node.op == "MaxPool":
        reach = [d * (k - 1) for k, d in zip(kernel, dilations, strict=True)]
        pads = node.attrs["pads"]
        if max(pads[0], pads[2]) > reach[0] or max(pads[1], pads[3]) > reach[1]:
            return "a window lies in the padding alone"
        if max(dilations) > 1 and max(pads) > 0:
            return "dilated windows with padding"
    return ""


def _conv(node: Node, graph: Graph, config: Config) -> str:
    if any(name and not graph.tensors[name].constant for name in node.inputs[1:]):
        return "weights or bias are not constant"
    return _window(node, graph)


def _gemm(node: Node, graph: Graph, config: Config) -> str:
    return "" if node.source is None else "weights are not a constant matrix, or A is transposed"


def _add(node: Node, graph: Graph, config: Config) -> str:
    if any(graph.tensors[name].constant for name in node.inputs):
        return "adds a constant that is not a bias"
    shapes = {graph.tensors[name].shape for name in node.inputs}
    return "" if len(shapes) == 1 else "broadcasts its inputs"


def _max_pool(node: Node, graph: Graph, config: Config) -> str:
    return _window(node, graph)


def _average(node: Node, graph: Graph, config: Config) -> str:
    shape = graph.tensors[node.inputs[0]].shape
    pixels = shape[2] * shape[3]
    if pixels & (pixels - 1) and not config.requantize:
        return f"the mean of {pixels} pixels needs a multiplier (RQT), which {config.name} lacks"
    if pixels > 1 << 23:
        return f"the sum of {pixels} pixels does not fit the accumulator"
    return ""


def _layouts(node: Node, seen: dict[str, View]) -> str:
    if len({seen[name] for name in node.inputs}) == 1:
        return ""
    return "one input was flattened, the other was not"


def _anything(node: Node, graph: Graph, config: Config) -> str:
    return ""


_RULES = {
    "Conv": _conv, "ConvTranspose": _conv, "Gemm": _gemm, "Add": _add, "Relu": _anything,
    "MaxPool": _max_pool, "GlobalAveragePool": _average, "Flatten": _anything,
}
_WHY = {
    "Conv": "GEMM over taps and channel blocks",
    "ConvTranspose": "GEMM over the taps that meet an input, phase by phase",
    "Gemm": "GEMM over feature blocks",
    "Add": "GEMM with scaled identities, requantized",
    "Relu": "ALU MAX with 0",
    "MaxPool": "ALU MAX over taps",
    "GlobalAveragePool": "GEMM with the identity over all pixels, requantized",
    "Flatten": "a view: no work",
}

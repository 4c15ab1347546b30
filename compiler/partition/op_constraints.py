"""Placement rules of operators that are not convolutions: '' or why the host runs a node."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from math import prod

from ...isa.config import Config
from ...isa.opcodes import MemoryType
from ..ir.graph import Graph, Node
from ..ir.layouts import View, own_view
from ..ir.piecewise_linear import PIECES
from ..ir.pooling_window import taps_of

__all__ = ["RULES", "UNFIT", "WHY", "power_of_two_slope"]

Rule = Callable[[Node, Graph, Config, Mapping[str, View]], str]
"""``rule(node, graph, config, views)``."""

MAX_SLOPE = 16  # LeakyRelu: more than that and its products leave the accumulator
_MEAN = 1 << 16  # pixels whose mean a 15-bit factor still rounds well
_MIXED_UP = "channels and pixels of its input do not lie as its shape says: it was reshaped"


def power_of_two_slope(alpha: float) -> int | None:
    """Return k where ``alpha`` is 2^-k, 0 <= k <= 16, else None."""
    mantissa, exponent = math.frexp(alpha)
    return 1 - exponent if mantissa == 0.5 and 0 <= 1 - exponent <= MAX_SLOPE else None


def _flattened(node: Node, graph: Graph, views: Mapping[str, View]) -> str:
    names = [name for name in node.inputs if name and not graph.tensors[name].constant]
    mixed = any(views[name] != own_view(graph.tensors[name].shape) for name in names)
    return _MIXED_UP if mixed else ""


def _add(node: Node, graph: Graph, config: Config, views: Mapping[str, View]) -> str:
    shapes = [graph.tensors[name].shape for name in node.inputs]
    if len(shapes) != 2 or shapes[0][1:] != shapes[1][1:]:
        return "broadcasts its inputs"
    if any(graph.tensors[name].constant for name in node.inputs):
        if node.source is not None:
            return "adds a constant that differs from image to image"
        return _flattened(node, graph, views)
    if len({views[name] for name in node.inputs}) > 1:
        return "one input was flattened, the other was not"
    return ""


def _affine(node: Node, graph: Graph, config: Config, views: Mapping[str, View]) -> str:
    values = [graph.value(name) for name in node.inputs[1:]]
    if all(value is not None and (value == value.flat[0]).all() for value in values):
        return ""
    return _flattened(node, graph, views)


def _clip(node: Node, graph: Graph, config: Config, views: Mapping[str, View]) -> str:
    return "" if "low" in node.attrs else "its bounds are not constant"


def _leaky(node: Node, graph: Graph, config: Config, views: Mapping[str, View]) -> str:
    if power_of_two_slope(node.attrs["alpha"]) is None:
        return f"its slope {node.attrs['alpha']:g} is not 2^-k with k in 0..{MAX_SLOPE}"
    return ""


def _pool(node: Node, graph: Graph) -> str:
    if "kernel" not in node.attrs:
        return f"this form of {node.op} (not 2-D, a second output, or column-major)"
    if min(node.attrs["pads"]) < 0:
        return "negative padding"
    before, after = (graph.tensors[name].shape[2:] for name in (node.inputs[0], node.outputs[0]))
    for axis, (size, outputs) in enumerate(zip(before, after, strict=True)):
        taps = taps_of(node.attrs, axis, outputs)
        if not ((taps >= 0) & (taps < size)).any(1).all():
            return "a window lies in the padding alone"
    return ""


def _max_pool(node: Node, graph: Graph, config: Config, views: Mapping[str, View]) -> str:
    problem = _pool(node, graph) or _flattened(node, graph, views)
    if problem:
        return problem
    (kh, kw), (dy, dx) = node.attrs["kernel"], node.attrs["dilations"]
    area = (dy * (kh - 1) + 1) * (dx * (kw - 1) + 1)
    room = min(config.depth(MemoryType.INP) // 2, config.depth(MemoryType.ACC) // 2 - 1)
    if area > room:
        return f"a window of {kh}x{kw} does not fit half the buffers of {config.name}"
    return ""


def _average_pool(node: Node, graph: Graph, config: Config, views: Mapping[str, View]) -> str:
    problem = _pool(node, graph) or _flattened(node, graph, views)
    if not problem and prod(node.attrs["kernel"]) > _MEAN:
        problem = f"the mean of {prod(node.attrs['kernel'])} pixels is more than {_MEAN}"
    return problem


def _global_average(node: Node, graph: Graph, config: Config, views: Mapping[str, View]) -> str:
    pixels = prod(graph.tensors[node.inputs[0]].shape[2:])
    if pixels > _MEAN:
        return f"the mean of {pixels} pixels is more than {_MEAN}"
    return _flattened(node, graph, views)


def _concat(node: Node, graph: Graph, config: Config, views: Mapping[str, View]) -> str:
    if node.attrs.get("axis") != 1:
        return f"joins along axis {node.attrs.get('axis')}, not along the channels"
    if any(graph.tensors[name].constant for name in node.inputs):
        return "joins a constant"
    return _flattened(node, graph, views)


def _slice(node: Node, graph: Graph, config: Config, views: Mapping[str, View]) -> str:
    if "start" not in node.attrs:
        return "does not slice whole channels, or rows and columns, with a step of 1"
    return _flattened(node, graph, views)


def _pad(node: Node, graph: Graph, config: Config, views: Mapping[str, View]) -> str:
    if "fill" not in node.attrs:
        return "does not pad rows and columns with one constant"
    return ""


def _resize(node: Node, graph: Graph, config: Config, views: Mapping[str, View]) -> str:
    if "factors" not in node.attrs:
        return "not nearest neighbours at a whole scale"
    return ""


def _flatten(node: Node, graph: Graph, config: Config, views: Mapping[str, View]) -> str:
    return _flattened(node, graph, views) if len(graph.tensors[node.inputs[0]].shape) > 2 else ""


def _view(node: Node, graph: Graph, config: Config, views: Mapping[str, View]) -> str:
    if _flatten(node, graph, config, views):
        return _MIXED_UP
    before, after = views[node.inputs[0]], own_view(graph.tensors[node.outputs[0]].shape)
    if after is None or (before[0], prod(before)) != (after[0], prod(after)):
        return "mixes channels and pixels"
    return ""


def _anything(node: Node, graph: Graph, config: Config, views: Mapping[str, View]) -> str:
    return ""


RULES: dict[str, Rule] = {
    "Add": _add, "Affine": _affine, "Relu": _anything, "Clip": _clip, "LeakyRelu": _leaky,
    "Tanh": _anything,
    "MaxPool": _max_pool, "AveragePool": _average_pool, "GlobalAveragePool": _global_average,
    "Concat": _concat, "Slice": _slice, "Pad": _pad, "Resize": _resize, "Flatten": _flatten,
    "View": _view,
}
WHY = {
    "Add": "GEMM with scaled identities, requantized",
    "Affine": "GEMM with diagonal matrices, requantized per channel",
    "Relu": "ALU MAX with 0",
    "Clip": "ALU MAX and MIN with its bounds",
    "LeakyRelu": "GEMM with two scaled identities, ALU MAX, requantized",
    "Tanh": f"GEMM with the identity, ALU MIN, MAX and ADD of {PIECES} lines, requantized",
    "MaxPool": "ALU MAX over taps",
    "AveragePool": "GEMM with the identity over taps, ALU MUL, requantized",
    "GlobalAveragePool": "GEMM with the identity over all pixels, requantized",
    "Concat": "GEMM with matrices that choose channels, requantized where scales differ",
    "Slice": "GEMM with matrices that choose channels",
    "Pad": "GEMM with the identity, ALU ADD of the value around it",
    "Resize": "GEMM with the identity, once for each copy",
    "Flatten": "a view: no work",
    "View": "a view: no work",
}
"""Why the accelerator runs a node, by kind."""

UNFIT = {
    "Mul": "multiplies with values that are not one constant a channel",
    "Div": "divides by values that are not one constant a channel",
    "Sub": "subtracts values that are not constants",
    "BatchNormalization": "its statistics are not constants, or not positive",
    "MatMul": "neither factor is a constant matrix",
    "Transpose": "moves channels to where pixels are, or images",
    "Reshape": "changes the images of a run",
    "Split": "does not split channels",
}
"""Why a node of a kind that often fits stays on the host, when it did not become one that does."""

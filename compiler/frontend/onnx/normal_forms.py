"""Normal forms of operators that are not convolutions: ONNX's many forms become few kinds.

One function for each ONNX operator rewrites its node, or leaves an unsupported form unchanged.
Nodes keep their ONNX source unless they are new.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ...ir.graph import Graph, Node
from .windows import canonical_window, counted_padding

__all__ = ["normalize_operators"]

Rewrite = Callable[[Node, Graph], None]


def normalize_operators(graph: Graph) -> None:
    """Rewrite every node whose operator has a normal form."""
    for node in graph.nodes:
        rewrite = _FORMS.get(node.op)
        if rewrite is not None and node.inputs and node.inputs[0] and node.source is not None:
            rewrite(node, graph)


def _constant(node: Node, graph: Graph, index: int, attribute: str) -> np.ndarray | None:
    """Return a parameter that newer operator sets have as an input and older ones as an attribute.

    An empty array: neither; None: an input that is not constant.
    """
    if len(node.inputs) > index and node.inputs[index]:
        return graph.value(node.inputs[index])
    return np.asarray(node.attrs.get(attribute, ()))


def _shape(graph: Graph, name: str) -> tuple[int, ...]:
    return graph.tensors[name].shape


def _clip(node: Node, graph: Graph) -> None:
    low, high = _constant(node, graph, 1, "min"), _constant(node, graph, 2, "max")
    if low is None or high is None or low.size > 1 or high.size > 1:
        return
    _bounds(node, float(low.max(initial=-math.inf)), float(high.min(initial=math.inf)))


def _bounds(node: Node, low: float, high: float) -> None:
    if math.isnan(low) or math.isnan(high):
        return
    if (low, high) == (0, math.inf):
        node.op, node.inputs, node.attrs, node.source = "Relu", node.inputs[:1], {}, None
    else:
        node.op, node.attrs = "Clip", {"low": min(low, high), "high": high}


def _extremum(node: Node, graph: Graph) -> None:
    """Turn Max and Min with a scalar constant into Clip."""
    if len(node.inputs) != 2:
        return
    known = [graph.tensors[name].constant for name in node.inputs]
    if known not in ([False, True], [True, False]):
        return
    data, other = node.inputs if known[1] else node.inputs[::-1]
    value = graph.value(other)
    if value is None or value.size != 1 or _shape(graph, data) != _shape(graph, node.outputs[0]):
        return
    bound = float(value.item())
    is_max = node.op == "Max"
    node.inputs = (data,)
    node.source = None
    _bounds(node, bound if is_max else -math.inf, math.inf if is_max else bound)


def _leaky(node: Node, graph: Graph) -> None:
    alpha = float(np.float32(node.attrs.get("alpha", 0.01)))
    if alpha == 0:
        node.op, node.attrs, node.source = "Relu", {}, None
    else:
        node.attrs = {"alpha": alpha}


def _average_pool(node: Node, graph: Graph) -> None:
    if len(_shape(graph, node.inputs[0])) == 4 and "kernel" not in node.attrs:
        attrs = canonical_window(node, graph)
        if attrs is not None:
            node.attrs = {**attrs, "counted": counted_padding(node, graph)}


def _global_max(node: Node, graph: Graph) -> None:
    size = _shape(graph, node.inputs[0])[2:]
    if len(size) == 2:
        node.op, node.source = "MaxPool", None
        node.attrs = {"kernel": size, "strides": (1, 1), "pads": (0, 0, 0, 0), "dilations": (1, 1)}


def _mean(node: Node, graph: Graph) -> None:
    """Turn ReduceMean over everything but images and channels into GlobalAveragePool."""
    axes = _constant(node, graph, 1, "axes")
    shape = _shape(graph, node.inputs[0])
    if axes is None or not axes.size:
        return
    if len(shape) > 2 and sorted(axes.reshape(-1) % len(shape)) == list(range(2, len(shape))):
        node.op = "GlobalAveragePool"


def _sum(node: Node, graph: Graph) -> None:
    if len(node.inputs) == 2:
        node.op = "Add"


def _concat(node: Node, graph: Graph) -> None:
    rank = len(_shape(graph, node.outputs[0]))
    if rank:
        node.attrs = {"axis": node.attrs.get("axis", 0) % rank}


def _split(node: Node, graph: Graph) -> None:
    """Turn Split along the channels into one Slice for each part."""
    rank = len(_shape(graph, node.inputs[0]))
    if rank < 2 or node.attrs.get("axis", 0) % rank != 1:
        return
    start, parts = 0, []
    for index, name in enumerate(node.outputs):
        stop = start + _shape(graph, name)[1]
        attrs = {"start": start, "stop": stop}
        parts.append(Node("Slice", f"{node.name}[{index}]", node.inputs[:1], (name,), attrs))
        start = stop
    graph.split(node, parts)


def _slice(node: Node, graph: Graph) -> None:
    """Recognise a range of channels, or of rows and columns (which is a negative Pad)."""
    shape = _shape(graph, node.inputs[0])
    starts, ends = _constant(node, graph, 1, "starts"), _constant(node, graph, 2, "ends")
    axes, steps = _constant(node, graph, 3, "axes"), _constant(node, graph, 4, "steps")
    if starts is None or ends is None or axes is None or steps is None:
        return
    chosen = axes.reshape(-1).tolist() if axes.size else list(range(starts.size))
    if steps.size and (steps != 1).any():
        return
    ranges = [(0, size) for size in shape]
    for axis, start, end in zip(chosen, starts.tolist(), ends.tolist(), strict=True):
        size = shape[axis]
        begin, stop = (min(max(v + size if v < 0 else v, 0), size) for v in (start, end))
        ranges[axis % len(shape)] = (begin, stop)
    changed = [axis for axis, part in enumerate(ranges) if part != (0, shape[axis])]
    if changed == [1]:
        node.attrs = {"start": ranges[1][0], "stop": ranges[1][1]}
    elif len(shape) == 4 and changed and min(changed) >= 2:
        (top, bottom), (left, right) = ranges[2:]
        node.op = "Pad"
        node.attrs = {
            "pads": (-top, -left, bottom - shape[2], right - shape[3]), "fill": 0.0,
        }


def _pad(node: Node, graph: Graph) -> None:
    rank = len(_shape(graph, node.inputs[0]))
    pads, value = _constant(node, graph, 1, "pads"), _constant(node, graph, 2, "value")
    axes = _constant(node, graph, 3, "axes")
    if node.attrs.get("mode", "constant") != "constant" or rank != 4:
        return
    if pads is None or value is None or axes is None or not pads.size:
        return
    chosen = axes.reshape(-1).tolist() if axes.size else list(range(rank))
    before, after = [0] * rank, [0] * rank
    for index, axis in enumerate(chosen):
        before[axis], after[axis] = int(pads[index]), int(pads[index + len(chosen)])
    if any(before[:2]) or any(after[:2]):
        return
    fill = float(value.reshape(-1)[0]) if value.size else 0.0
    if math.isfinite(fill):
        node.attrs = {"pads": (before[2], before[3], after[2], after[3]), "fill": fill}


def _resize(node: Node, graph: Graph) -> None:
    """Recognise nearest neighbours of integer scales, by any coordinate transformation."""
    before, after = _shape(graph, node.inputs[0]), _shape(graph, node.outputs[0])
    if node.attrs.get("mode", "nearest") != "nearest" or len(before) != 4:
        return
    if before[:2] != after[:2] or 0 in before:
        return
    scales = [big // small for big, small in zip(after[2:], before[2:], strict=True)]
    if any(_nearest(node, small, big) != [i // s for i in range(big)] or big % small
           for small, big, s in zip(before[2:], after[2:], scales, strict=True)):
        return
    node.op, node.attrs = "Resize", {"factors": tuple(scales)}


def _nearest(node: Node, small: int, big: int) -> list[int]:
    """Return the input of each output along one axis, by ONNX's definition of Resize."""
    mode = node.attrs.get("coordinate_transformation_mode", "half_pixel")
    rounding = node.attrs.get("nearest_mode", "round_prefer_floor")
    if node.op == "Upsample":
        mode, rounding = "asymmetric", "floor"
    at = np.arange(big, dtype=np.float64)
    if mode == "align_corners":
        at = at * (small - 1) / (big - 1) if big > 1 else at * 0
    elif mode in ("half_pixel", "pytorch_half_pixel", "half_pixel_symmetric"):
        at = (at + 0.5) * small / big - 0.5
        if mode == "pytorch_half_pixel" and big == 1:
            at = np.zeros(1)
    elif mode == "asymmetric":
        at = at * small / big
    else:
        return []
    at = {
        "round_prefer_floor": np.ceil(at - 0.5), "round_prefer_ceil": np.floor(at + 0.5),
        "floor": np.floor(at), "ceil": np.ceil(at),
    }.get(rounding, np.full(big, -1.0))
    nearest: list[int] = np.clip(at, 0, small - 1).astype(int).tolist()
    return nearest


def _reshape(node: Node, graph: Graph) -> None:
    """Recognise other shapes of the pixels of the same channels."""
    before, after = _shape(graph, node.inputs[0]), _shape(graph, node.outputs[0])
    if node.op == "Transpose":
        order = node.attrs.get("perm", tuple(range(len(before)))[::-1])
        axes = [axis for axis in order if before[axis] > 1]
        if axes != sorted(axes):
            return
    if before[:1] == after[:1] and len(before) >= 2 and len(after) >= 2:
        if after == (before[0], math.prod(before[1:])):
            node.op, node.inputs, node.attrs, node.source = "Flatten", node.inputs[:1], {}, None
        else:
            node.op = "View"


_FORMS: dict[str, Rewrite] = {
    "Clip": _clip, "Max": _extremum, "Min": _extremum, "LeakyRelu": _leaky,
    "AveragePool": _average_pool, "GlobalMaxPool": _global_max, "ReduceMean": _mean,
    "Sum": _sum, "Concat": _concat, "Split": _split, "Slice": _slice, "Pad": _pad,
    "Resize": _resize, "Upsample": _resize, "Flatten": _reshape, "Reshape": _reshape,
    "Squeeze": _reshape, "Unsqueeze": _reshape, "Transpose": _reshape,
}

"""Rewrite the imported graph into the canonical node kinds of :mod:`.graph`.

One function per rewrite, applied in the order of :data:`PASSES`: constants, the front end's own
forms, elementwise functions into tables where the device has them, arithmetic with constants (batch
normalization, bias) into the weights, Pad into the Conv after it, Relu and Clip into the node
before it.  A node that no rule recognises is unchanged and runs on the host.
"""

from __future__ import annotations

import numpy as np

from ..frontend.front_ends import export_host, front_end, run_host
from ..ir.compile_errors import HostError
from ..ir.graph import Graph, Node
from .fold_affine import broadcast_constants, make_affine
from .form_tables import form_tables
from .reshape_into_gemm import absorb_views

__all__ = ["PASSES", "fold"]

_WINDOWED = ("Conv", "ConvTranspose")
_SCALED = (*_WINDOWED, "Gemm", "Affine")  # a factor (weights) for each output channel, an offset
_LARGEST_FOLDED = 1 << 24  # elements; larger constants are computed at run time


def fold(graph: Graph, *, tables: bool = False) -> Graph:
    """Apply every pass in place and return the graph.

    ``tables``: whether the device looks up functions, so that any of them is an operator.
    """
    for rewrite in PASSES:
        if rewrite is form_tables and not tables:
            continue
        rewrite(graph)
        graph.sweep()
    return graph


def fold_constants(graph: Graph) -> None:
    """Compute nodes whose inputs are all constants."""
    for node in graph.nodes:
        sizes = [int(np.prod(graph.tensors[name].shape)) for name in node.outputs if name]
        known = all(not name or graph.tensors[name].constant for name in node.inputs)
        if not known or "Random" in node.op or max(sizes, default=0) > _LARGEST_FOLDED:
            continue
        if not graph.results([node]):
            continue  # nothing reads it
        try:
            values = run_host(export_host(graph, [node]), {})
        except HostError:
            continue  # the node stays, and its error names it where it is used
        for name, value in values.items():
            graph.tensors[name].value = np.asarray(value)
        graph.remove(node)
        graph.folded[node.name] = "constant: computed when the network is compiled"


def normalize(graph: Graph) -> None:
    """Let the front end rewrite its own forms, and drop nodes without an effect."""
    front_end(graph.origin.front_end).normalize(graph)


def fold_feature_constants(graph: Graph) -> None:
    """Fold an Add of one constant per feature into the preceding dense layer with features last."""
    for node in graph.nodes:
        if node.op != "Add" or node.source is None or len(node.inputs) != 2:
            continue
        data, other = node.inputs
        if graph.tensors[data].constant:
            data, other = other, data
        value, before = graph.value(other), graph.producer(data)
        if value is None or before is None or before.attrs.get("axis") != 2:
            continue
        weight = graph.value(before.inputs[1])
        if weight is None or graph.only_consumer(data) is not node:
            continue
        per_feature = value.shape[-1:] == weight.shape[:1] and value.size == len(weight)
        if before.op != "Gemm" or value.ndim > 3 or not (per_feature or value.size == 1):
            continue
        old = graph.value(before.inputs[2]) if len(before.inputs) > 2 else None
        bias = np.broadcast_to(value.reshape(-1), (len(weight),)) + (0 if old is None else old)
        name = graph.constant(f"{before.name}.bias", bias.astype(np.float32))
        before.inputs = (*before.inputs[:2], name)
        before.outputs = node.outputs
        graph.remove(node)
        graph.folded[node.name] = f"part of {before.name}"


def fold_affine(graph: Graph) -> None:
    """Fold an Affine into the Conv, Gemm or Affine whose only consumer it is."""
    for node in graph.nodes:
        if node.op != "Affine":
            continue
        before = graph.producer(node.inputs[0])
        if before is None or not _may_absorb(graph, before, node):
            continue
        scale, offset = (
            np.asarray(graph.value(name), np.float64).reshape(-1) for name in node.inputs[1:]
        )
        if before.attrs.get("axis") == 2:  # its features are the last axis, not the channels
            if (scale != scale[0]).any() or (offset != offset[0]).any():
                continue
            scale, offset = scale[:1], offset[:1]
        _scale_outputs(graph, before, scale, offset)
        _absorb(graph, before, node)


def fold_pads(graph: Graph) -> None:
    """Fold a Pad with zeros into the Conv that is its only consumer."""
    for node in graph.nodes:
        reader = graph.only_consumer(node.outputs[0])
        if node.op != "Pad" or node.attrs.get("fill") != 0 or min(node.attrs["pads"]) < 0:
            continue
        if reader is None or reader.op != "Conv" or "kernel" not in reader.attrs:
            continue
        if reader.inputs[0] != node.outputs[0] or reader.inputs.count(node.outputs[0]) > 1:
            continue
        pads = tuple(
            a + b for a, b in zip(reader.attrs["pads"], node.attrs["pads"], strict=True)
        )
        reader.attrs = {**reader.attrs, "pads": pads}
        reader.inputs = (node.inputs[0], *reader.inputs[1:])
        graph.remove(node)
        graph.folded[node.name] = f"padding of {reader.name}"


def fuse_activations(graph: Graph) -> None:
    """Fuse Relu and Clip into the Conv, Gemm, Add or Affine whose only consumer they are."""
    for node in graph.nodes:
        if node.op == "Relu":
            node.source = None
            changes: dict[str, object] = {"relu": 1}
        elif node.op == "Clip" and "low" in node.attrs:
            bounds = (node.attrs["low"], node.attrs["high"])
            changes = {"relu": int(bounds[0] == 0), "clip": bounds}
        else:
            continue
        before = graph.producer(node.inputs[0])
        if before and _may_absorb(graph, before, node, (*_SCALED, "Add")):
            before.attrs = {**before.attrs, **changes}
            before.source = None
            _absorb(graph, before, node)


def _may_absorb(
    graph: Graph, before: Node, after: Node, kinds: tuple[str, ...] = _SCALED
) -> bool:
    if before.op not in kinds or before.attrs.get("relu") or "clip" in before.attrs:
        return False
    if graph.only_consumer(before.outputs[0]) is not after:
        return False
    if before.op == "Add":
        shapes = {graph.tensors[n].shape for n in before.inputs if not graph.tensors[n].constant}
        return len(shapes) == 1
    known = all(graph.tensors[name].constant for name in before.inputs[1:])
    normal = "kernel" in before.attrs if before.op in _WINDOWED else before.source is None
    return known and normal


def _absorb(graph: Graph, before: Node, after: Node) -> None:
    before.outputs = after.outputs[:1]
    graph.remove(after)
    graph.folded[after.name] = f"part of {before.name}"


def _scale_outputs(graph: Graph, node: Node, scale: np.ndarray, offset: np.ndarray) -> None:
    """Let a node of a scaled kind compute ``y * scale + offset`` per output channel."""
    weight = np.asarray(graph.value(node.inputs[1]), np.float64)
    bias = graph.value(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2] else None
    scale, offset = (each.repeat(len(weight) // each.size) for each in (scale, offset))
    old = np.zeros(weight.shape[0]) if bias is None else np.asarray(bias, np.float64)
    scaled = (weight * scale.reshape((-1,) + (1,) * (weight.ndim - 1))).astype(np.float32)
    shifted = (old.reshape(-1) * scale + offset).reshape(old.shape).astype(np.float32)
    node.inputs = (
        node.inputs[0],
        graph.constant(f"{node.name}.weight", scaled),
        graph.constant(f"{node.name}.bias", shifted),
    )
    node.source = None


PASSES = (
    fold_constants, normalize, form_tables, fold_feature_constants, absorb_views, make_affine,
    broadcast_constants, fold_affine, fold_pads, fuse_activations, absorb_views,
)
"""Every rewrite, in order."""

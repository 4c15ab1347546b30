"""Rewrite the imported graph into the canonical node kinds of :mod:`.graph`.

One function per rewrite, applied in the order of :data:`PASSES`: constants, removal of what does
nothing, normal forms (Conv, MaxPool, Gemm, Flatten), batch normalization and bias into the weights,
Relu into the node before it.  A node that no rule recognises is left alone and runs on the host.
"""

from __future__ import annotations

import numpy as np

from .graph import Graph, Node
from .host import HostError, host_model, run_host
from .transposed import normalize_transposed
from .windows import canonical_window

__all__ = ["PASSES", "fold"]

_WEIGHTED = ("Conv", "ConvTranspose", "Gemm")  # weights [output channels, ...]
_LARGEST_FOLDED = 1 << 24  # elements; a constant larger than this is computed when it is needed


def fold(graph: Graph) -> Graph:
    """Apply every pass in place and return the graph."""
    for rewrite in PASSES:
        rewrite(graph)
        graph.sweep()
    return graph


def fold_constants(graph: Graph) -> None:
    """Compute nodes whose inputs are all constants."""
    for node in list(graph.nodes):
        sizes = [int(np.prod(graph.tensors[name].shape)) for name in node.outputs if name]
        known = all(not name or graph.tensors[name].constant for name in node.inputs)
        if not known or "Random" in node.op or max(sizes, default=0) > _LARGEST_FOLDED:
            continue
        alone = Graph(
            graph.name, [node], graph.tensors, [], [name for name in node.outputs if name],
            graph.opsets,
        )
        try:
            values = run_host(host_model(alone, [node]), {})
        except HostError:
            continue  # it stays a node, and fails again, with its name, where it is used
        for name, value in values.items():
            graph.tensors[name].value = np.asarray(value)
        graph.nodes.remove(node)


def drop_nothing(graph: Graph) -> None:
    """Remove Identity and inference-time Dropout, unless they make a graph output of an input."""
    for node in list(graph.nodes):
        if node.op == "Dropout":
            training = graph.value(node.inputs[2]) if len(node.inputs) > 2 else None
            if (len(node.inputs) > 2 and node.inputs[2] and (training is None or training.any())):
                continue
            if len(node.outputs) > 1 and node.outputs[1] and (
                graph.consumers(node.outputs[1]) or node.outputs[1] in graph.outputs
            ):
                continue
        elif node.op != "Identity":
            continue
        before, after = node.inputs[0], node.outputs[0]
        if after not in graph.outputs:
            graph.rename_reads(after, before)
        else:
            maker = graph.producer(before)
            if maker is None or before in graph.outputs:
                continue
            maker.outputs = tuple(after if name == before else name for name in maker.outputs)
            graph.rename_reads(before, after)
        graph.nodes.remove(node)


def normalize_windows(graph: Graph) -> None:
    """Write out kernel, strides, pads and dilations of 2-D Conv, ConvTranspose and MaxPool."""
    for node in graph.nodes:
        if node.op == "ConvTranspose":
            normalize_transposed(node, graph)
        if node.op in ("Conv", "MaxPool") and len(graph.tensors[node.inputs[0]].shape) == 4:
            attrs = canonical_window(node, graph)
            if attrs is not None:
                node.attrs = attrs


def normalize_gemm(graph: Graph) -> None:
    """Turn Gemm and 2-D MatMul with constant weights into ``x @ weight.T + bias``."""
    for node in graph.nodes:
        if node.op not in ("Gemm", "MatMul") or node.source is None:
            continue
        x, weight = graph.tensors[node.inputs[0]], graph.value(node.inputs[1])
        if weight is None or weight.ndim != 2 or len(x.shape) != 2 or node.attrs.get("transA", 0):
            continue
        rows = weight if node.attrs.get("transB", 0) else weight.T
        rows = (rows * np.float32(node.attrs.get("alpha", 1.0))).astype(np.float32)
        inputs = [node.inputs[0], graph.constant(f"{node.name}.weight", np.ascontiguousarray(rows))]
        if len(node.inputs) > 2 and node.inputs[2]:
            bias = graph.value(node.inputs[2])
            if bias is None or not _per_feature(bias.shape, rows.shape[0]):
                continue
            bias = np.broadcast_to(bias.reshape(-1), rows.shape[:1])
            bias = (bias * np.float32(node.attrs.get("beta", 1.0))).astype(np.float32)
            inputs.append(graph.constant(f"{node.name}.bias", bias))
        node.op, node.inputs, node.attrs, node.source = "Gemm", tuple(inputs), {}, None


def normalize_flatten(graph: Graph) -> None:
    """Turn Flatten, Reshape, Squeeze and Unsqueeze to ``[N, everything else]`` into Flatten."""
    for node in graph.nodes:
        if node.op not in ("Flatten", "Reshape", "Squeeze") or node.source is None:
            continue
        before, after = graph.tensors[node.inputs[0]].shape, graph.tensors[node.outputs[0]].shape
        if len(before) >= 2 and after == (before[0], int(np.prod(before[1:]))):
            node.op, node.inputs, node.attrs, node.source = "Flatten", node.inputs[:1], {}, None


def fold_batch_norm(graph: Graph) -> None:
    """Fold BatchNormalization into the Conv or Gemm that alone feeds it."""
    for node in list(graph.nodes):
        if node.op != "BatchNormalization" or node.attrs.get("training_mode", 0):
            continue
        before = graph.producer(node.inputs[0])
        values = [graph.value(name) for name in node.inputs[1:5]]
        if any(value is None for value in values) or before is None:
            continue
        if not _may_absorb(graph, before, node):
            continue
        gamma, beta, mean, variance = (np.asarray(value, np.float64) for value in values)
        spread = variance + node.attrs.get("epsilon", 1e-5)
        if not (spread > 0).all():
            continue  # the float network is not finite either: calibration says so
        scale = gamma / np.sqrt(spread)
        _scale_outputs(graph, before, scale, beta - mean * scale)
        _absorb(graph, before, node)


def fold_bias(graph: Graph) -> None:
    """Fold an Add of one constant per channel into the Conv or Gemm that alone feeds it."""
    for node in list(graph.nodes):
        if node.op != "Add":
            continue
        data, other = node.inputs
        if graph.tensors[data].constant:
            data, other = other, data
        value, before = graph.value(other), graph.producer(data)
        if value is None or before is None or not _may_absorb(graph, before, node):
            continue
        shape = graph.tensors[data].shape
        full = (1,) * (len(shape) - value.ndim) + value.shape
        if full != (1, shape[1]) + (1,) * (len(shape) - 2) and value.size != 1:
            continue
        bias = np.broadcast_to(np.asarray(value, np.float64).reshape(-1), (shape[1],))
        _scale_outputs(graph, before, np.ones(shape[1]), bias)
        _absorb(graph, before, node)


def fuse_relu(graph: Graph) -> None:
    """Fuse Relu into the Conv, Gemm or Add that alone feeds it."""
    for node in list(graph.nodes):
        if node.op == "Relu":
            before = graph.producer(node.inputs[0])
            if before and _may_absorb(graph, before, node, (*_WEIGHTED, "Add")):
                before.attrs = {**before.attrs, "relu": 1}
                before.source = None
                _absorb(graph, before, node)
            else:
                node.source = None


def _per_feature(shape: tuple[int, ...], features: int) -> bool:
    return shape in ((), (1,), (1, 1), (features,), (1, features))


def _may_absorb(
    graph: Graph, before: Node, after: Node, kinds: tuple[str, ...] = _WEIGHTED
) -> bool:
    if before.op not in kinds or before.attrs.get("relu"):
        return False
    if graph.only_consumer(before.outputs[0]) is not after:
        return False
    if before.op == "Add":
        return len({graph.tensors[name].shape for name in before.inputs}) == 1
    known = all(graph.tensors[name].constant for name in before.inputs[1:])
    return known and ("kernel" in before.attrs if before.op != "Gemm" else before.source is None)


def _absorb(graph: Graph, before: Node, after: Node) -> None:
    before.outputs = after.outputs[:1]
    graph.nodes.remove(after)


def _scale_outputs(graph: Graph, node: Node, scale: np.ndarray, offset: np.ndarray) -> None:
    """Let a Conv, ConvTranspose or Gemm compute ``y * scale + offset`` per output channel."""
    weight = np.asarray(graph.value(node.inputs[1]), np.float64)
    bias = graph.value(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2] else None
    old = np.zeros(weight.shape[0]) if bias is None else np.asarray(bias, np.float64)
    scaled = (weight * scale.reshape((-1,) + (1,) * (weight.ndim - 1))).astype(np.float32)
    node.inputs = (
        node.inputs[0],
        graph.constant(f"{node.name}.weight", scaled),
        graph.constant(f"{node.name}.bias", (old * scale + offset).astype(np.float32)),
    )
    node.source = None


PASSES = (
    fold_constants, drop_nothing, normalize_windows, normalize_gemm, normalize_flatten,
    fold_batch_norm, fold_bias, fuse_relu,
)
"""Every rewrite, in order."""

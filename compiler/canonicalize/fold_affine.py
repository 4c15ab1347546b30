"""Arithmetic with constants: Mul, Add, Sub, Div, Neg and BatchNormalization become one Affine.

An Affine computes ``x * scale + offset`` with one scale and offset per channel.  It is folded
into the Conv, Gemm or Affine whose only consumer it is; otherwise it runs as a separate node.
"""

from __future__ import annotations

import numpy as np

from ..ir.graph import Graph, Node

__all__ = ["broadcast_constants", "make_affine", "per_channel"]


def per_channel(value: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
    """Return a constant as float64 ``[C]``, None if it varies within a channel of ``shape``."""
    if len(shape) < 2 or value.ndim > len(shape):
        return None
    full = (1,) * (len(shape) - value.ndim) + value.shape
    if full[0] != 1 or any(size != 1 for size in full[2:]) or full[1] not in (1, shape[1]):
        return None
    return np.broadcast_to(np.asarray(value, np.float64).reshape(-1), (shape[1],))


def make_affine(graph: Graph) -> None:
    """Turn arithmetic with constants of one value per channel into Affine."""
    for node in graph.nodes:
        affine = _batch_norm(node, graph) or _arithmetic(node, graph)
        if affine is None:
            continue
        data, scale, offset = affine
        if not (np.isfinite(scale).all() and np.isfinite(offset).all()):
            continue  # the float network is not finite either: calibration reports it
        shape = (-1,) + (1,) * (len(graph.tensors[data].shape) - 2)
        node.op, node.attrs, node.source = "Affine", {}, None
        node.inputs = (
            data,
            graph.constant(f"{node.name}.scale", scale.astype(np.float32).reshape(shape)),
            graph.constant(f"{node.name}.offset", offset.astype(np.float32).reshape(shape)),
        )
        node.outputs = node.outputs[:1]


def broadcast_constants(graph: Graph) -> None:
    """Turn adding and subtracting any other constant into Add of one with the output's shape."""
    for node in graph.nodes:
        if node.op not in ("Add", "Sub") or node.source is None or len(node.inputs) != 2:
            continue
        data, other = node.inputs
        if graph.tensors[data].constant and node.op == "Add":
            data, other = other, data
        value, shape = graph.value(other), graph.tensors[data].shape
        if value is None or graph.tensors[data].constant or not _fits(data, node, graph):
            continue
        if value.ndim == len(shape) and value.shape[0] != 1:
            continue
        sign = np.float32(-1 if node.op == "Sub" else 1)
        full = np.broadcast_to(value, (1, *shape[1:])) * sign
        node.op, node.attrs, node.source = "Add", {}, None
        node.inputs = (data, graph.constant(f"{node.name}.constant", np.ascontiguousarray(full)))


def _fits(data: str, node: Node, graph: Graph) -> bool:
    """Return whether a node's output has the type and shape of its data."""
    before, after = graph.tensors[data], graph.tensors[node.outputs[0]]
    return before.dtype == after.dtype == "float32" and before.shape == after.shape


def _batch_norm(node: Node, graph: Graph) -> tuple[str, np.ndarray, np.ndarray] | None:
    if node.op != "BatchNormalization" or node.attrs.get("training_mode", 0):
        return None
    values = [graph.value(name) for name in node.inputs[1:5]]
    if any(value is None for value in values) or not _fits(node.inputs[0], node, graph):
        return None
    gamma, beta, mean, variance = (np.asarray(value, np.float64) for value in values)
    stabilized = variance + node.attrs.get("epsilon", 1e-5)
    if not (stabilized > 0).all():
        return None
    scale = gamma / np.sqrt(stabilized)
    return node.inputs[0], scale, beta - mean * scale


def _arithmetic(node: Node, graph: Graph) -> tuple[str, np.ndarray, np.ndarray] | None:
    if node.op not in ("Mul", "Add", "Sub", "Div", "Neg") or not all(node.inputs):
        return None
    data, other = node.inputs[0], node.inputs[-1]
    constant_first = len(node.inputs) == 2 and graph.tensors[data].constant
    if constant_first:
        data, other = other, data
    if graph.tensors[data].constant or not _fits(data, node, graph):
        return None
    shape = graph.tensors[data].shape
    if node.op == "Neg":
        return (data, np.full(shape[1], -1.0), np.zeros(shape[1])) if len(shape) > 1 else None
    constant = graph.value(other)
    value = None if constant is None else per_channel(constant, shape)
    if value is None:
        return None
    ones, zeros = np.ones(shape[1]), np.zeros(shape[1])
    if node.op == "Mul":
        return data, value, zeros
    if node.op == "Add":
        return data, ones, value
    if node.op == "Sub":
        return (data, -ones, value) if constant_first else (data, ones, -value)
    if constant_first or not value.all():
        return None  # a reciprocal, or a division by zero
    return data, 1 / value, zeros

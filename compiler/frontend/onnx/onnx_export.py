"""Canonical nodes written as ONNX nodes."""

from __future__ import annotations

import math

import numpy as np
import onnx
from onnx import helper, numpy_helper

from ...ir.graph import Graph, Node
from .dense import onnx_dense

__all__ = ["activation_nodes", "opsets_of", "written_out"]


def opsets_of(graph: Graph) -> dict[str, int]:
    """Return the operator sets of an imported model: version by domain."""
    opsets = graph.origin.context
    assert isinstance(opsets, dict), opsets
    return opsets


def activation_nodes(node: Node, graph: Graph) -> tuple[list[onnx.NodeProto], str]:
    """Return the nodes of a fused Relu and Clip, and the name of their input."""
    low, high = node.attrs.get("clip", (-math.inf, math.inf))
    low = max(low, 0.0) if node.attrs.get("relu") else low
    target = node.outputs[0]
    if (low, high) == (-math.inf, math.inf):
        return [], target
    before = f"{target}__before_activation"
    if (low, high) == (0, math.inf):
        return [helper.make_node("Relu", [before], [target])], before
    return _clip(before, target, low, high, graph), before


def written_out(node: Node, graph: Graph, target: str) -> list[onnx.NodeProto]:
    """Return ONNX nodes that compute a node without a source into ``target``."""
    data, attrs = node.inputs[0], node.attrs
    if node.op == "Affine":
        scaled = f"{target}__scaled"
        return [
            helper.make_node("Mul", [data, node.inputs[1]], [scaled]),
            helper.make_node("Add", [scaled, node.inputs[2]], [target]),
        ]
    if node.op == "Table":
        return _function(node)
    if node.op == "Clip":
        return _clip(data, target, attrs["low"], attrs["high"], graph)
    if node.op == "Gemm" and "axis" in attrs:
        return onnx_dense(node, graph, target)
    if node.op == "Gemm":
        flat, shape = f"{target}__flat", f"{target}__shape"
        return [
            helper.make_node("Gemm", [name for name in node.inputs if name], [flat], transB=1),
            _constant(shape, np.array([0, *attrs["unflatten"]], np.int64)),
            helper.make_node("Reshape", [flat, shape], [target]),
        ]
    assert node.op == "Slice", node
    ranges = {"starts": [attrs["start"]], "ends": [attrs["stop"]], "axes": [1]}
    if opsets_of(graph).get("", 1) < 10:
        return [helper.make_node("Slice", [data], [target], **ranges)]
    names = [f"{target}__{name}" for name in ranges]
    bounds = [_constant(name, np.array(value, np.int64))
              for name, value in zip(names, ranges.values(), strict=True)]
    return [*bounds, helper.make_node("Slice", [data, *names], [target])]


def _function(node: Node) -> list[onnx.NodeProto]:
    """Return the nodes of an elementwise function."""
    function = node.attrs["function"]
    graph = onnx.load_from_string(function.payload.data).graph
    names = {function.source: node.inputs[0], function.target: node.outputs[0]}
    for proto in graph.node:
        for slots in (proto.input, proto.output):
            renamed = [names.get(name, name) for name in slots]
            del slots[:]
            slots.extend(renamed)
    constants = [
        helper.make_node("Constant", [], [value.name], value=value) for value in graph.initializer]
    return [*constants, *graph.node]


def _clip(
    data: str, target: str, low: float, high: float, graph: Graph
) -> list[onnx.NodeProto]:
    minimum, maximum = (float(np.clip(v, -3e38, 3e38)) for v in (low, high))
    if opsets_of(graph).get("", 1) < 11:
        return [helper.make_node("Clip", [data], [target], min=minimum, max=maximum)]
    names = [f"{target}__low", f"{target}__high"]
    return [
        _constant(names[0], np.array(minimum, np.float32)),
        _constant(names[1], np.array(maximum, np.float32)),
        helper.make_node("Clip", [data, *names], [target]),
    ]


def _constant(name: str, value: np.ndarray) -> onnx.NodeProto:
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(value))

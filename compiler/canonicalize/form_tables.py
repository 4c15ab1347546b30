"""Elementwise functions of one tensor become one node, Table: RQT looks its values up.

A function is a connected part of the graph whose nodes compute each value of their outputs from
the same place of one input, and from scalars: Sigmoid, or the five nodes of a Gelu.  It ends where
other nodes read it and begins where it reads a single tensor.  In a pre-quantized (QDQ) model
that is a rounded one, and roundings inside are part of the function.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from ...isa.opcodes import LUT_ENTRIES
from ..frontend.front_ends import export_host, run_elementwise
from ..ir.compile_errors import HostError
from ..ir.elementwise_function import ElementwiseFunction
from ..ir.graph import Graph, Node, Tensor

__all__ = ["FUNCTIONS", "form_tables"]

FUNCTIONS = (
    "Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Celu", "Cos", "Cosh", "Elu",
    "Erf", "Exp", "Floor", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Log", "Mish", "PRelu",
    "Pow", "Reciprocal", "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Softplus",
    "Softsign", "Sqrt", "Swish", "Tan", "Tanh", "ThresholdedRelu", "com.microsoft::FastGelu",
    "com.microsoft::Gelu", "com.microsoft::QuickGelu",
)
"""Operators that need a table, alone or with others."""
_LINEAR = ("Add", "Clip", "Div", "Identity", "Max", "Min", "Mul", "Neg", "Relu", "Sub", "Sum")
_LOGICAL = (
    "And", "Cast", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Not", "Or",
    "Where", "Xor",
)
_DEQUANTIZE = ("DequantizeLinear", "com.microsoft::DequantizeLinear")
_ROUNDING = ("QuantizeLinear", "com.microsoft::QuantizeLinear", *_DEQUANTIZE)
_ELEMENTWISE = frozenset((*FUNCTIONS, *_LINEAR, *_LOGICAL, *_ROUNDING))


def form_tables(graph: Graph) -> None:
    """Replace every elementwise function that is not a linear one with bounds by a Table."""
    order = {node: position for position, node in enumerate(graph.nodes)}
    for node in reversed(graph.nodes):
        if node not in graph or node.op in _ROUNDING or not _is_elementwise(node, graph):
            continue
        members = _function_ending(node, graph, order)
        if not any(_needs_table(member, graph) for member in members):
            continue
        function = _function(members, graph)
        if function is not None:
            _replace(members, function, graph)


def _is_elementwise(node: Node, graph: Graph) -> bool:
    """Return whether the output depends on values at the same place, and on scalars."""
    if node.op not in _ELEMENTWISE or len(node.outputs) != 1:
        return False
    shape = graph.tensors[node.outputs[0]].shape
    operands = [graph.tensors[name] for name in node.inputs if name]
    return len(shape) > 0 and any(not operand.constant for operand in operands) and all(
        operand.value.size == 1 and len(operand.shape) <= len(shape)
        if operand.value is not None else operand.shape == shape
        for operand in operands)


def _needs_table(node: Node, graph: Graph) -> bool:
    """Return whether a node is more than a factor, an offset and bounds of one tensor."""
    operands = [name for name in node.inputs if name]
    variable = [name for name in operands if not graph.tensors[name].constant]
    if node.op in FUNCTIONS or node.op in _LOGICAL:
        return True
    return len(variable) > 1 or (node.op == "Div" and graph.tensors[operands[0]].constant)


def _function_ending(last: Node, graph: Graph, order: dict[Node, int]) -> list[Node]:
    """Return the largest function of one tensor that ends with a node, [] if there is none.

    Nodes are added in reverse order.  All nodes between the tensor and the end come after the
    tensor's own node, so the largest function is one of the sets passed on the way.
    """
    members, largest = [last], list[Node]()
    rounded = any(node.op in _ROUNDING for node in order)
    while True:
        sources = _sources(members, graph)
        if len(sources) == 1 and _begins_at(next(iter(sources)), last, graph, rounded):
            largest = list(members)
        makers = [graph.producer(name) for name in sources]
        inside = set(members)
        candidates = [
            maker for maker in makers
            if maker is not None and _is_elementwise(maker, graph) and _ends_inside(
                maker, inside, graph)
        ]
        if not candidates:
            return largest[::-1]
        members.append(max(candidates, key=order.__getitem__))


def _sources(members: Collection[Node], graph: Graph) -> set[str]:
    """Return the tensors that some nodes read and do not compute."""
    computed = {name for node in members for name in node.outputs}
    return {
        name for node in members for name in node.inputs
        if name and name not in computed and not graph.tensors[name].constant}


def _ends_inside(node: Node, inside: set[Node], graph: Graph) -> bool:
    name = node.outputs[0]
    return name not in graph.outputs and set(graph.consumers(name)) <= inside


def _begins_at(source: str, last: Node, graph: Graph, rounded: bool) -> bool:
    """Return whether a function from a tensor to a node is one of activations.

    ``rounded``: the model has activations that are rounded, and the tensor has to be one.
    """
    if rounded:
        before = graph.producer(source)
        if before is None or before.op not in _DEQUANTIZE:
            return False
    return all(
        graph.tensors[name].dtype == "float32" for name in (source, last.outputs[0]))


def _function(members: list[Node], graph: Graph) -> ElementwiseFunction | None:
    """Return nodes as a function, None if its evaluator cannot run it, or it has no value."""
    (source,), target = _sources(members, graph), members[-1].outputs[0]
    shape = (*(1 for _ in graph.tensors[target].shape[1:]), LUT_ENTRIES)
    names = {name for node in members for name in (*node.inputs, *node.outputs) if name}
    tensors = {
        name: tensor if tensor.constant else Tensor(name, shape, tensor.dtype)
        for name, tensor in ((name, graph.tensors[name]) for name in names)}
    nodes = [replace(node) for node in members]
    alone = Graph(graph.name, nodes, tensors, [source], [target], graph.origin)
    function = ElementwiseFunction(
        export_host(alone, alone.nodes), source, target, shape,
        tuple(node.op for node in members))
    try:
        values = run_elementwise(function, np.linspace(-4, 4, LUT_ENTRIES))
    except HostError:
        return None  # its nodes stay, and the host's error names them
    return None if np.isnan(values).all() else function


def _replace(members: list[Node], function: ElementwiseFunction, graph: Graph) -> None:
    """Let the last node compute the function, and remove the others."""
    *others, last = members
    for node in others:
        graph.remove(node)
        graph.folded[node.name] = f"part of {last.name}"
    last.op, last.source = "Table", None
    last.inputs, last.attrs = (function.source,), {"function": function}

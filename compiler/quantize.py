"""Quantize a folded, placed network: one power-of-two exponent per tensor, int32 biases.

Exponents come from calibration, by greatest magnitude (``minmax``) or as the one of three sensible
exponents with the least squared error on the calibration sample (``error``, the default).
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from .arithmetic import Requant, limits, quantize
from .calibrate import Calibration
from .errors import CompileError
from .graph import Graph, Node
from .host import host_model
from .place import Placement
from .quantize_operators import OPERATORS, integer_bounds
from .quantized import QuantizedGraph, QuantizedNode, QuantizedTensor

__all__ = ["METHODS", "choose_exponent", "quantize_graph"]

METHODS = ("error", "minmax")
_FINER = 3  # exponents that ``error`` compares, from the one that clips nothing downwards
_SMALLEST = -60  # exponent of a tensor that is zero everywhere


def choose_exponent(values: np.ndarray, peak: float, width: int, method: str) -> int:
    """Return the exponent for values of a tensor whose greatest magnitude is ``peak``.

    Raises
    ------
    ValueError
        The method is unknown.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, not {method!r}")
    if peak == 0:
        return 0
    high = limits(width)[1]
    widest = max(_SMALLEST, math.ceil(math.log2(peak / high)))
    if method == "minmax":
        return widest
    errors = {}
    for exponent in range(widest, widest - _FINER, -1):
        difference = np.ldexp(quantize(values, exponent, width).astype(float), exponent) - values
        errors[exponent] = float(np.square(difference).sum())
    return min(errors, key=lambda exponent: (errors[exponent], -exponent))


def quantize_graph(
    graph: Graph, placements: dict[str, Placement], calibration: Calibration,
    inp_width: int, wgt_width: int, method: str = "error",
) -> QuantizedGraph:
    """Return the integer network.

    Raises
    ------
    CompileError
        Weights or biases cannot be represented; all problems are listed.
    """
    work = _Quantizer(graph, placements, calibration, inp_width, wgt_width, method)
    return work.run()


class _Quantizer:
    def __init__(
        self, graph: Graph, placements: dict[str, Placement], calibration: Calibration,
        inp_width: int, wgt_width: int, method: str,
    ):
        self.graph, self.placements, self.calibration = graph, placements, calibration
        self.inp_width, self.wgt_width, self.method = inp_width, wgt_width, method
        self.exponents: dict[str, int] = {}
        self.problems: list[str] = []

    def run(self) -> QuantizedGraph:
        nodes: list[QuantizedNode] = []
        waiting: list[Node] = []
        for node in self.graph.nodes:
            if not self.placements[node.name].on_accelerator:
                waiting.append(node)
                continue
            if waiting:
                nodes.append(self.host(waiting))
                waiting = []
            nodes.append(self.accelerator(node))
        if waiting:
            nodes.append(self.host(waiting))
        if self.problems:
            raise CompileError(*self.problems)
        named = dict.fromkeys(self.graph.inputs)
        for made in nodes:
            named |= dict.fromkeys((*made.inputs, *made.outputs))
        tensors = {}
        for name in named:
            tensor = self.graph.tensors[name]
            exponent = self.exponents.get(name)
            tensors[name] = QuantizedTensor(name, tensor.shape, exponent, tensor.dtype)
        constants = tuple(
            name for name in self.graph.outputs if self.graph.tensors[name].constant
        )
        return QuantizedGraph(
            self.graph.name, tuple(nodes), tensors, tuple(self.graph.inputs),
            tuple(self.graph.outputs), self.inp_width, self.wgt_width, constants,
        )

    def host(self, nodes: list[Node]) -> QuantizedNode:
        made = {name for node in nodes for name in node.outputs}
        inputs = dict.fromkeys(
            name for node in nodes for name in node.inputs
            if name and name not in made and not self.graph.tensors[name].constant
        )
        inside = {id(node) for node in nodes}
        outside = {
            n for node in self.graph.nodes if id(node) not in inside for n in node.inputs
        } | set(self.graph.outputs)
        outputs = tuple(n for node in nodes for n in node.outputs if n in outside)
        members = tuple(node.name for node in nodes)
        return QuantizedNode(
            "Host", "+".join(members), tuple(inputs), outputs,
            model=host_model(self.graph, nodes), members=members,
        )

    def accelerator(self, node: Node) -> QuantizedNode:
        activations = tuple(
            name for name in node.inputs if name and not self.graph.tensors[name].constant
        )
        for name in activations:
            if name not in self.exponents:
                self.exponents[name] = self.calibrated(name)
        if node.op in OPERATORS:
            made = OPERATORS[node.op](self, node, activations)
        else:
            made = self.weighted(node, activations)
        if "clip" in node.attrs and made.requant is not None:
            bounds = integer_bounds(
                node.attrs["clip"], self.exponents[node.outputs[0]], self.inp_width
            )
            made = replace(made, requant=replace(made.requant, clip=bounds))
        return made

    def calibrated(self, name: str) -> int:
        peak, values = self.calibration.peak[name], self.calibration.values[name]
        return choose_exponent(values, peak, self.inp_width, self.method)

    def fitting(self, values: np.ndarray) -> int:
        """Return the exponent for a constant that stands where activations do."""
        peak = float(np.abs(values).max(initial=0))
        return choose_exponent(values.reshape(-1), peak, self.inp_width, self.method)

    def shift_to(self, name: str, accumulator: int) -> int:
        """Choose the exponent of an output given its accumulator's; return the shift, 0..31."""
        shift = min(max(self.calibrated(name) - accumulator, 0), 31)
        self.exponents[name] = accumulator + shift
        return shift

    def weighted(self, node: Node, activations: tuple[str, ...]) -> QuantizedNode:
        weight = np.asarray(self.graph.value(node.inputs[1]), np.float64)
        outputs = weight.shape[0]
        with_bias = len(node.inputs) > 2 and node.inputs[2]
        bias = np.asarray(self.graph.value(node.inputs[2]) if with_bias else np.zeros(outputs))
        if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
            self.problems.append(
                f"{node.op} {node.name!r}: its weights or bias hold NaN or infinite values"
            )
            weight, bias = np.nan_to_num(weight, posinf=0, neginf=0), np.zeros(outputs)
        source = self.exponents[activations[0]]
        peak = float(np.abs(weight).max(initial=0))
        exponent = choose_exponent(weight, peak, self.wgt_width, self.method)
        while True:
            integers = quantize(weight, exponent, self.wgt_width)
            scaled = np.floor(np.ldexp(bias.astype(np.float64), -(source + exponent)) + 0.5)
            sums = np.abs(integers).reshape(outputs, -1).sum(1) << (self.inp_width - 1)
            if (sums + np.abs(scaled)).max(initial=0) < 1 << 30:  # and a rounding constant beside
                break
            exponent += 1  # coarser weights until the accumulator holds every sum
        shift = self.shift_to(node.outputs[0], source + exponent)
        requant = Requant(
            scaled.astype(np.int32), np.full(outputs, shift, np.int32),
            relu=bool(node.attrs.get("relu")),
        )
        return QuantizedNode(
            node.op, node.name, activations, node.outputs, node.attrs,
            integers.astype(np.int8), exponent, requant,
        )

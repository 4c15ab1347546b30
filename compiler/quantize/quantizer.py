"""Quantize a folded, placed network: a power-of-two exponent per activation, int32 biases.

Scales of weights are chosen by :mod:`.weight_scales`, exponents of activations from calibration by
:mod:`.activation_scales`.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np

from ..frontend.front_ends import export_host, run_elementwise
from ..ir.attributes import HostAttributes
from ..ir.compile_errors import CompileError
from ..ir.fixed_point import Requant
from ..ir.graph import Graph, Node
from ..ir.quantized_graph import QuantizedGraph, QuantizedNode, QuantizedTensor
from ..operators.quantization_rules import integer_bounds
from ..operators.registry import OPERATORS
from ..partition.partition import Placement
from .activation_scales import choose_exponent
from .calibrate import Calibration
from .table_scales import TableRanges, choose_table_scale
from .weight_scales import PER_TENSOR, Scheme, choose_scales, quantize_weights, requantization

__all__ = ["Quantizer", "quantize_graph"]



def quantize_graph(
    graph: Graph, placements: dict[str, Placement], calibration: Calibration,
    inp_width: int, wgt_width: int, method: str = "error", scheme: Scheme = PER_TENSOR,
    memo: dict[tuple[str, str], np.ndarray] | None = None,
) -> QuantizedGraph:
    """Return the integer network.

    Parameters
    ----------
    inp_width, wgt_width
        Bits of activations and of weights.
    method
        Method of choosing exponents (:data:`~.activation_scales.METHODS`).
    scheme
        Scales that weights may have.
    memo
        Caches scales of weights between calls for one graph.

    Raises
    ------
    CompileError
        Weights or biases cannot be represented; all problems are listed.
    """
    work = Quantizer(graph, placements, calibration, inp_width, wgt_width, method, scheme)
    work.memo = {} if memo is None else memo
    return work.run()


class Quantizer:
    """The work of :func:`quantize_graph`, node by node."""

    def __init__(
        self, graph: Graph, placements: dict[str, Placement], calibration: Calibration,
        inp_width: int, wgt_width: int, method: str, scheme: Scheme,
    ):
        self.graph, self.placements, self.calibration = graph, placements, calibration
        self.inp_width, self.wgt_width, self.method = inp_width, wgt_width, method
        self.scheme = scheme
        self.memo: dict[tuple[str, str], np.ndarray] = {}
        self.exponents: dict[str, int] = {}
        self.problems: list[str] = []

    def run(self) -> QuantizedGraph:
        """Return the integer network (errors: CompileError)."""
        nodes: list[QuantizedNode] = []
        waiting: list[Node] = []
        for node in self.graph.nodes:
            if not self.placements[node.name].on_accelerator:
                waiting.append(node)
                continue
            if waiting:
                nodes.append(self.host(waiting))
                waiting = []
            nodes += self.quantized(node)
        if waiting:
            nodes.append(self.host(waiting))
        if self.problems:
            raise CompileError(*self.problems)
        named = dict.fromkeys(self.graph.inputs)
        for each in nodes:
            named |= dict.fromkeys((*each.inputs, *each.outputs))
        tensors = {name: self.tensor(name) for name in named}
        constants = tuple(
            name for name in self.graph.outputs if self.graph.tensors[name].constant
        )
        return QuantizedGraph(
            self.graph.name, tuple(nodes), tensors, tuple(self.graph.inputs),
            tuple(self.graph.outputs), self.inp_width, self.wgt_width, constants,
        )

    def tensor(self, name: str) -> QuantizedTensor:
        """Return an activation with its scale, if it has one."""
        tensor = self.graph.tensors[name]
        return QuantizedTensor(name, tensor.shape, self.exponents.get(name), tensor.dtype)

    def quantized(self, node: Node) -> list[QuantizedNode]:
        """Return the quantized nodes of a node of the accelerator."""
        return [self.accelerator(node)]

    def host(self, nodes: list[Node]) -> QuantizedNode:
        """Return one step for neighbouring nodes of the host."""
        produced = {name for node in nodes for name in node.outputs}
        inputs = dict.fromkeys(
            name for node in nodes for name in node.inputs
            if name and name not in produced and not self.graph.tensors[name].constant
        )
        outputs = tuple(self.graph.results(nodes))
        members = tuple(node.name for node in nodes)
        return QuantizedNode(
            "Host", "+".join(members), tuple(inputs), outputs,
            HostAttributes(export_host(self.graph, nodes), members),
        )

    def accelerator(self, node: Node) -> QuantizedNode:
        """Quantize a node by the rule of its operator."""
        activations = tuple(
            name for name in node.inputs if name and not self.graph.tensors[name].constant
        )
        for name in activations:
            if name not in self.exponents:
                self.exponents[name] = self.calibrated(name)
        rule = OPERATORS[node.op].quantize
        assert rule is not None, "operators without a rule are placed on the host"
        result = rule(self, node, activations)
        if "clip" in node.attrs and result.requant is not None:
            bounds = integer_bounds(
                node.attrs["clip"], self.exponents[node.outputs[0]], self.inp_width
            )
            result = replace(result, requant=replace(result.requant, clip=bounds))
        return result

    def calibrated(self, name: str) -> int:
        """Return the exponent of an activation by calibration."""
        peak, values = self.calibration.peak(name), self.calibration.values[name]
        reader = self.graph.only_consumer(name)
        if reader is not None and reader.op == "Table":
            return self._table_exponent(name, reader)
        return choose_exponent(values, peak, self.inp_width, self.method)

    def _table_exponent(self, name: str, table: Node) -> int:
        """Return the exponent of an activation that only a table reads."""
        if (name, "table") not in self.memo:
            values = self.calibration.values
            scale = choose_table_scale(
                values[name], values[table.outputs[0]],
                partial(run_elementwise, table.attrs["function"]), TableRanges(self.inp_width))
            self.memo[name, "table"] = np.array(math.frexp(scale.scale)[1] - 1)
        return int(self.memo[name, "table"])

    def fitting(self, values: np.ndarray) -> int:
        """Return the exponent of a constant operand."""
        peak = float(np.abs(values).max(initial=0))
        return choose_exponent(values.reshape(-1), peak, self.inp_width, self.method)

    def shift_to(self, name: str, accumulator: int) -> int:
        """Choose the exponent of an output given its accumulator's; return the shift, 0..31."""
        shift = min(max(self.calibrated(name) - accumulator, 0), 31)
        self.exponents[name] = accumulator + shift
        return shift

    def constants(self, node: Node) -> tuple[np.ndarray, np.ndarray]:
        """Return weights and bias of a layer, finite, float64."""
        weight = np.asarray(self.graph.value(node.inputs[1]), np.float64)
        outputs = weight.shape[0]
        with_bias = len(node.inputs) > 2 and node.inputs[2]
        bias = np.asarray(self.graph.value(node.inputs[2]) if with_bias else np.zeros(outputs))
        if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
            self.problems.append(
                f"{node.op} {node.name!r}: its weights or bias hold NaN or infinite values"
            )
            weight, bias = np.nan_to_num(weight, posinf=0, neginf=0), np.zeros(outputs)
        return weight, np.asarray(bias, np.float64)

    def weights(
        self, node: Node, activations: tuple[str, ...]
    ) -> tuple[np.ndarray, np.ndarray, Requant]:
        """Quantize the weights of a layer; return them, their scales and the requantization."""
        weight, bias = self.constants(node)
        source, target = self.exponents[activations[0]], self.calibrated(node.outputs[0])
        kind = "minmax" if self.method == "minmax" else "error"  # those of activations do not fit
        if (node.name, kind) not in self.memo:
            self.memo[node.name, kind] = choose_scales(weight, self.wgt_width, kind, self.scheme)
        weights = quantize_weights(
            weight, bias, source, target, self.scheme, self.inp_width, self.wgt_width,
            self.memo[node.name, kind],
        )
        exponent, requant = requantization(
            weights, source, target, self.scheme, bool(node.attrs.get("relu"))
        )
        self.exponents[node.outputs[0]] = exponent
        return weights.integers, weights.scale, requant

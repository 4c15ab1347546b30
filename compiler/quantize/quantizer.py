"""Quantize a folded, placed network: a scale per activation, integer weights, int32 biases.

Scales of weights are chosen by :mod:`.weight_scales`, those of activations from calibration by
:mod:`.activation_scales`; a pre-quantized (QDQ) model has its own (:mod:`.qdq_quantizer`).

Zero points are exact: the sum over (x - z) * w is the sum over x * w minus z times the sum of the
weights, which becomes part of the bias, and the padding is z instead of zero.  RQT adds an output's
zero point.
"""

from __future__ import annotations

import math

import numpy as np

from ..frontend.front_ends import export_host
from ..ir.attributes import HostAttributes
from ..ir.compile_errors import CompileError
from ..ir.fixed_point import Requant, split_ratio, wrap
from ..ir.graph import Graph, Node, Tensor
from ..ir.qdq_scales import TensorScale
from ..ir.quantized_graph import QuantizedGraph, QuantizedNode, QuantizedTensor
from ..operators.quantization_rules import integer_bounds
from ..operators.registry import OPERATORS
from ..operators.scaled_add import scaled_add
from ..partition.partition import Placement
from .activation_scales import Grid
from .calibrate import Calibration
from .calibrated_scales import CalibratedScales, ScaleMemo
from .weight_scales import (
    PER_TENSOR,
    LayerScales,
    Scheme,
    Weights,
    choose_scales,
    quantize_weights,
)

__all__ = ["Quantizer", "quantize_graph"]

_MAX_SHIFT = 31
_COARSER = 1 + 2.0**-20  # the ratio of scales that a multiplier below 1 represents as almost 1


def quantize_graph(
    graph: Graph, placements: dict[str, Placement], calibration: Calibration,
    inp_width: int, wgt_width: int, method: str = "error", scheme: Scheme = PER_TENSOR,
    memo: ScaleMemo | None = None,
) -> QuantizedGraph:
    """Return the integer network.

    Parameters
    ----------
    inp_width, wgt_width
        Bits of activations and of weights.
    method
        Method of choosing scales (:data:`~.activation_scales.METHODS`).
    scheme
        Scales that weights and activations may have.
    memo
        Caches scales between calls for one graph.

    Raises
    ------
    CompileError
        Weights or biases cannot be represented; all problems are listed.
    """
    work = Quantizer(graph, placements, calibration, inp_width, wgt_width, method, scheme)
    work.memo = ScaleMemo() if memo is None else memo
    return work.run()


class Quantizer:
    """The work of :func:`quantize_graph`, node by node: the context of the operators' rules."""

    pre_quantized = False

    def __init__(
        self, graph: Graph, placements: dict[str, Placement], calibration: Calibration,
        inp_width: int, wgt_width: int, method: str, scheme: Scheme,
    ):
        self.graph, self.placements = graph, placements
        self.inp_width, self.wgt_width, self.method = inp_width, wgt_width, method
        self.scheme = scheme
        self._calibrated = CalibratedScales(
            graph, calibration, Grid(inp_width, scheme.multipliers), method, placements)
        self.memo = ScaleMemo()
        self.scales: dict[str, TensorScale] = {}
        self.problems: list[str] = []
        self._nodes: list[QuantizedNode] = []

    @property
    def multipliers(self) -> bool:
        """Whether requantization multiplies, so that any scale is possible."""
        return self.scheme.multipliers

    def run(self) -> QuantizedGraph:
        """Return the integer network (errors: CompileError)."""
        waiting: list[Node] = []
        for node in self.graph.nodes:
            if not self.placements[node.name].on_accelerator:
                waiting.append(node)
                continue
            if waiting:
                self._nodes.append(self._host(waiting))
                waiting = []
            self.quantize(node)
        if waiting:
            self._nodes.append(self._host(waiting))
        if self.problems:
            raise CompileError(*self.problems)
        constants = tuple(
            name for name in self.graph.outputs if self.graph.tensors[name].constant
        )
        return QuantizedGraph(
            self.graph.name, tuple(self._nodes), self._tensors(), tuple(self.graph.inputs),
            tuple(self.graph.outputs), self.inp_width, self.wgt_width, constants,
        )

    def quantize(self, node: Node) -> list[QuantizedNode]:
        """Quantize a node by the rule of its operator; return all nodes so far."""
        names = self._activations(node)
        for name in names:
            self.scale(name)
        rule = OPERATORS[node.op].quantize
        assert rule is not None, "operators without a rule are placed on the host"
        quantized = rule(self, node, names)
        self._nodes.append(quantized)
        return self._nodes

    def _activations(self, node: Node) -> tuple[str, ...]:
        return tuple(
            name for name in node.inputs if name and not self.graph.tensors[name].constant
        )

    def _tensors(self) -> dict[str, QuantizedTensor]:
        """Return all activations, with a scale if the accelerator reads or writes them."""
        named = dict.fromkeys(self.graph.inputs)
        on_device = set[str]()
        for node in self._nodes:
            named |= dict.fromkeys((*node.inputs, *node.outputs))
            if not node.on_host:
                on_device |= {*node.inputs, *node.outputs}
        tensors = {}
        for name in named:
            tensor = self.graph.tensors[name]
            scale = self.scales[name] if name in on_device else None
            tensors[name] = QuantizedTensor.of(name, tensor.shape, tensor.dtype, scale)
        return tensors

    def _host(self, nodes: list[Node]) -> QuantizedNode:
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

    # -- scales ------------------------------------------------------------------------------------
    def scale(self, name: str) -> TensorScale:
        """Return the scale of an activation, fixed by calibration if it has none yet."""
        if name not in self.scales:
            self.scales[name] = self.calibrated(name)
        return self.scales[name]

    def calibrated(self, name: str) -> TensorScale:
        """Return the scale of an activation by calibration."""
        return self._calibrated.scale(name, self.memo)

    def constant_scale(self, values: np.ndarray) -> float:
        """Return the scale of a constant operand."""
        return self._calibrated.constant(values)

    def wanted(self, node: Node) -> TensorScale:
        """Return the scale of a node's output, if it has one, else by calibration."""
        name = node.outputs[0]
        return self.scales[name] if name in self.scales else self.calibrated(name)

    def propose(self, node: Node, scale: TensorScale) -> TensorScale:
        """Return the scale of a node's output, if it has one, else the proposed one."""
        return self.scales.setdefault(node.outputs[0], scale)

    def coarser(self, units: np.ndarray) -> np.ndarray:
        """Return the smallest possible scales that are not below some positive numbers."""
        if self.multipliers:
            return units
        return np.ldexp(1.0, np.ceil(np.log2(units)).astype(int))

    def same_scale(self, node: Node) -> tuple[tuple[str, ...], TensorScale]:
        """Convert inputs of other scales than the output's by inserted nodes.

        An output without a scale gets that of its coarsest input.
        """
        inputs = self._activations(node)
        target = self.propose(node, max(
            (self.scale(name) for name in inputs), key=lambda known: known.scale))
        names = list[str]()
        for index, name in enumerate(inputs):
            if self.scale(name) != target:
                change = Node("Rescale", f"{node.name}.rescale{index}", (name,), (
                    f"{node.outputs[0]}.rescaled{index}",))
                name, before = change.outputs[0], self.graph.tensors[name]
                self.graph.tensors[name] = Tensor(name, before.shape, before.dtype)
                self.scales[name] = target
                self._nodes.append(scaled_add(self, change))
            names.append(name)
        return tuple(names), target

    # -- requantization ----------------------------------------------------------------------------
    def requantize(
        self, node: Node, unit: float | np.ndarray, bias: int | np.ndarray = 0
    ) -> Requant:
        """Choose the scale of a node's output; return the requantization of its accumulators."""
        channels = np.size(unit) if np.ndim(unit) else (
            self.graph.tensors[node.outputs[0]].shape[1])
        units = np.broadcast_to(np.asarray(unit, np.float64), channels)
        out = self._output(node, units)
        multiplier, shift = self._ratios(units, out.scale)
        clip = None
        if "clip" in node.attrs:
            clip = integer_bounds(node.attrs["clip"], out, self.inp_width)
        biases = np.broadcast_to(np.asarray(bias, np.int64), channels)
        return Requant(
            wrap(biases).astype(np.int32), shift, multiplier, bool(node.attrs.get("relu")),
            out.zero_point, clip,
        )

    def _output(self, node: Node, units: np.ndarray) -> TensorScale:
        """Return the scale of a node's output, coarser than its accumulators."""
        name, largest = node.outputs[0], float(units.max())
        if name in self.scales:
            scale = self.scales[name]
            if largest >= scale.scale if self.multipliers else largest > scale.scale:
                self.problems.append(
                    f"{node.op} {node.name!r}: its output's scale {scale.scale:g} is finer than "
                    f"its products' {largest:g}, which no requantization reaches: quantize it again"
                )
            return scale
        wanted = self.calibrated(name)
        if self.multipliers:
            real = max(wanted.scale, largest * _COARSER)
        else:
            most = math.ldexp(float(units.min()), _MAX_SHIFT)
            real = min(max(wanted.scale, largest), most)
        self.scales[name] = TensorScale(real, wanted.zero_point)
        return self.scales[name]

    def _ratios(
        self, units: np.ndarray, out: float
    ) -> tuple[np.ndarray | None, np.ndarray]:
        """Return (multiplier or None, shift) that take accumulators to a scale."""
        if self.multipliers:
            return split_ratio(np.clip(units / out, 2.0**-32, math.nextafter(1.0, 0.0)))
        return None, np.log2(out / units).astype(np.int32)  # exact: powers of two

    # -- layers with weights -----------------------------------------------------------------------
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

    def weights(self, node: Node) -> tuple[np.ndarray, np.ndarray, Requant]:
        """Quantize the weights of a layer; return them, their scales and the requantization."""
        source, weights = self.scale(node.inputs[0]), self.layer_weights(
            node, *self.constants(node))
        sums = weights.integers.astype(np.int64).reshape(len(weights.integers), -1).sum(1)
        requant = self.requantize(
            node, weights.scale * source.scale, weights.bias - source.zero_point * sums)
        return weights.integers, weights.scale, requant

    def layer_weights(self, node: Node, weight: np.ndarray, bias: np.ndarray) -> Weights:
        """Return the integers of a layer's weights and bias; the input's zero point is apart."""
        kind = "minmax" if self.method == "minmax" else "error"  # those of activations do not fit
        known = self.memo.weights
        if (node.name, kind) not in known:
            known[node.name, kind] = choose_scales(weight, self.wgt_width, kind, self.scheme)
        around = LayerScales(
            self.scale(node.inputs[0]), self.wanted(node).scale, self.inp_width, self.wgt_width)
        return quantize_weights(weight, bias, around, self.scheme, known[node.name, kind])

"""Quantize a pre-quantized (QDQ) model by its own scales; activations without one are calibrated.

Zero points are exact: the sum over (x - z) * w is the sum over x * w minus z times the sum of the
weights, which becomes part of the bias, and the padding is z instead of zero.  RQT adds an output's
zero point.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..ir.fixed_point import (
    Requant,
    limits,
    round_half_up,
    split_ratio,
    to_integers,
    wrap,
)
from ..ir.graph import Graph, Node, Tensor
from ..ir.qdq_scales import QdqScales, TensorScale
from ..ir.quantized_graph import QuantizedNode, QuantizedTensor
from ..operators.registry import OPERATORS
from ..operators.scaled_add import scaled_add
from ..partition.partition import Placement
from .calibrate import Calibration
from .quantizer import Quantizer
from .weight_scales import Scheme, choose_scales, quantize_weights

__all__ = ["QdqQuantizer"]

_ANY = Scheme(per_channel=True, multipliers=True)


class QdqQuantizer(Quantizer):
    """The quantizer of a pre-quantized model; needs RQT and 8-bit operands."""

    def __init__(
        self, graph: Graph, placements: dict[str, Placement], calibration: Calibration,
        method: str, scales: QdqScales,
    ):
        super().__init__(graph, placements, calibration, 8, 8, method, _ANY)
        self.scales = scales

    def tensor(self, name: str) -> QuantizedTensor:
        plain = super().tensor(name)
        if plain.exponent is None:
            return plain
        known = self.scale(name)
        mantissa, exponent = math.frexp(known.scale)
        return QuantizedTensor(
            name, plain.shape, exponent - 1, plain.dtype, 2 * mantissa, known.zero_point
        )

    def quantized(self, node: Node) -> list[QuantizedNode]:
        rule = OPERATORS[node.op].qdq
        assert rule is not None, "placement sends nodes without a rule to the host"
        nodes = rule.quantize(self, node)
        for name in (*node.inputs, *node.outputs):
            if name and not self.graph.tensors[name].constant:
                self.exponents[name] = 0  # a placeholder: tensor() returns the scale
        return nodes

    def scale(self, name: str) -> TensorScale:
        """Return the scale of an activation: the model's, else fixed by calibration."""
        if name not in self.scales.tensors:
            self.scales.tensors[name] = TensorScale(math.ldexp(1.0, self.calibrated(name)))
        return self.scales.tensors[name]

    def output(self, node: Node, accumulator: np.ndarray) -> TensorScale:
        """Return the scale of a node's output, coarser than its accumulators."""
        name, largest = node.outputs[0], float(accumulator.max())
        if name not in self.scales.tensors:
            smallest = math.ldexp(1.0, math.frexp(largest)[1])
            wanted = math.ldexp(1.0, self.calibrated(name))
            self.scales.tensors[name] = TensorScale(max(smallest, wanted))
        scale = self.scales.tensors[name]
        if largest >= scale.scale:
            self.problems.append(
                f"{node.op} {node.name!r}: its output's scale {scale.scale:g} is finer than its "
                f"products' {largest:g}, which no requantization reaches: quantize it again"
            )
        return scale

    def output_like(self, node: Node, scale: TensorScale) -> TensorScale:
        """Return the scale of a node's output: the model's, else the proposed one."""
        return self.scales.tensors.setdefault(node.outputs[0], scale)

    def requant_to(
        self, node: Node, accumulator: np.ndarray, bias: np.ndarray, out: TensorScale
    ) -> Requant:
        """Return the requantization of accumulators to a known scale."""
        clip = None
        if "clip" in node.attrs:
            clip = self.bounds(node.attrs["clip"], out)
        ratio = np.clip(accumulator / out.scale, 2.0**-32, math.nextafter(1.0, 0.0))
        multiplier, shift = split_ratio(ratio)
        return Requant(
            wrap(bias.astype(np.int64)).astype(np.int32), shift, multiplier,
            bool(node.attrs.get("relu")), out.zero_point, clip,
        )

    def bounds(self, reals: Sequence[float], scale: TensorScale) -> tuple[int, int]:
        """Return bounds of real values as integers; infinite ones are the width's."""
        low, high = to_integers(np.array(reals), scale.scale, self.inp_width, scale.zero_point)
        return int(low), int(high)

    def qdq_weights(self, node: Node) -> tuple[np.ndarray, np.ndarray, Requant]:
        """Quantize the weights of a layer; return them, their scales and the requantization."""
        weight, bias = self.constants(node)
        source = self.scale(node.inputs[0])
        scale, integers = self.scales.weights.get(node.name), None
        if scale is not None:
            rows = weight / scale.reshape((-1,) + (1,) * (weight.ndim - 1))
            integers = round_half_up(rows)
            if np.abs(rows - integers).max(initial=0) > 1e-3:
                integers = None  # folded: they are no longer the model's integers
        if scale is None or integers is None:
            exponent = math.frexp(source.scale)[1]
            weights = quantize_weights(
                weight, bias, exponent, self.calibrated(node.outputs[0]), _ANY, self.inp_width,
                self.wgt_width, choose_scales(weight, self.wgt_width, "error", _ANY),
            )
            scale, integers = weights.scale, weights.integers
        low, high = limits(self.wgt_width)
        if integers.min(initial=0) < low or integers.max(initial=0) > high:
            self.problems.append(
                f"{node.op} {node.name!r}: its weights less their zero point leave {low}..{high}: "
                "quantize weights symmetrically"
            )
            integers = np.clip(integers, low, high)
        sums = integers.reshape(len(integers), -1)
        offset = round_half_up(bias / (scale * source.scale))
        if (np.abs(sums).sum(1) * 255 + np.abs(offset)).max(initial=0) >= 1 << 31:
            self.problems.append(f"{node.op} {node.name!r}: its sums do not fit 32 bits")
            offset = np.zeros_like(offset)
        accumulator = scale * source.scale
        rule = self.requant_to(
            node, accumulator, offset - source.zero_point * sums.sum(1),
            self.output(node, accumulator),
        )
        return integers.astype(np.int8), scale, rule

    def alike(self, node: Node) -> tuple[list[QuantizedNode], tuple[str, ...], TensorScale]:
        """Insert nodes that convert inputs of other scales to the scale of the output.

        If the model has none, the output gets the scale of its coarsest input.
        """
        inputs = [name for name in node.inputs if name and not self.graph.tensors[name].constant]
        coarsest = max((self.scale(name) for name in inputs), key=lambda known: known.scale)
        target = self.output_like(node, coarsest)
        ahead, names = list[QuantizedNode](), list[str]()
        for index, name in enumerate(inputs):
            if self.scale(name) != target:
                change = Node("Rescale", f"{node.name}.rescale{index}", (name,), (
                    f"{node.outputs[0]}.rescaled{index}",))
                name, before = change.outputs[0], self.graph.tensors[name]
                self.graph.tensors[name] = Tensor(name, before.shape, before.dtype)
                self.scales.tensors[name], self.exponents[name] = target, 0
                ahead.append(scaled_add(self, change))
            names.append(name)
        return ahead, tuple(names), target

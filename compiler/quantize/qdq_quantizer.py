"""Quantize by the scales that a model brings; what has none is calibrated.

Zero points are exact: the sum over (x - z) * w is the sum over x * w less z times the sum of the
weights, which goes into the bias, with z outside the input where zeros would be.  An output's zero
point is added by RQT.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from math import prod

import numpy as np

from ..frontend.onnx.qdq import Given, TensorScale
from ..ir.fixed_point import (
    Requant,
    limits,
    round_half_up,
    shared_factors,
    split_ratio,
    to_integers,
    wrap,
)
from ..ir.graph import Graph, Node, Tensor
from ..ir.quantized_graph import QuantizedNode, QuantizedTensor
from ..partition.partition import Placement
from ..partition.qdq_constraints import PASSED
from .calibrate import Calibration
from .quantizer import Quantizer
from .weight_scales import Scheme, choose_scales, quantize_weights

__all__ = ["GivenQuantizer"]

_GAIN = (1 << 14) - 1  # the greatest factor of a sum
_ANY = Scheme(per_channel=True, multipliers=True)


class GivenQuantizer(Quantizer):
    """The quantizer of a model with scales of its own; needs RQT and 8-bit operands."""

    def __init__(
        self, graph: Graph, placements: dict[str, Placement], calibration: Calibration,
        method: str, given: Given,
    ):
        super().__init__(graph, placements, calibration, 8, 8, method, _ANY)
        self.given = given

    def tensor(self, name: str) -> QuantizedTensor:
        plain = super().tensor(name)
        if plain.exponent is None:
            return plain
        known = self.scale(name)
        mantissa, exponent = math.frexp(known.scale)
        return QuantizedTensor(
            name, plain.shape, exponent - 1, plain.dtype, 2 * mantissa, known.zero_point
        )

    def made(self, node: Node) -> list[QuantizedNode]:
        rules: dict[str, Callable[[Node], list[QuantizedNode]]] = {
            "Conv": self.layer, "Gemm": self.layer, "Add": self.added, "Relu": self.relu,
            "GlobalAveragePool": self.mean, "AveragePool": self.mean, "Concat": self.joined,
            **dict.fromkeys(PASSED, self.passed),
        }
        made = rules[node.op](node)
        for name in (*node.inputs, *node.outputs):
            if name and not self.graph.tensors[name].constant:
                self.exponents[name] = 0  # it has one; which, tensor() says
        return made

    def scale(self, name: str) -> TensorScale:
        """Return the scale of an activation: given, or fixed on first sight by calibration."""
        if name not in self.given.tensors:
            self.given.tensors[name] = TensorScale(math.ldexp(1.0, self.calibrated(name)))
        return self.given.tensors[name]

    def output(self, node: Node, accumulator: np.ndarray) -> TensorScale:
        """Return the scale of a node's output, coarser than its accumulators."""
        name, greatest = node.outputs[0], float(accumulator.max())
        if name not in self.given.tensors:
            least = math.ldexp(1.0, math.frexp(greatest)[1])
            wanted = math.ldexp(1.0, self.calibrated(name))
            self.given.tensors[name] = TensorScale(max(least, wanted))
        scale = self.given.tensors[name]
        if greatest >= scale.scale:
            self.problems.append(
                f"{node.op} {node.name!r}: its output's scale {scale.scale:g} is finer than its "
                f"products' {greatest:g}, which no requantization reaches: quantize it again"
            )
        return scale

    def requant(self, node: Node, accumulator: np.ndarray, bias: np.ndarray) -> Requant:
        """Return how accumulators of given scales become a node's output."""
        return self.rule(node, accumulator, bias, self.output(node, accumulator))

    def rule(
        self, node: Node, accumulator: np.ndarray, bias: np.ndarray, out: TensorScale
    ) -> Requant:
        """Return how accumulators become integers of a known scale."""
        clip = None
        if "clip" in node.attrs:
            clip = self.bounds(node.attrs["clip"], out)
        ratio = np.clip(accumulator / out.scale, 2.0**-32, math.nextafter(1.0, 0.0))
        multiplier, shift = split_ratio(ratio)
        return Requant(
            wrap(bias.astype(np.int64)).astype(np.int32), shift, multiplier,
            bool(node.attrs.get("relu")), out.zero_point, clip,
        )

    def bounds(self, reals: tuple[float, float], scale: TensorScale) -> tuple[int, int]:
        """Return bounds of real values as integers; infinite ones are the width's."""
        low, high = to_integers(np.array(reals), scale.scale, self.inp_width, scale.zero_point)
        return int(low), int(high)

    def layer(self, node: Node) -> list[QuantizedNode]:
        weight, bias = self.constants(node)
        source = self.scale(node.inputs[0])
        scale, integers = self.given.weights.get(node.name), None
        if scale is not None:
            rows = weight / scale.reshape((-1,) + (1,) * (weight.ndim - 1))
            integers = round_half_up(rows)
            if np.abs(rows - integers).max(initial=0) > 1e-3:
                integers = None  # folded since: they are not the model's integers any more
        if scale is None or integers is None:
            exponent = math.frexp(source.scale)[1]
            made = quantize_weights(
                weight, bias, exponent, self.calibrated(node.outputs[0]), _ANY, self.inp_width,
                self.wgt_width, choose_scales(weight, self.wgt_width, "error", _ANY),
            )
            scale, integers = made.scale, made.integers
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
        rule = self.requant(
            node, scale * source.scale, offset - source.zero_point * sums.sum(1)
        )
        padded = node.op == "Conv" and any(node.attrs["pads"])
        return [QuantizedNode(
            node.op, node.name, node.inputs[:1], node.outputs, node.attrs,
            integers.astype(np.int8), scale, rule, padding=source.zero_point if padded else 0,
        )]

    def added(self, node: Node) -> list[QuantizedNode]:
        return [self.scaled(node)]

    def scaled(self, node: Node) -> QuantizedNode:
        """Return a sum of a node's inputs, with any scales and zero points."""
        scales = [self.scale(name) for name in node.inputs]
        reals = np.array([scale.scale for scale in scales])
        out = self.output(node, reals.max(keepdims=True) / _GAIN)
        factors, ratio = shared_factors(reals / out.scale, _GAIN)
        gains = [int(factor) for factor in factors]
        offset = -sum(
            gain * scale.zero_point for gain, scale in zip(gains, scales, strict=True)
        )
        channels = self.graph.tensors[node.inputs[0]].shape[1]
        rule = self.rule(
            node, np.full(channels, ratio * out.scale), np.full(channels, offset, np.int64), out)
        return QuantizedNode(
            "ScaledAdd", node.name, node.inputs, node.outputs[:1], {"gains": tuple(gains)},
            requant=rule,
        )

    def relu(self, node: Node) -> list[QuantizedNode]:
        source = self.scale(node.inputs[0])
        if self.given.tensors.setdefault(node.outputs[0], source) == source == TensorScale(
            source.scale
        ):
            return [QuantizedNode("Relu", node.name, node.inputs, node.outputs, node.attrs)]
        return [self.scaled(replace(node, attrs={"relu": 1}))]

    def mean(self, node: Node) -> list[QuantizedNode]:
        source, shape = self.scale(node.inputs[0]), self.graph.tensors[node.inputs[0]].shape
        whole = node.op == "GlobalAveragePool"
        pixels = prod(shape[2:] if whole else node.attrs["kernel"])
        out = self.graph.tensors[node.outputs[0]].shape
        attrs = {"factor": 1, "rank": len(out)} if whole else {
            **node.attrs, "factors": np.ones(out[2:], np.int64)
        }
        bias = np.full(shape[1], -source.zero_point * pixels, np.int64)
        rule = self.requant(node, np.full(shape[1], source.scale / pixels), bias)
        return [QuantizedNode(
            node.op, node.name, node.inputs, node.outputs, attrs, requant=rule
        )]

    def passed(self, node: Node) -> list[QuantizedNode]:
        """Quantize what computes nothing: input and output have one scale."""
        ahead, (name,), scale = self.alike(node)
        attrs = dict(node.attrs)
        if node.op == "Clip":
            attrs["low"], attrs["high"] = self.bounds((attrs["low"], attrs["high"]), scale)
        elif node.op == "Pad":
            attrs["fill"] = self.bounds((attrs["fill"], attrs["fill"]), scale)[0]
        elif node.op == "View":
            attrs["shape"] = self.graph.tensors[node.outputs[0]].shape[1:]
        return [*ahead, QuantizedNode(node.op, node.name, (name,), node.outputs, attrs)]

    def joined(self, node: Node) -> list[QuantizedNode]:
        """Quantize a Concat."""
        ahead, names, _ = self.alike(node)
        return [*ahead, QuantizedNode(
            node.op, node.name, names, node.outputs, node.attrs, shifts=(0,) * len(names)
        )]

    def alike(self, node: Node) -> tuple[list[QuantizedNode], tuple[str, ...], TensorScale]:
        """Change inputs to the scale of the output, by nodes of their own, where theirs is another.

        Without one given the output gets that of its coarsest input.
        """
        inputs = [name for name in node.inputs if name and not self.graph.tensors[name].constant]
        coarsest = max((self.scale(name) for name in inputs), key=lambda known: known.scale)
        target = self.given.tensors.setdefault(node.outputs[0], coarsest)
        ahead, names = list[QuantizedNode](), list[str]()
        for index, name in enumerate(inputs):
            if self.scale(name) != target:
                change = Node("Rescale", f"{node.name}.rescale{index}", (name,), (
                    f"{node.outputs[0]}.rescaled{index}",))
                name, before = change.outputs[0], self.graph.tensors[name]
                self.graph.tensors[name] = Tensor(name, before.shape, before.dtype)
                self.given.tensors[name], self.exponents[name] = target, 0
                ahead.append(self.scaled(change))
            names.append(name)
        return ahead, tuple(names), target

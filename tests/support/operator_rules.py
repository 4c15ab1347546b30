"""The rules of one operator on the last node of a graph: constraints, and both quantizations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from myvta.compiler.ir.graph import Graph
from myvta.compiler.ir.layouts import ChannelLayout, channels_first_layout
from myvta.compiler.ir.qdq_scales import QdqScales, TensorScale
from myvta.compiler.ir.quantized_graph import QuantizedNode
from myvta.compiler.operators.operator import Context
from myvta.compiler.operators.registry import OPERATORS
from myvta.compiler.quantize.calibrate import Calibration
from myvta.compiler.quantize.qdq_quantizer import QdqQuantizer
from myvta.compiler.quantize.quantizer import Quantizer
from myvta.compiler.quantize.weight_scales import PER_TENSOR, Scheme
from myvta.compiler.reference.reference_evaluator import evaluate_node
from myvta.isa.config import named

__all__ = [
    "QdqResult", "calibrated", "exponent_of", "host_reason", "qdq_reason", "quantize_node",
    "quantize_qdq",
]


def calibrated(exponents: Mapping[str, int], width: int = 8) -> Calibration:
    """Return a calibration whose peaks need exactly the given exponents, by method minmax."""
    high = (1 << (width - 1)) - 1
    return Calibration(
        {name: np.array([high * 2.0**exponent]) for name, exponent in exponents.items()},
        {name: np.zeros((1, 1, 1)) for name in exponents}, 1)


def host_reason(
    graph: Graph, config: str = "default",
    layouts: Mapping[str, tuple[int, int, int]] | None = None,
) -> str:
    """Return the host's reason of the last node; ``layouts`` replace those of the shapes."""
    node, known = graph.nodes[-1], dict[str, ChannelLayout]()
    for name, tensor in graph.tensors.items():
        layout = channels_first_layout(tensor.shape)
        if layout is not None:
            known[name] = layout
    known |= {name: ChannelLayout(*layout) for name, layout in (layouts or {}).items()}
    context = Context(graph, named(config), known)
    return OPERATORS[node.op].unsupported_reason(node, context)


def qdq_reason(graph: Graph) -> str:
    """Return the host's reason of the last node in a pre-quantized model."""
    return OPERATORS[graph.nodes[-1].op].qdq_reason(graph.nodes[-1], graph)


def quantize_node(
    graph: Graph, exponents: Mapping[str, int], width: int = 8, scheme: Scheme = PER_TENSOR
) -> tuple[QuantizedNode, int]:
    """Quantize the last node; return it and the exponent of its output."""
    work = Quantizer(graph, {}, calibrated(exponents, width), width, width, "minmax", scheme)
    (node,) = work.quantize(graph.nodes[-1])
    assert work.problems == []
    return node, exponent_of(work.scale(node.outputs[0]).scale)


def exponent_of(scale: float) -> int:
    """Return the exponent of a power of two."""
    mantissa, exponent = math.frexp(scale)
    assert mantissa == 0.5, f"{scale} is no power of two"
    return exponent - 1


@dataclass(frozen=True)
class QdqResult:
    """Nodes quantized by a model's scales, and the scales of all activations."""

    nodes: list[QuantizedNode]
    scales: dict[str, TensorScale]
    problems: list[str]

    def reals(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the real values of the last output for real inputs on the grid of their scales."""
        known = {}
        for name, value in values.items():
            scale = self.scales[name]
            known[name] = np.round(value / scale.scale).astype(np.int64) + scale.zero_point
        for node in self.nodes:
            operands = [known[name] for name in node.inputs]
            known[node.outputs[0]] = evaluate_node(node, operands, 8)
        out = self.nodes[-1].outputs[0]
        return np.asarray((known[out] - self.scales[out].zero_point) * self.scales[out].scale)


def quantize_qdq(
    graph: Graph, scales: Mapping[str, TensorScale], exponents: Mapping[str, int] | None = None,
    weights: Mapping[str, Sequence[float]] | None = None,
) -> QdqResult:
    """Quantize the last node by the scales of a model; activations without one are calibrated."""
    known = QdqScales(tensors=dict(scales), weights={
        name: np.array(value) for name, value in (weights or {}).items()})
    work = QdqQuantizer(graph, {}, calibrated(exponents or {}), "minmax", known)
    return QdqResult(work.quantize(graph.nodes[-1]), work.scales, work.problems)

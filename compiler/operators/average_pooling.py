"""AveragePool: sums of windows, times a factor that replaces the division, requantized."""

from __future__ import annotations

from math import prod

import numpy as np

from ...driver.stream.stream import StreamBuilder
from ...isa.opcodes import AluOpcode
from ..codegen.tile_ops import multiply_steps
from ..ir.attributes import AveragePoolAttributes, SlidingWindow
from ..ir.graph import Graph, Node
from ..ir.pooling_window import taps_of
from ..ir.quantized_graph import QuantizedNode
from ..lower.average_pool import average_pool_layer
from ..lower.conv.epilogue_ops import Field, scale
from ..lower.conv.epilogue_rule import (
    EpiloguePlaces,
    EpilogueRule,
    WindowRule,
    reaches_outside,
    sliding_windows,
)
from ..schedule.conv_problem import EpilogueSpec, requantize_steps
from .constraints import MEAN_PIXELS, window_reason
from .operator import Context, DocsRow, Operator, ZeroPointUse
from .quantization_rules import Names, QuantizerContext, mean_of

__all__ = ["AVERAGE_POOL"]


def _unsupported_reason(node: Node, context: Context) -> str:
    problem = window_reason(node, context)
    if not problem and prod(node.attrs["kernel"]) > MEAN_PIXELS:
        problem = f"the mean of {prod(node.attrs['kernel'])} pixels is more than {MEAN_PIXELS}"
    return problem


def _quantize(
    q: QuantizerContext, node: Node, names: Names
) -> QuantizedNode[AveragePoolAttributes]:
    size = q.graph.tensors[names[0]].shape[2:]
    out = q.graph.tensors[node.outputs[0]].shape[2:]
    rows, columns = (_counts(node, axis, size[axis], out[axis]) for axis in range(2))
    factors, rule = mean_of(q, node, np.outer(rows, columns))
    return QuantizedNode(
        node.op, node.name, names, node.outputs,
        AveragePoolAttributes(SlidingWindow.of(node.attrs), factors), rule)


def _counts(node: Node, axis: int, size: int, outputs: int) -> np.ndarray:
    """Return the number of values that each window along an axis counts."""
    taps = taps_of(node.attrs, axis, outputs)
    before, after = node.attrs["counted"][axis], node.attrs["counted"][axis + 2]
    return np.asarray(((taps >= -before) & (taps < size + after)).sum(1))


def _qdq_reason(node: Node, graph: Graph) -> str:
    size = graph.tensors[node.inputs[0]].shape[2:]
    out = graph.tensors[node.outputs[0]].shape[2:]
    reach = [
        (out[axis] - 1) * node.attrs["strides"][axis] + node.attrs["kernel"][axis]
        for axis in range(2)
    ]
    if any(node.attrs["pads"]) or reach[0] > size[0] or reach[1] > size[1]:
        return "windows that reach into padding in a pre-quantized (QDQ) model"
    return ""


def _zero_point_use(node: Node, graph: Graph) -> ZeroPointUse:
    """Windows in the padding would need its value."""
    return ZeroPointUse.REFUSED if _qdq_reason(node, graph) else ZeroPointUse.REMOVED


def _windows(
    node: QuantizedNode[AveragePoolAttributes], stored: tuple[int, int], out: tuple[int, int]
) -> EpilogueSpec | None:
    """Return windows that are all inside, and have one factor."""
    spec, factors = sliding_windows(node.attrs.window, stored), node.attrs.factors
    if spec is None or reaches_outside(spec, out) or (factors != factors.flat[0]).any():
        return None
    return spec


def _factor(node: QuantizedNode[AveragePoolAttributes]) -> int:
    return int(node.attrs.factors.flat[0])


def _epilogue(
    builder: StreamBuilder, node: QuantizedNode[AveragePoolAttributes], places: EpiloguePlaces,
    field: Field,
) -> None:
    scale(builder, _factor(node), node.rule, field, places.scratch, places.table)


AVERAGE_POOL = Operator(
    name="AveragePool",
    attributes=AveragePoolAttributes,
    form="one input; attrs kernel, strides, pads, dilations (1, 1), counted (top, left, "
    "bottom, right: padding that counts as values)",
    reason="GEMM with the identity over taps, ALU MUL, requantized",
    docs=DocsRow(
        "padding that counts or does not, strides, `ceil_mode`", "`out(sum * f[pixel], s)`",
        "taps + 2"),
    layer=average_pool_layer,
    epilogue=EpilogueRule(
        lambda node, config: requantize_steps(config) + multiply_steps(_factor(node), config),
        _epilogue, scratch_tiles=lambda node, config: int(
            not config.extended and _factor(node) != 1),
        windows=WindowRule(AluOpcode.ADD, _windows)),
    quantize=_quantize,
    zero_point_use=_zero_point_use,
    unsupported_reason=_unsupported_reason,
    qdq_reason=_qdq_reason,
    homogeneous=lambda node: "kernel" in node.attrs,
)

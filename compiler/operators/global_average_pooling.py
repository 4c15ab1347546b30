"""GlobalAveragePool: the sum of all pixels, times a factor that replaces the division."""

from __future__ import annotations

from math import prod

import numpy as np

from ...driver.stream.stream import StreamBuilder
from ...isa.opcodes import AluOpcode
from ..codegen.tile_ops import multiply_steps
from ..ir.attributes import GlobalAverageAttributes
from ..ir.graph import Node
from ..ir.quantized_graph import QuantizedNode
from ..lower.conv.epilogue_ops import Field, scale
from ..lower.conv.epilogue_rule import EpiloguePlaces, EpilogueRule, WindowRule
from ..lower.global_average_pool import global_average_layer
from ..schedule.conv_problem import EpilogueSpec, requantize_steps
from .constraints import MEAN_PIXELS, layout_reason
from .operator import Context, DocsRow, Operator, any_qdq, removed_zero_point
from .quantization_rules import Names, QuantizerContext, mean_of

__all__ = ["GLOBAL_AVERAGE_POOL"]


def _unsupported_reason(node: Node, context: Context) -> str:
    pixels = prod(context.graph.tensors[node.inputs[0]].shape[2:])
    if pixels > MEAN_PIXELS:
        return f"the mean of {pixels} pixels is more than {MEAN_PIXELS}"
    return layout_reason(node, context)


def _quantize(
    q: QuantizerContext, node: Node, names: Names
) -> QuantizedNode[GlobalAverageAttributes]:
    shape = q.graph.tensors[names[0]].shape
    factors, rule = mean_of(q, node, np.array(prod(shape[2:])))
    rank = len(q.graph.tensors[node.outputs[0]].shape)
    return QuantizedNode(
        node.op, node.name, names, node.outputs, GlobalAverageAttributes(int(factors), rank), rule)


def _epilogue(
    builder: StreamBuilder, node: QuantizedNode[GlobalAverageAttributes], places: EpiloguePlaces,
    field: Field,
) -> None:
    scale(builder, node.attrs.factor, node.rule, field, places.scratch, places.table)


GLOBAL_AVERAGE_POOL = Operator(
    name="GlobalAveragePool",
    attributes=GlobalAverageAttributes,
    form="one input [N, C, ...]",
    reason="GEMM with the identity over all pixels, requantized",
    docs=DocsRow("also ReduceMean over all pixels", "`out(sum * f, s)`", "pixels + 2"),
    layer=global_average_layer,
    epilogue=EpilogueRule(
        lambda node, config: requantize_steps(config) + multiply_steps(node.attrs.factor, config),
        _epilogue, scratch_tiles=lambda node, config: int(
            not config.extended and node.attrs.factor != 1),
        windows=WindowRule(AluOpcode.ADD, lambda node, stored, out: EpilogueSpec((1, 1), out))),
    quantize=_quantize,
    zero_point_use=removed_zero_point,
    unsupported_reason=_unsupported_reason,
    qdq_reason=any_qdq,
    homogeneous=lambda node: True,
)

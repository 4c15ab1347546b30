"""Add: two operands of different scales, aligned by shifts; one may be a constant."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...driver.program.tensor_layout import tile_tensor
from ...isa.config import Config
from ...isa.opcodes import MemoryType
from ..codegen.lowering_context import Activation
from ..ir.attributes import AddAttributes
from ..ir.fixed_point import to_integers
from ..ir.graph import Graph, Node
from ..ir.quantized_graph import QuantizedNode
from ..lower.block_gemm import BlockGemm, Term, scaled_identity
from ..lower.pointwise import block_gemm_layer
from ..lower.tiled_layer import TiledLayer
from .constraints import layout_reason
from .operator import Context, DocsRow, Operator, removed_zero_point
from .quantization_rules import Names, QuantizerContext, operand_gains
from .scaled_add import scaled_add

__all__ = ["ADD"]


def _unsupported_reason(node: Node, context: Context) -> str:
    tensors = context.graph.tensors
    shapes = [tensors[name].shape for name in node.inputs]
    if len(shapes) != 2 or shapes[0][1:] != shapes[1][1:]:
        return "broadcasts its inputs"
    if any(tensors[name].constant for name in node.inputs):
        if node.source is not None:
            return "adds a constant that differs from image to image"
        return layout_reason(node, context)
    if len({context.layouts[name] for name in node.inputs}) > 1:
        return "one input was flattened, the other was not"
    return ""


def _quantize(q: QuantizerContext, node: Node, names: Names) -> QuantizedNode:
    if q.pre_quantized:  # gains of more bits
        return scaled_add(q, node)
    operands = [q.scale(name) for name in names]
    scales, constant = [operand.scale for operand in operands], None
    if len(names) < len(node.inputs):
        value = np.asarray(q.graph.value(node.inputs[1]), np.float64)
        scales.append(max(q.constant_scale(value), np.ldexp(scales[0], -q.inp_width)))
        constant = to_integers(value, scales[1], q.inp_width).astype(np.int8)
    gains, unit = operand_gains(q, scales, q.wanted(node).scale)
    offset = -sum(gain * x.zero_point for gain, x in zip(gains, operands, strict=False))
    rule = q.requantize(node, unit, offset)
    return QuantizedNode(
        node.op, node.name, names, node.outputs, AddAttributes(gains, constant), rule)


def _qdq_reason(node: Node, graph: Graph) -> str:
    first, second = (graph.tensors[name] for name in node.inputs)
    if first.shape != second.shape or first.constant or second.constant:
        return (
            "adds operands other than two activations of one shape in a pre-quantized (QDQ) model")
    return ""


def _layer(
    node: QuantizedNode[AddAttributes], activations: Mapping[str, Activation], config: Config
) -> TiledLayer:
    gains, constant = node.attrs.gains, None
    if node.attrs.constant is not None:
        values = node.attrs.constant.reshape(1, *activations[node.inputs[0]].layout)
        constant = tile_tensor(values.repeat(config.batch, 0), MemoryType.INP, config)
    order = sorted(range(len(gains)), key=lambda index: -gains[index])
    tiles = [(index, *scaled_identity(config, gains[index])) for index in order if gains[index]]
    blocks = [
        [Term(index, block, tile, shift) for index, tile, shift in tiles]
        for block in range(activations[node.outputs[0]].blocks)
    ]
    return block_gemm_layer(node, activations, config, BlockGemm(blocks, node.rule), constant)


ADD = Operator(
    name="Add",
    attributes=AddAttributes,
    form="two inputs of one shape, one may be a constant [1, ...]; attr relu",
    reason="GEMM with scaled identities, requantized",
    docs=DocsRow(
        "Add, Sum; also of a constant of any shape without images",
        "`out(g * x + h * y, s)`: g and h of the weights' width, or powers of two up to 2^20 "
        "where scales are; an operand 2^20 finer than the other counts as zero", "3"),
    layer=_layer,
    quantize=_quantize,
    zero_point_use=removed_zero_point,
    unsupported_reason=_unsupported_reason,
    qdq_reason=_qdq_reason,
    fallback_reasons={"Sub": "subtracts values that are not constants"},
)

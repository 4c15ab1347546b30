"""Add: two operands of different scales, aligned by shifts; one may be a constant."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...driver.program.tensor_layout import tile_tensor
from ...isa.config import Config
from ...isa.opcodes import MemoryType
from ..codegen.lowering_context import Activation
from ..ir.attributes import DROPPED, AddAttributes
from ..ir.fixed_point import quantize
from ..ir.graph import Graph, Node
from ..ir.quantized_graph import QuantizedNode
from ..lower.block_gemm import BlockGemm, identity_terms
from ..lower.pointwise import block_gemm_layer
from ..lower.tiled_layer import TiledLayer
from .constraints import layout_reason
from .operator import Context, DocsRow, Operator, QdqRule
from .quantization_rules import Names, QuantizerContext, aligned, channels_of, uniform_requant
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


def _quantize(q: QuantizerContext, node: Node, names: Names) -> QuantizedNode[AddAttributes]:
    exponents = [q.exponents[name] for name in names]
    constant = None
    if len(names) < len(node.inputs):
        value = np.asarray(q.graph.value(node.inputs[1]), np.float64)
        exponents.append(max(q.fitting(value), exponents[0] - q.inp_width))
        constant = quantize(value, exponents[1], q.inp_width).astype(np.int8)
    finest, shifts = aligned(exponents)
    rule = uniform_requant(node, channels_of(q, node), q.shift_to(node.outputs[0], finest))
    return QuantizedNode(
        node.op, node.name, names, node.outputs, AddAttributes(shifts, constant), rule)


def _qdq_unsupported_reason(node: Node, graph: Graph) -> str:
    first, second = (graph.tensors[name] for name in node.inputs)
    if first.shape != second.shape or first.constant or second.constant:
        return (
            "adds operands other than two activations of one shape in a pre-quantized (QDQ) model")
    return ""


def _layer(
    node: QuantizedNode[AddAttributes], activations: Mapping[str, Activation], config: Config
) -> TiledLayer:
    shifts, constant = node.attrs.shifts, None
    if node.attrs.constant is not None:
        values = node.attrs.constant.reshape(1, *activations[node.inputs[0]].layout)
        constant = tile_tensor(values.repeat(config.batch, 0), MemoryType.INP, config)
    order = sorted(range(len(shifts)), key=lambda index: -shifts[index])
    kept = [(index, shifts[index], 0) for index in order if shifts[index] != DROPPED]
    terms = identity_terms(config, activations[node.outputs[0]].blocks, kept)
    return block_gemm_layer(node, activations, config, BlockGemm(terms, node.rule), constant)


ADD = Operator(
    name="Add",
    attributes=AddAttributes,
    form="two inputs of one shape, one may be a constant [1, ...]; attr relu",
    reason="GEMM with scaled identities, requantized",
    docs=DocsRow(
        "Add, Sum; also of a constant of any shape without images",
        "`out((x << i) + (y << j), s)`: the finer of the two exponents; one 2^20 finer than the "
        "other counts as zero", "3"),
    layer=_layer,
    quantize=_quantize,
    unsupported_reason=_unsupported_reason,
    qdq=QdqRule(lambda q, node: [scaled_add(q, node)], _qdq_unsupported_reason),
    fallback_reasons={"Sub": "subtracts values that are not constants"},
)

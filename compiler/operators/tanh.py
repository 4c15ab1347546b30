"""Tanh as a sum of clipped lines (:mod:`~..ir.piecewise_linear`)."""

from __future__ import annotations

from collections.abc import Mapping

from ...driver.stream.stream import StreamBuilder
from ...isa.config import Config
from ...isa.opcodes import AluOpcode
from ..codegen.loop_nest import Loop, nest
from ..codegen.lowering_context import Activation
from ..codegen.tile_ops import every_tile
from ..ir.graph import Node
from ..ir.piecewise_linear import PIECES, ClippedLines, tanh_lines
from ..ir.qdq_scales import TensorScale
from ..ir.quantized_graph import QuantizedNode
from ..lower.block_gemm import BlockGemm, identity_terms
from ..lower.pointwise import block_gemm_layer
from ..lower.tiled_layer import TiledLayer
from .operator import DocsRow, Operator
from .quantization_rules import Names, QuantizerContext

__all__ = ["TANH"]


def _quantize(q: QuantizerContext, node: Node, names: Names) -> QuantizedNode[ClippedLines]:
    lines = tanh_lines(q.scale(names[0]).scale)
    q.propose(node, TensorScale(2.0 ** (1 - q.inp_width)))  # -1 .. 1, whatever calibration gives
    return QuantizedNode(
        node.op, node.name, names, node.outputs, lines, q.requantize(node, lines.unit))


def _layer(
    node: QuantizedNode[ClippedLines], activations: Mapping[str, Activation], config: Config
) -> TiledLayer:
    """Sum clipped lines: each line clips the result of the previous one further."""
    lines = node.attrs

    def post_op(builder: StreamBuilder, base: int, count: int, distance: int) -> None:
        for index, bound in enumerate(lines.bounds):
            at, tiles = (base + distance, count) if index else (base, distance + count)
            every_tile(builder, AluOpcode.MIN, bound, at, tiles)
            every_tile(builder, AluOpcode.MAX, -bound, at, tiles)
            if index:
                nest((base, base + distance, 0), [Loop(count, 1, 1)]).alu(builder, AluOpcode.ADD)

    blocks = activations[node.inputs[0]].blocks
    terms = identity_terms(config, blocks, [(0, lines.fine, 0), (0, lines.fine, 1)])
    block_gemm = BlockGemm(terms, node.rule, post_op, accumulators=2)
    return block_gemm_layer(node, activations, config, block_gemm)


TANH = Operator(
    name="Tanh",
    attributes=ClippedLines,
    form="one input",
    reason=f"GEMM with the identity, ALU MIN, MAX and ADD of {PIECES} lines, requantized",
    docs=DocsRow(
        "any shape",
        f"`out(sum over {PIECES} bounds of clip(x << k, -b, b), s)`; "
        "the output exponent is 1 - width", "50"),
    layer=_layer,
    quantize=_quantize,
)

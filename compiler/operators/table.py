"""Table: any elementwise function of one tensor, by the lookup table behind RQT."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...driver.stream.stream import StreamBuilder
from ...isa.config import Config
from ..canonicalize.form_tables import FUNCTIONS
from ..codegen.lowering_context import Activation
from ..codegen.tile_ops import requantize_tiles
from ..frontend.front_ends import run_elementwise
from ..ir.attributes import TableAttributes
from ..ir.elementwise_function import ElementwiseFunction
from ..ir.fixed_point import Requant, to_reals
from ..ir.graph import Node
from ..ir.lookup_table import rounded_entries, table_integers
from ..ir.qdq_scales import TensorScale
from ..ir.quantized_graph import QuantizedNode
from ..lower.block_gemm import BlockGemm, identity_terms
from ..lower.conv.epilogue_ops import Field
from ..lower.conv.epilogue_rule import EpiloguePlaces, EpilogueRule
from ..lower.pointwise import block_gemm_layer
from ..lower.tiled_layer import TiledLayer
from .operator import DocsRow, Operator, any_qdq, removed_zero_point
from .quantization_rules import Names, QuantizerContext

__all__ = ["TABLE", "function_table"]

_WITHOUT_TABLE = ("HardSigmoid", "HardSwish", "LeakyRelu", "Tanh")
"""Functions that are operators of their own where there is no table."""


def function_table(
    function: ElementwiseFunction, source: TensorScale, target: TensorScale, width: int
) -> np.ndarray:
    """Return the entries of a function between two scales, int16 [256].

    Raises
    ------
    ValueError
        The function is undefined for every integer.
    """
    reals = to_reals(table_integers(width), source.scale, source.zero_point)
    return rounded_entries(
        run_elementwise(function, reals), target.scale, target.zero_point, width)


def _quantize(q: QuantizerContext, node: Node, names: Names) -> QuantizedNode[TableAttributes]:
    function: ElementwiseFunction = node.attrs["function"]
    target = q.propose(node, q.wanted(node))
    table = function_table(function, q.scale(names[0]), target, q.inp_width)
    channels = q.graph.tensors[node.outputs[0]].shape[1]
    zeros = np.zeros(channels, np.int32)
    rule = Requant(zeros, zeros).followed_by(table, q.inp_width)
    return QuantizedNode(
        node.op, node.name, names, node.outputs, TableAttributes(str(function)), rule)


def _layer(
    node: QuantizedNode[TableAttributes], activations: Mapping[str, Activation], config: Config
) -> TiledLayer:
    terms = identity_terms(config, activations[node.inputs[0]].blocks, [(0, 0, 0)])
    return block_gemm_layer(node, activations, config, BlockGemm(terms, node.rule))


def _epilogue(
    builder: StreamBuilder, node: QuantizedNode[TableAttributes], places: EpiloguePlaces,
    field: Field,
) -> None:
    rule: Requant = node.rule
    requantize_tiles(
        builder, rule, field.base, field.blocks, field.run, places.table, 0, field.apart)


TABLE = Operator(
    name="Table",
    attributes=TableAttributes,
    form="one input; attr function",
    reason="a lookup table behind RQT",
    docs=DocsRow(
        "with `lookup`: any function of one tensor, of one node or several: Sigmoid, HardSigmoid, "
        "SiLU, HardSwish, Gelu, Mish, Softplus, Elu, Selu, LeakyRelu and PRelu of any slope, Tanh, "
        "Erf, Exp, Log, Sqrt, Reciprocal, Pow, Abs, Sign ...",
        "`T[x & 255]`", "0 in the operator ahead, alone 2"),
    layer=_layer,
    epilogue=EpilogueRule(lambda node, config: 1, _epilogue),
    quantize=_quantize,
    zero_point_use=removed_zero_point,
    qdq_reason=any_qdq,
    fallback_reasons=dict.fromkeys(
        (op for op in FUNCTIONS if op not in _WITHOUT_TABLE),
        "needs a configuration with lookup, and a single float32 tensor besides scalars"),
)

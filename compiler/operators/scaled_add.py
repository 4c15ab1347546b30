"""ScaledAdd: a sum of activations of any scales and zero points, each times an integer factor.

Quantization of a pre-quantized model inserts it: for Add, and where a scale has to change.  A
factor of up to 14 bits does not fit one weight, so it is split into two identities: one for its
upper bits, shifted left, and one for the lower 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...isa.config import Config
from ..codegen.lowering_context import Activation
from ..ir.attributes import Attributes
from ..ir.fixed_point import shared_factors
from ..ir.graph import Node
from ..ir.quantized_graph import QuantizedNode
from ..lower.block_gemm import BlockGemm, Term
from ..lower.pointwise import block_gemm_layer
from ..lower.tiled_layer import TiledLayer
from .operator import DocsRow, Operator
from .quantization_rules import QuantizerContext

__all__ = ["SCALED_ADD", "ScaledAddAttributes", "scaled_add"]

_LOW_BITS = 7  # of a factor, in one weight
_MAX_GAIN = (1 << 2 * _LOW_BITS) - 1  # of a term of a sum


@dataclass(frozen=True)
class ScaledAddAttributes(Attributes):
    """The factor of each operand, 0 .. 2^14 - 1."""

    keeps_layout: ClassVar[bool] = True
    gains: tuple[int, ...]


def scaled_add(q: QuantizerContext, node: Node) -> QuantizedNode[ScaledAddAttributes]:
    """Return the sum of a node's inputs of any scales and zero points."""
    scales = [q.scale(name) for name in node.inputs]
    reals = np.array([scale.scale for scale in scales])
    out = q.wanted(node).scale
    factors, ratio = shared_factors(reals / out, _MAX_GAIN)
    gains = [int(factor) for factor in factors]
    offset = -sum(gain * scale.zero_point for gain, scale in zip(gains, scales, strict=True))
    rule = q.requantize(node, ratio * out, offset)
    return QuantizedNode(
        "ScaledAdd", node.name, node.inputs, node.outputs[:1],
        ScaledAddAttributes(tuple(gains)), rule)


def _layer(
    node: QuantizedNode[ScaledAddAttributes], activations: Mapping[str, Activation], config: Config
) -> TiledLayer:
    """Return the layer of ``requantize(sum of gain * input)``."""
    unit = np.eye(config.block_in, dtype=np.int64)
    gains = node.attrs.gains
    parts = [(index, gain >> _LOW_BITS, _LOW_BITS) for index, gain in enumerate(gains)]
    parts += [(index, gain & (1 << _LOW_BITS) - 1, 0) for index, gain in enumerate(gains)]
    used = [part for part in parts if part[1]]
    blocks = [
        [Term(index, block, unit * factor, shift) for index, factor, shift in used]
        for block in range(activations[node.outputs[0]].blocks)
    ]
    return block_gemm_layer(node, activations, config, BlockGemm(blocks, node.rule))


SCALED_ADD = Operator(
    name="ScaledAdd",
    attributes=ScaledAddAttributes,
    form="inserted by quantization",
    reason="changes the scale",
    docs=DocsRow(
        "Add, Relu and changes of scale in a pre-quantized model",
        "`out(sum of g * x, s)`, g of up to 14 bits", "2 per input + 2"),
    layer=_layer,
)

"""Concat along the channels, scales aligned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...isa.config import Config
from ..codegen.lowering_context import Activation
from ..ir.attributes import Attributes
from ..ir.graph import Node
from ..ir.qdq_scales import TensorScale
from ..ir.quantized_graph import QuantizedNode
from ..lower.block_gemm import BlockGemm
from ..lower.channel_selection import ChannelRange, selection_terms
from ..lower.pointwise import block_gemm_layer
from ..lower.tiled_layer import TiledLayer
from .constraints import layout_reason
from .operator import Context, DocsRow, Operator, any_qdq, removed_zero_point
from .quantization_rules import Names, QuantizerContext, operand_gains

__all__ = ["CONCAT", "ConcatAttributes"]


@dataclass(frozen=True)
class ConcatAttributes(Attributes):
    """The factor of each input: a weight, or a power of two."""

    gains: tuple[int, ...]


def _unsupported_reason(node: Node, context: Context) -> str:
    if node.attrs.get("axis") != 1:
        return f"joins along axis {node.attrs.get('axis')}, not along the channels"
    if any(context.graph.tensors[name].constant for name in node.inputs):
        return "joins a constant"
    return layout_reason(node, context)


def _quantize(q: QuantizerContext, node: Node, names: Names) -> QuantizedNode[ConcatAttributes]:
    scales = [q.scale(name) for name in names]
    if q.pre_quantized or set(scales) == {TensorScale(scales[0].scale)}:
        names, _ = q.same_scale(node)
        return QuantizedNode(
            node.op, node.name, names, node.outputs, ConcatAttributes((1,) * len(names)))
    if q.multipliers:
        return _rescaled(q, node, names, scales)
    gains, unit = operand_gains(q, [scale.scale for scale in scales], q.wanted(node).scale)
    return QuantizedNode(
        node.op, node.name, names, node.outputs, ConcatAttributes(gains),
        q.requantize(node, unit))


def _rescaled(
    q: QuantizerContext, node: Node, names: Names, scales: Sequence[TensorScale]
) -> QuantizedNode[ConcatAttributes]:
    """Requantize the channels of each input to the scale of the coarsest, which is exact.

    Inputs with other zero points than the output need the range of the output.
    """
    wanted, real = q.wanted(node), max(scale.scale for scale in scales)
    if any(scale.zero_point != wanted.zero_point for scale in scales):
        real = max(real, wanted.scale)
    q.propose(node, TensorScale(real, wanted.zero_point))
    gains = tuple(1 if scale.scale < real else 2 for scale in scales)  # a ratio is below 1
    channels = [q.graph.tensors[name].shape[1] for name in names]
    units = [scale.scale / gain for scale, gain in zip(scales, gains, strict=True)]
    offsets = [-scale.zero_point * gain for scale, gain in zip(scales, gains, strict=True)]
    rule = q.requantize(node, np.repeat(units, channels), np.repeat(offsets, channels))
    return QuantizedNode(
        node.op, node.name, names, node.outputs, ConcatAttributes(gains), rule)


def _layer(
    node: QuantizedNode[ConcatAttributes], activations: Mapping[str, Activation], config: Config
) -> TiledLayer:
    ranges, at = [], 0
    for index, (name, gain) in enumerate(zip(node.inputs, node.attrs.gains, strict=True)):
        channels = activations[name].layout.channels
        ranges.append(ChannelRange(index, 0, at, channels, gain))
        at += channels
    terms = selection_terms(config, at, ranges)
    return block_gemm_layer(node, activations, config, BlockGemm(terms, node.requant))


CONCAT = Operator(
    name="Concat",
    attributes=ConcatAttributes,
    form="inputs concatenated along the channels; attr axis 1",
    reason="GEMM with matrices that choose channels, requantized where scales differ",
    docs=DocsRow(
        "along the channels, any numbers of them",
        "x, or `out(g * x, s)` where scales differ, s of each input",
        "blocks that meet + 1"),
    layer=_layer,
    quantize=_quantize,
    zero_point_use=removed_zero_point,
    unsupported_reason=_unsupported_reason,
    qdq_reason=any_qdq,
)

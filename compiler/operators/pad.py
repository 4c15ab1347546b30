"""Pad: a border of one value around an image, or a crop of it; the scale stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...isa.config import Config
from ..codegen.lowering_context import Activation
from ..ir.attributes import Attributes
from ..ir.graph import Graph, Node
from ..ir.quantized_graph import QuantizedNode
from ..lower.pad_resize import pad_layer
from ..lower.tiled_layer import TiledLayer
from .operator import Context, DocsRow, Operator, any_qdq, kept_zero_point
from .quantization_rules import ToIntegers, keep_scale

__all__ = ["PAD", "PadAttributes"]


@dataclass(frozen=True)
class PadAttributes(Attributes):
    """The border around the input, negative to crop, and the integer that fills it.

    ``pads`` are rows and columns (top, left, bottom, right).
    """

    pads: tuple[int, int, int, int]
    fill: int


def _attributes(node: Node, graph: Graph, to_integers: ToIntegers) -> PadAttributes:
    fill, _ = to_integers((node.attrs["fill"], node.attrs["fill"]))
    return PadAttributes(node.attrs["pads"], fill)


def _unsupported_reason(node: Node, context: Context) -> str:
    return "" if "fill" in node.attrs else "does not pad rows and columns with one constant"


def _layer(
    node: QuantizedNode[PadAttributes], activations: Mapping[str, Activation], config: Config
) -> TiledLayer:
    return pad_layer(node, activations, config, node.attrs.pads, node.attrs.fill)


PAD = Operator(
    name="Pad",
    attributes=PadAttributes,
    form="one input; attrs pads (top, left, bottom, right; negative ones crop), fill",
    reason="GEMM with the identity, ALU ADD of the value around it",
    docs=DocsRow(
        "constant Pad, negative too; Slice of rows and columns with step 1",
        "x, or the value in x's scale", "1, 2 where there is a border with a value"),
    layer=_layer,
    quantize=keep_scale(_attributes),
    zero_point_use=kept_zero_point,
    unsupported_reason=_unsupported_reason,
    qdq_reason=any_qdq,
)

"""Resize: every pixel repeated an integer number of times along each axis; the scale stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...isa.config import Config
from ..codegen.lowering_context import Activation
from ..ir.attributes import Attributes
from ..ir.graph import Graph, Node
from ..ir.quantized_graph import QuantizedNode
from ..lower.pad_resize import resize_layer
from ..lower.tiled_layer import TiledLayer
from .operator import Context, DocsRow, Operator, any_qdq, kept_zero_point
from .quantization_rules import ToIntegers, keep_scale

__all__ = ["RESIZE", "ResizeAttributes"]


@dataclass(frozen=True)
class ResizeAttributes(Attributes):
    """The number of copies of every pixel (y, x)."""

    factors: tuple[int, int]


def _attributes(node: Node, graph: Graph, to_integers: ToIntegers) -> ResizeAttributes:
    return ResizeAttributes(node.attrs["factors"])


def _unsupported_reason(node: Node, context: Context) -> str:
    return "" if "factors" in node.attrs else "not nearest neighbours at an integer scale"


def _layer(
    node: QuantizedNode[ResizeAttributes], activations: Mapping[str, Activation], config: Config
) -> TiledLayer:
    return resize_layer(node, activations, config, node.attrs.factors)


RESIZE = Operator(
    name="Resize",
    attributes=ResizeAttributes,
    form="one input; attr factors: every pixel repeated (y, x) times",
    reason="GEMM with the identity, once for each copy",
    docs=DocsRow(
        "Resize, Upsample: nearest, integer scales, any coordinate transformation", "x", "1"),
    layer=_layer,
    quantize=keep_scale(_attributes),
    zero_point_use=kept_zero_point,
    unsupported_reason=_unsupported_reason,
    qdq_reason=any_qdq,
    homogeneous=lambda node: "factors" in node.attrs,
)

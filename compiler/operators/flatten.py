"""Flatten: the memory of its input as one vector for each image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..ir.attributes import Attributes
from ..ir.graph import Graph, Node
from .constraints import layout_reason
from .operator import Context, DocsRow, Operator, any_qdq, kept_zero_point
from .quantization_rules import ToIntegers, keep_scale

__all__ = ["FLATTEN", "FlattenAttributes", "flatten_reason"]


@dataclass(frozen=True)
class FlattenAttributes(Attributes):
    """Flatten has no attributes."""

    is_view: ClassVar[bool] = True
    keeps_layout: ClassVar[bool] = True


def _attributes(node: Node, graph: Graph, to_integers: ToIntegers) -> FlattenAttributes:
    return FlattenAttributes()


def flatten_reason(node: Node, context: Context) -> str:
    """Return the reason why a node's input cannot be flattened in place, else ''."""
    shape = context.graph.tensors[node.inputs[0]].shape
    return layout_reason(node, context) if len(shape) > 2 else ""


FLATTEN = Operator(
    name="Flatten",
    attributes=FlattenAttributes,
    form="one input, [N, everything else]",
    reason="a view: no work",
    docs=DocsRow(
        "Flatten; Reshape, Squeeze, Unsqueeze, Transpose to one vector for each image", "x",
        "0: the same memory"),
    layer=None,
    quantize=keep_scale(_attributes),
    zero_point_use=kept_zero_point,
    unsupported_reason=flatten_reason,
    qdq_reason=any_qdq,
    homogeneous=lambda node: node.source is None,
)

"""View: the memory of its input, its pixels in another shape."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

from ..ir.attributes import Attributes
from ..ir.graph import Graph, Node
from ..ir.layouts import channels_first_layout
from .constraints import RESHAPED
from .flatten import flatten_reason
from .operator import Context, DocsRow, Operator, any_qdq, kept_zero_point
from .quantization_rules import ToIntegers, keep_scale

__all__ = ["VIEW", "ViewAttributes"]


@dataclass(frozen=True)
class ViewAttributes(Attributes):
    """The shape of an image."""

    is_view: ClassVar[bool] = True
    shape: tuple[int, ...]


def _attributes(node: Node, graph: Graph, to_integers: ToIntegers) -> ViewAttributes:
    return ViewAttributes(graph.tensors[node.outputs[0]].shape[1:])


def _unsupported_reason(node: Node, context: Context) -> str:
    if flatten_reason(node, context):
        return RESHAPED
    before = context.layouts[node.inputs[0]]
    after = channels_first_layout(context.graph.tensors[node.outputs[0]].shape)
    if after is None or (before[0], prod(before)) != (after[0], prod(after)):
        return "mixes channels and pixels"
    return ""


VIEW = Operator(
    name="View",
    attributes=ViewAttributes,
    form="one input, its pixels in another shape; channels stay",
    reason="a view: no work",
    docs=DocsRow(
        "Reshape, Squeeze, Unsqueeze, Transpose that keep channels and the order of pixels", "x",
        "0: the same memory"),
    layer=None,
    quantize=keep_scale(_attributes),
    zero_point_use=kept_zero_point,
    unsupported_reason=_unsupported_reason,
    qdq_reason=any_qdq,
    fallback_reasons={
        "Transpose": "moves channels to an axis of pixels or images",
        "Reshape": "changes the images of a run",
    },
)

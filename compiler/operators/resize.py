"""Resize: every pixel repeated a whole number of times along each axis; the scale stays."""

from __future__ import annotations

from ..ir.graph import Node
from ..lower.pad_resize import lower_resize
from .operator import Context, DocsRow, Operator, QdqRule
from .quantization_rules import keep_scale, keep_scale_qdq

__all__ = ["RESIZE"]


def _unsupported_reason(node: Node, context: Context) -> str:
    return "" if "factors" in node.attrs else "not nearest neighbours at a whole scale"


RESIZE = Operator(
    name="Resize",
    form="one input; attr factors: every pixel repeated (y, x) times",
    reason="GEMM with the identity, once for each copy",
    docs=DocsRow(
        "Resize, Upsample: nearest, whole scales, whichever way pixels are counted", "x", "1"),
    lower=lower_resize,
    quantize=keep_scale(),
    unsupported_reason=_unsupported_reason,
    qdq=QdqRule(keep_scale_qdq()),
    homogeneous=lambda node: "factors" in node.attrs,
)

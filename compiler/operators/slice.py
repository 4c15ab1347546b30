"""Slice: a range of channels; the scale stays."""

from __future__ import annotations

from ..ir.graph import Node
from ..lower.elementwise import lower_slice
from .constraints import layout_reason
from .operator import Context, DocsRow, Operator, QdqRule
from .quantization_rules import keep_scale, keep_scale_qdq

__all__ = ["SLICE"]


def _unsupported_reason(node: Node, context: Context) -> str:
    if "start" not in node.attrs:
        return "does not slice whole channels, or rows and columns, with a step of 1"
    return layout_reason(node, context)


SLICE = Operator(
    name="Slice",
    form="one input; attrs start, stop: channels kept",
    reason="GEMM with matrices that choose channels",
    docs=DocsRow("Slice and Split of channels", "x", "1 or 2"),
    lower=lower_slice,
    quantize=keep_scale(),
    unsupported_reason=_unsupported_reason,
    qdq=QdqRule(keep_scale_qdq()),
    fallback_reasons={"Split": "does not split channels"},
)

"""Clip: x within two constant bounds; the scale stays."""

from __future__ import annotations

from typing import Any

from ..ir.graph import Graph, Node
from ..lower.elementwise import lower_clip
from .operator import Context, DocsRow, Operator, QdqRule
from .quantization_rules import ToIntegers, keep_scale, keep_scale_qdq

__all__ = ["CLIP"]


def _attributes(node: Node, graph: Graph, to_integers: ToIntegers) -> dict[str, Any]:
    low, high = to_integers((node.attrs["low"], node.attrs["high"]))
    return {"low": low, "high": high}


def _unsupported_reason(node: Node, context: Context) -> str:
    return "" if "low" in node.attrs else "its bounds are not constant"


CLIP = Operator(
    name="Clip",
    form="one input; attrs low, high (floats, maybe infinite)",
    reason="ALU MAX and MIN with its bounds",
    docs=DocsRow(
        "Clip, Max, Min with constant bounds",
        "`min(max(x, low), high)`, bounds rounded to x's scale", "1 + 1 a bound"),
    lower=lower_clip,
    quantize=keep_scale(_attributes),
    unsupported_reason=_unsupported_reason,
    qdq=QdqRule(keep_scale_qdq(_attributes)),
)

"""MaxPool: the maximum of each window; the scale stays."""

from __future__ import annotations

from ...isa.opcodes import AluOpcode, MemoryType
from ..ir.attributes import MaxPoolAttributes, SlidingWindow
from ..ir.graph import Graph, Node
from ..lower.conv.epilogue_rule import EpilogueRule, WindowRule, sliding_windows
from ..lower.max_pool import max_pool_layer
from .constraints import window_reason
from .operator import Context, DocsRow, Operator, any_qdq, kept_zero_point
from .quantization_rules import ToIntegers, keep_scale

__all__ = ["MAX_POOL"]


def _attributes(node: Node, graph: Graph, to_integers: ToIntegers) -> MaxPoolAttributes:
    return MaxPoolAttributes(SlidingWindow.of(node.attrs))


def _unsupported_reason(node: Node, context: Context) -> str:
    problem, config = window_reason(node, context), context.config
    if problem:
        return problem
    (kh, kw), (dy, dx) = node.attrs["kernel"], node.attrs["dilations"]
    area = (dy * (kh - 1) + 1) * (dx * (kw - 1) + 1)
    room = min(config.depth(MemoryType.INP) // 2, config.depth(MemoryType.ACC) // 2 - 1)
    if area > room:
        return f"a window of {kh}x{kw} does not fit half the buffers of {config.name}"
    return ""


MAX_POOL = Operator(
    name="MaxPool",
    attributes=MaxPoolAttributes,
    form="one input; attrs kernel, strides, pads, dilations",
    reason="ALU MAX over taps",
    docs=DocsRow(
        "MaxPool, GlobalMaxPool; padding, strides, dilations, `ceil_mode`",
        "the maximum of x inside", "taps + inputs"),
    layer=max_pool_layer,
    epilogue=EpilogueRule(
        lambda node, config: 0,
        windows=WindowRule(
            AluOpcode.MAX,
            lambda node, stored, out: sliding_windows(node.attrs.window, stored))),
    quantize=keep_scale(_attributes),
    zero_point_use=kept_zero_point,
    unsupported_reason=_unsupported_reason,
    qdq_reason=any_qdq,
    homogeneous=lambda node: "kernel" in node.attrs,
)

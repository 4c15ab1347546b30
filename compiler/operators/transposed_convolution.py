"""ConvTranspose: any groups, strides, dilations and padding, in two dimensions."""

from __future__ import annotations

from .convolution import convolution_reason
from .operator import DocsRow, Operator

__all__ = ["CONV_TRANSPOSE"]


CONV_TRANSPOSE = Operator(
    name="ConvTranspose",
    form="as Conv, and attr output_padding (y, x); weight [M, C / group, KH, KW] too",
    reason="GEMM over the taps that meet an input, phase by phase",
    docs=DocsRow("also grouped", "docs/compiler.md", "taps x blocks / strides + 1"),
    lower=None,
    quantize=lambda q, node, names: q.weighted(node, names),
    unsupported_reason=convolution_reason,
)

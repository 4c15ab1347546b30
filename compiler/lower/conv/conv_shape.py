"""Convolutions, transposed ones and dense layers as one kind of thing: a shape, and filters."""

from __future__ import annotations

import numpy as np

from ....isa.config import Config
from ...codegen.lowering_context import Activation
from ...ir.quantized_graph import QuantizedNode
from ...schedule.conv_problem import ConvShape
from ...schedule.group_blocks import blocks_of

__all__ = ["conv_shape", "filters"]


def conv_shape(
    node: QuantizedNode, source: Activation, target: Activation, config: Config,
) -> ConvShape:
    """Return a node as a convolution in blocks.

    A dense layer is one whose window is the whole input; a flattened input is read as the feature
    map it was.  A transposed convolution is one of the input with gaps, which cost nothing; its
    taps are turned round, so that inputs advance with them.
    """
    groups, co, size, out = source.groups, target.blocks, source.view[1:], target.view[1:]
    if node.op == "Gemm" and "axis" in node.attrs:  # rows of features: single pixels
        return ConvShape(groups, source.blocks, co, size, out, (1, 1))
    if node.op == "Gemm":
        return ConvShape(groups, source.blocks, co, size, (1, 1), source.view[1:])
    assert node.weight is not None
    blocks = blocks_of(source.view[0], target.view[0], node.attrs["group"], config)
    kernel, dilations, pads = node.weight.shape[2:], node.attrs["dilations"], node.attrs["pads"]
    if node.op == "Conv":
        return ConvShape(
            groups, blocks.count, co, size, out, kernel, node.attrs["strides"], dilations,
            pads[:2], leads=blocks.leads,
        )
    top, left = (dilations[axis] * (kernel[axis] - 1) - pads[axis] for axis in range(2))
    return ConvShape(
        groups, blocks.count, co, size, out, kernel, dilations=dilations, before=(top, left),
        up=node.attrs["strides"], leads=blocks.leads,
    )


def filters(node: QuantizedNode, view: tuple[int, int, int]) -> np.ndarray:
    """Return the weights ``[M, C, KH, KW]``, taps in the order in which inputs advance."""
    assert node.weight is not None
    if node.op == "Gemm" and "axis" in node.attrs:
        return node.weight[:, :, None, None]
    if node.op == "Gemm":
        return node.weight.reshape(len(node.weight), *view)
    return node.weight[:, :, ::-1, ::-1] if node.op == "ConvTranspose" else node.weight

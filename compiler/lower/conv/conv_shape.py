"""Convolutions, transposed ones and dense layers in one form: a shape, and filters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ....isa.config import Config
from ...codegen.lowering_context import Activation
from ...ir.attributes import (
    ConvAttributes,
    DenseAttributes,
    TransposedAttributes,
    WeightedAttributes,
)
from ...ir.layouts import ChannelLayout
from ...ir.quantized_graph import QuantizedNode
from ...schedule.conv_problem import ConvShape
from ...schedule.group_blocks import blocks_of
from ...schedule.tiling_space import tilings

__all__ = ["conv_shape", "filters"]


def conv_shape(
    node: QuantizedNode[WeightedAttributes], source: Activation, target: Activation, config: Config,
) -> ConvShape:
    """Return a node as a convolution in blocks.

    A dense layer is a convolution whose window is the whole input; a flattened input is read as the
    original feature map.  A transposed convolution is one of the input with gaps, which cost
    nothing; its taps are reversed, so that inputs advance with them.  A depthwise convolution is
    one by windows of DWC where the configuration has them.
    """
    groups, co, size, out = source.groups, target.blocks, source.layout[1:], target.layout[1:]
    attrs = node.attrs
    if isinstance(attrs, DenseAttributes) and attrs.axis is not None:  # rows: single pixels
        return ConvShape(groups, source.blocks, co, size, out, (1, 1))
    if isinstance(attrs, DenseAttributes):
        return ConvShape(groups, source.blocks, co, size, (1, 1), source.layout[1:])
    assert isinstance(attrs, (ConvAttributes, TransposedAttributes))
    blocks = blocks_of(source.layout.channels, target.layout.channels, attrs.group, config)
    window = attrs.window
    kernel, dilations, pads = window.kernel, window.dilations, window.pads
    if isinstance(attrs, ConvAttributes):
        shape = ConvShape(
            groups, blocks.count, co, size, out, kernel, window.strides, dilations,
            pads[:2], leads=blocks.leads,
        )
        depthwise = attrs.group == source.layout.channels == target.layout.channels
        return _windowed(shape, config) if depthwise else shape
    top, left = (dilations[axis] * (kernel[axis] - 1) - pads[axis] for axis in range(2))
    return ConvShape(
        groups, blocks.count, co, size, out, kernel, dilations=dilations, before=(top, left),
        up=window.strides, leads=blocks.leads,
    )


def _windowed(shape: ConvShape, config: Config) -> ConvShape:
    """Return a depthwise convolution by DWC, which never takes more cycles, where it can be."""
    windowed = replace(shape, window=config.window)
    return windowed if config.depthwise and next(tilings(windowed, config), None) else shape


def filters(node: QuantizedNode[WeightedAttributes], layout: ChannelLayout) -> np.ndarray:
    """Return the weights ``[M, C, KH, KW]``, taps in the order in which inputs advance."""
    attrs = node.attrs
    if isinstance(attrs, DenseAttributes):
        pixels = layout if attrs.axis is None else (-1, 1, 1)
        return attrs.weight.reshape(len(attrs.weight), *pixels)
    reverse = isinstance(attrs, TransposedAttributes)
    return attrs.weight[:, :, ::-1, ::-1] if reverse else attrs.weight

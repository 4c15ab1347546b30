"""Rows of a dense layer in the order of the tiles of a feature map (:mod:`.reshape_into_gemm`)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...codegen.lowering_context import Activation
from ...ir.attributes import WeightedAttributes
from ...ir.layouts import ChannelLayout
from ...ir.quantized_graph import QuantizedNode

__all__ = ["in_tiles"]


def in_tiles(
    node: QuantizedNode[WeightedAttributes], target: Activation, block: int
) -> tuple[QuantizedNode[WeightedAttributes], Activation]:
    """Return a Gemm of features in tile order, and its output as one long vector of them."""
    channels, pixels = target.layout.channels, target.pixels
    place = np.arange(target.blocks * pixels * block).reshape(target.blocks, pixels, block)
    block_of, pixel, lane = np.unravel_index(place.reshape(-1), place.shape)
    channel = block_of * block + lane
    rows = np.where(channel < channels, channel * pixels + pixel, channels * pixels)

    def chosen(values: np.ndarray) -> np.ndarray:
        """Return rows in order; those of no channel are zero."""
        return np.asarray(np.concatenate([values, np.zeros_like(values[:1])])[rows])

    old = node.rule
    rule = replace(
        old, bias=chosen(old.bias), shift=chosen(old.shift),
        multiplier=None if old.multiplier is None else chosen(old.multiplier),
    )
    flat = Activation(
        target.dram, target.groups, target.blocks * pixels, ChannelLayout(place.size, 1, 1)
    )
    attrs = replace(node.attrs, weight=chosen(node.attrs.weight))
    return replace(node, attrs=attrs, requant=rule), flat

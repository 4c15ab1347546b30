"""Rows of a dense layer in the order of the tiles of a feature map, by hand."""

from dataclasses import replace

import numpy as np
from conv_nodes import dense_node

from myvta.compiler.codegen.lowering_context import Activation
from myvta.compiler.ir.fixed_point import Requant
from myvta.compiler.ir.layouts import ChannelLayout
from myvta.compiler.lower.conv.tile_order import in_tiles


def test_rows_are_block_pixel_lane_and_missing_channels_zero():
    """Three channels of 1 x 2 pixels in blocks of two: rows are c * 2 + pixel."""
    values = np.arange(6, dtype=np.int32)
    node = replace(dense_node((6, 4)), requant=Requant(values, values + 10, values + 20))
    actual, flat = in_tiles(node, Activation(8, 1, 2, ChannelLayout(3, 1, 2)), 2)
    order = [0, 2, 1, 3, 4, None, 5, None]  # (c0 p0) (c1 p0) (c0 p1) (c1 p1) (c2 p0) ...
    weight = node.attrs.weight
    expected = [np.zeros(4) if row is None else weight[row] for row in order]
    np.testing.assert_array_equal(actual.attrs.weight, expected)
    for name in ("bias", "shift", "multiplier"):
        column = getattr(node.requant, name)
        assert getattr(actual.requant, name).tolist() == [
            0 if row is None else column[row] for row in order]
    assert (flat.dram, flat.groups, flat.blocks, flat.layout) == (8, 1, 4, (8, 1, 1))


def test_rules_without_a_multiplier_stay_without():
    actual, _ = in_tiles(dense_node((6, 4)), Activation(0, 1, 2, ChannelLayout(3, 1, 2)), 2)
    assert actual.requant.multiplier is None

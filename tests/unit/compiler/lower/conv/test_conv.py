"""Convolutions on the device: every dataflow and tiling has the bits of the definition."""

import numpy as np
import pytest
from conv_nodes import conv_node, dense_node, transposed_node
from lowered_node import SMALL, integers, naive_conv, run_lowered, scaled

from myvta.compiler.codegen.lowering_context import Activation
from myvta.compiler.ir.attributes import SlidingWindow
from myvta.compiler.ir.layouts import ChannelLayout
from myvta.compiler.lower.conv.conv import group_layer
from myvta.compiler.lower.conv.fusion_group import FusionGroup
from myvta.compiler.schedule.conv_problem import DATAFLOWS
from myvta.compiler.schedule.tiling_space import tilings
from myvta.isa.config import named


def convolved(node, x, out, config, dataflow=None, position=0):
    """Return the output of a node under the tiling at a position of a dataflow's list."""
    def layer(node, activations, config):
        return group_layer(FusionGroup(node), activations, config)

    channels = len(node.attrs.weight)
    places = {
        name: Activation(0, len(x) // config.batch, -(-layout.channels // config.block_in), layout)
        for name, layout in (
            ("x", ChannelLayout(*x.shape[1:])), ("y", ChannelLayout(channels, *out)))}
    shape = layer(node, places, config).problem
    tiling, _ = list(tilings(shape, config, dataflow))[position]
    return run_lowered(layer, node, {"x": x}, (len(x), channels, *out), config, tiling)


@pytest.mark.parametrize("dataflow", DATAFLOWS)
@pytest.mark.parametrize("position", [0, -1])
def test_every_dataflow_computes_the_same_convolution(dataflow, position):
    window = SlidingWindow((3, 2), (2, 1), (1, 1, 2, 0))
    x, node = integers((1, 10, 9, 6)), conv_node((14, 10, 3, 2), window)
    sums = naive_conv(x, node.attrs.weight.astype(int), (5, 6), (2, 1), (1, 1, 2, 0))
    actual = convolved(node, x, (5, 6), SMALL, dataflow, position)
    np.testing.assert_array_equal(actual, scaled(sums, 9, 11))


@pytest.mark.parametrize("config", [named("1x4x4"), named("2x8x8"), named("1x4x4_base")])
def test_dilated_convolution_on_each_configuration(config):
    window = SlidingWindow((3, 3), (1, 1), (2, 2, 2, 2), (2, 2))
    x, node = integers((2, 5, 6, 7)), conv_node((9, 5, 3, 3), window)
    sums = naive_conv(x, node.attrs.weight.astype(int), (6, 7), (1, 1), (2, 2, 2, 2), (2, 2))
    np.testing.assert_array_equal(convolved(node, x, (6, 7), config), scaled(sums, 9, 11))


def test_channel_groups_read_their_own_channels():
    window = SlidingWindow((3, 3), (1, 1), (1, 1, 1, 1))
    x, node = integers((1, 12, 5, 5)), conv_node((18, 4, 3, 3), window, group=3)
    sums = np.concatenate([
        naive_conv(x[:, 4 * g : 4 * g + 4], node.attrs.weight[6 * g : 6 * g + 6].astype(int),
                   (5, 5), (1, 1), (1, 1, 1, 1))
        for g in range(3)
    ], 1)
    np.testing.assert_array_equal(convolved(node, x, (5, 5), SMALL), scaled(sums, 9, 11))


def test_padding_of_the_zero_point_surrounds_the_input():
    window = SlidingWindow((3, 3), (1, 1), (1, 1, 1, 1))
    x, node = integers((1, 5, 4, 6)), conv_node((6, 5, 3, 3), window, padding=-9)
    around = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)], constant_values=-9)
    sums = naive_conv(around, node.attrs.weight.astype(int), (4, 6), (1, 1), (0, 0, 0, 0))
    np.testing.assert_array_equal(convolved(node, x, (4, 6), SMALL), scaled(sums, 9, 11))


def test_transposed_convolution_adds_every_input_into_its_window():
    window = SlidingWindow((3, 3), (2, 2), (1, 1, 1, 1))
    x, node = integers((1, 6, 4, 3)), transposed_node((5, 6, 3, 3), window)
    whole = np.zeros((1, 5, 9, 7), int)
    for row in range(4):
        for column in range(3):
            whole[:, :, 2 * row : 2 * row + 3, 2 * column : 2 * column + 3] += np.einsum(
                "nc,mcyx->nmyx", x[:, :, row, column], node.attrs.weight.astype(int))
    expected = scaled(whole[:, :, 1:-1, 1:-1], 9, 11)
    np.testing.assert_array_equal(convolved(node, x, (7, 5), SMALL), expected)


def test_dense_layer_reads_the_whole_feature_map():
    x, node = integers((2, 6, 3, 4)), dense_node((7, 72))
    sums = x.reshape(2, 72) @ node.attrs.weight.astype(int).T
    actual = convolved(node, x, (1, 1), named("2x8x8"))
    np.testing.assert_array_equal(actual[:, :, 0, 0], scaled(sums, 9, 11))

"""Convolutions, transposed ones and dense layers as shapes in blocks, by hand."""

import numpy as np
import pytest
from conv_nodes import conv_node, dense_node, transposed_node

from myvta.compiler.codegen.lowering_context import Activation
from myvta.compiler.ir.attributes import SlidingWindow
from myvta.compiler.ir.layouts import ChannelLayout
from myvta.compiler.lower.conv.conv_shape import conv_shape, filters
from myvta.compiler.schedule.conv_problem import ConvShape
from myvta.isa.config import named

CONFIG = named("1x4x4")


def test_convolution_has_blocks_kernel_and_padding():
    node = conv_node((9, 6, 3, 2), SlidingWindow((3, 2), (2, 1), (1, 0, 2, 3), (1, 2)))
    source = Activation(0, 2, 2, ChannelLayout(6, 9, 8))
    target = Activation(500, 2, 3, ChannelLayout(9, 5, 9))
    assert conv_shape(node, source, target, CONFIG) == ConvShape(
        groups=2, ci=2, co=3, size=(9, 8), out=(5, 9), kernel=(3, 2), strides=(2, 1),
        dilations=(1, 2), before=(1, 0))


def test_transposed_convolution_is_one_of_the_input_with_gaps():
    """Before the input are dilation * (kernel - 1) - pad gaps."""
    node = transposed_node((8, 4, 4, 3), SlidingWindow((4, 3), (2, 3), (1, 0, 1, 0), (1, 2)))
    source = Activation(0, 1, 1, ChannelLayout(4, 5, 5))
    target = Activation(99, 1, 2, ChannelLayout(8, 10, 17))
    shape = conv_shape(node, source, target, CONFIG)
    assert (shape.up, shape.strides, shape.before) == ((2, 3), (1, 1), (2, 4))
    assert (shape.kernel, shape.dilations, shape.co) == ((4, 3), (1, 2), 2)


def test_dense_layer_is_a_window_of_the_whole_input():
    source = Activation(0, 1, 2, ChannelLayout(6, 3, 4))
    target = Activation(99, 1, 2, ChannelLayout(7, 1, 1))
    assert conv_shape(dense_node((7, 72)), source, target, CONFIG) == ConvShape(
        1, 2, 2, (3, 4), (1, 1), (3, 4))


def test_dense_layer_of_rows_is_a_window_of_one_pixel():
    source = Activation(0, 1, 2, ChannelLayout(6, 5, 1))
    target = Activation(99, 1, 2, ChannelLayout(7, 5, 1))
    assert conv_shape(dense_node((7, 6), axis=2), source, target, CONFIG) == ConvShape(
        1, 2, 2, (5, 1), (5, 1), (1, 1))


def test_channel_groups_lead_to_blocks_of_their_own():
    node = conv_node((8, 1, 1, 1), SlidingWindow((1, 1), (1, 1), (0, 0, 0, 0)), group=8)
    source = Activation(0, 1, 2, ChannelLayout(8, 3, 3))
    target = Activation(99, 1, 2, ChannelLayout(8, 3, 3))
    shape = conv_shape(node, source, target, CONFIG)
    assert (shape.ci, shape.leads) == (1, (0, 1))


DEPTHWISE = CONFIG.replace(depthwise=True)


@pytest.mark.parametrize(("channels", "filters", "group", "kernel", "window"), [
    (8, 8, 8, (3, 3), (2, 2)), (1, 1, 1, (3, 3), (2, 2)),
    (8, 16, 8, (3, 3), None), (8, 8, 4, (3, 3), None),  # no lane for itself
    (8, 8, 8, (13, 11), None),  # 143 of the 256 tiles of INP, which holds two of each
])
def test_depthwise_convolution_takes_windows_where_they_fit(
    channels, filters, group, kernel, window
):
    node = conv_node(
        (filters, channels // group, *kernel), SlidingWindow(kernel, (1, 1), (0, 0, 0, 0)),
        group=group)
    source = Activation(0, 1, -(-channels // 4), ChannelLayout(channels, 16, 16))
    target = Activation(
        999, 1, filters // 4, ChannelLayout(filters, 17 - kernel[0], 17 - kernel[1]))
    assert conv_shape(node, source, target, DEPTHWISE).window == window
    assert conv_shape(node, source, target, CONFIG).window is None


@pytest.mark.parametrize(("node", "layout", "change"), [
    (conv_node((4, 3, 2, 2), SlidingWindow((2, 2), (1, 1), (0, 0, 0, 0))), (3, 5, 5),
     lambda weight: weight),
    (transposed_node((4, 3, 2, 2), SlidingWindow((2, 2), (1, 1), (0, 0, 0, 0))), (3, 5, 5),
     lambda weight: weight[:, :, ::-1, ::-1]),
    (dense_node((4, 12)), (3, 2, 2), lambda weight: weight.reshape(4, 3, 2, 2)),
    (dense_node((4, 3), axis=2), (3, 5, 1), lambda weight: weight.reshape(4, 3, 1, 1)),
])
def test_filters_have_taps_in_the_order_of_the_inputs(node, layout, change):
    np.testing.assert_array_equal(filters(node, layout), change(node.attrs.weight))

"""Constants of a group: their names, kinds of memory and sizes."""

from dataclasses import replace

import numpy as np
from conv_nodes import conv_node, epilogue_chain
from lowered_node import rule

from myvta.compiler.codegen.lowering_context import Activation
from myvta.compiler.ir.attributes import AddAttributes, SlidingWindow
from myvta.compiler.ir.layouts import ChannelLayout
from myvta.compiler.ir.quantized_graph import QuantizedNode
from myvta.compiler.lower.conv.conv_constants import place_constants
from myvta.compiler.lower.conv.epilogue import epilogue
from myvta.compiler.lower.conv.fusion_group import FusionGroup, conv_problem
from myvta.compiler.lower.conv.residual import Residual
from myvta.compiler.operators.leaky_relu import LeakyReluAttributes
from myvta.isa.config import named
from myvta.isa.opcodes import MemoryType

CONFIG = named("1x4x4")
WINDOW = SlidingWindow((3, 3), (1, 1), (1, 1, 1, 1))
PLACES = {
    name: Activation(100 * n, 1, 2, ChannelLayout(8, 5, 5))
    for n, name in enumerate(("x", "y", "other", "sum", "z"))
}


def placed(group, config=CONFIG):
    """Return the constants of a group, and all that was placed, by name."""
    seen = {}

    def constants(name, tiles, memory_type):
        seen[name] = memory_type, np.asarray(tiles)
        return len(seen)

    return place_constants(group, conv_problem(group, PLACES, config), config, constants), seen


def test_a_convolution_has_weights_and_parameters():
    node = conv_node((8, 8, 3, 3), WINDOW)
    actual, seen = placed(FusionGroup(node))
    assert list(seen) == ["conv.weights", "conv.parameters"]
    assert (actual.weights, actual.parameters) == (1, 2)
    assert (actual.border, actual.identity, actual.sum_parameters, actual.epilogue) == (
        None, None, None, {})
    kind, tiles = seen["conv.weights"]
    assert (kind, tiles.shape) == (MemoryType.WGT, (2, 2, 3, 3, 4, 4))
    np.testing.assert_array_equal(tiles[1, 0, 2, 1], node.attrs.weight[4:, :4, 2, 1])
    kind, tiles = seen["conv.parameters"]
    assert kind == MemoryType.ACC
    assert set(tiles[..., 0, :].ravel()) >= {11, 9}  # bias and shift


def test_forwarded_convolution_has_constants_of_its_own():
    depthwise = replace(conv_node((8, 1, 3, 3), WINDOW, group=8), name="ahead", outputs=("other",))
    point = conv_node((8, 8, 1, 1), SlidingWindow((1, 1), (1, 1), (0, 0, 0, 0)))
    actual, seen = placed(
        FusionGroup(replace(point, inputs=("other",)), ahead=depthwise),
        CONFIG.replace(depthwise=True))
    assert list(seen) == ["ahead.weights", "ahead.parameters", "conv.weights", "conv.parameters"]
    assert (actual.ahead.weights, actual.ahead.parameters, actual.weights) == (1, 2, 3)
    assert seen["ahead.weights"][1].shape == (2, 4, 4, 4)  # four windows of 2 x 2 taps


def test_a_zero_point_needs_the_longest_row_of_padded_inputs():
    _, seen = placed(FusionGroup(conv_node((8, 8, 3, 3), WINDOW, padding=-3)))
    kind, tiles = seen["conv.padding"]
    assert (kind, tiles.shape, set(tiles.ravel())) == (MemoryType.INP, (7, 1, 4), {-3})


def test_an_add_needs_an_identity_times_its_shift():
    conv = conv_node((8, 8, 3, 3), WINDOW)
    add = QuantizedNode("Add", "add", ("y", "other"), ("sum",), AddAttributes((1, 4)), rule(8, 1))
    leaky = QuantizedNode("LeakyRelu", "leaky", ("sum",), ("z",), LeakyReluAttributes(3),
                          rule(8, 3))
    shape = replace(conv_problem(FusionGroup(conv), PLACES, CONFIG).shape, residual=True)
    behind = epilogue(conv, epilogue_chain(leaky), shape, PLACES, CONFIG)
    group = FusionGroup(conv, Residual(add, "other", 1, 4), behind)
    actual, seen = placed(group)
    assert list(seen) == ["conv.weights", "conv.parameters", "add.weights", "add.parameters",
                          "leaky.parameters"]
    assert (actual.identity, actual.sum_parameters, actual.epilogue) == (3, 4, {"leaky": 5})
    np.testing.assert_array_equal(seen["add.weights"][1], [4 * np.eye(4)])
    assert len(seen["add.parameters"][1]) < len(seen["conv.parameters"][1].reshape(-1, 1, 4))

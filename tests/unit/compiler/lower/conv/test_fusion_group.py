"""Groups: their layers, inputs and output, and the scheduling problem they are."""

from dataclasses import replace

from conv_nodes import conv_node, dense_node, epilogue_chain
from lowered_node import rule

from myvta.compiler.codegen.lowering_context import Activation
from myvta.compiler.ir.attributes import AddAttributes, SlidingWindow
from myvta.compiler.ir.layouts import ChannelLayout
from myvta.compiler.ir.quantized_graph import QuantizedNode
from myvta.compiler.lower.conv.epilogue import epilogue
from myvta.compiler.lower.conv.fusion_group import FusionGroup, conv_problem
from myvta.compiler.lower.conv.residual import Residual
from myvta.compiler.operators.relu import ReluAttributes
from myvta.isa.config import named

CONFIG = named("1x4x4")
CONV = conv_node((8, 8, 1, 1), SlidingWindow((1, 1), (1, 1), (0, 0, 0, 0)))
ADD = QuantizedNode("Add", "add", ("y", "other"), ("sum",), AddAttributes((1, 4)), rule(8, 1))
RELU = QuantizedNode("Relu", "relu", ("sum",), ("z",), ReluAttributes())
PLACES = {
    name: Activation(100 * n, 1, 2, ChannelLayout(8, 3, 3))
    for n, name in enumerate(("x", "y", "other", "sum", "z"))
}


def group():
    """Return a convolution with an Add and a Relu."""
    shape = replace(conv_problem(FusionGroup(CONV), PLACES, CONFIG).shape, residual=True)
    behind = epilogue(CONV, epilogue_chain(RELU), shape, PLACES, CONFIG)
    return FusionGroup(CONV, Residual(ADD, "other", 1, 4), behind)


def test_unfused_convolution_is_a_group():
    alone = FusionGroup(CONV)
    assert (alone.name, alone.nodes, alone.inputs, alone.output) == ("conv", (CONV,), ("x",), "y")
    problem = conv_problem(alone, PLACES, CONFIG)
    assert (problem.conv, problem.source, problem.target) == (CONV, PLACES["x"], PLACES["y"])
    assert (problem.shape.residual, problem.shape.epilogue) == (False, None)


def test_layers_of_a_group_are_in_order_and_the_last_is_stored():
    whole = group()
    assert [node.name for node in whole.nodes] == ["conv", "add", "relu"]
    assert (whole.inputs, whole.output) == (("x", "other"), "z")
    problem = conv_problem(whole, PLACES, CONFIG)
    assert problem.target == PLACES["z"]
    assert problem.shape.residual
    assert problem.shape.epilogue == whole.epilogue.spec


def test_forwarded_convolution_comes_first():
    config = CONFIG.replace(depthwise=True)
    depthwise = replace(
        conv_node((8, 1, 3, 3), SlidingWindow((3, 3), (1, 1), (1, 1, 1, 1)), group=8),
        name="depthwise", outputs=("between",))
    places = {**PLACES, "between": PLACES["other"]}
    pair = FusionGroup(replace(CONV, inputs=("between",)), ahead=depthwise)
    assert [node.name for node in pair.nodes] == ["depthwise", "conv"]
    assert (pair.name, pair.inputs, pair.output) == ("depthwise", ("x",), "y")
    problem = conv_problem(pair, places, config)
    assert problem.ahead is not None
    assert (problem.ahead.source, problem.target) == (places["x"], places["y"])
    assert problem.shape.forwarded == problem.ahead.shape
    assert (problem.ahead.shape.window, problem.shape.window) == ((2, 2), None)


def test_dense_layer_into_a_feature_map_stores_one_vector_of_tiles():
    node = dense_node((18, 4), unflatten=(6, 1, 3))
    places = {
        "x": Activation(0, 1, 1, ChannelLayout(4, 1, 1)),
        "y": Activation(7, 1, 2, ChannelLayout(6, 1, 3)),
    }
    problem = conv_problem(FusionGroup(node), places, CONFIG)
    assert problem.target == Activation(7, 1, 6, ChannelLayout(24, 1, 1))
    assert problem.conv.attrs.weight.shape == (24, 4)
    assert (problem.shape.co, problem.shape.out) == (6, (1, 1))

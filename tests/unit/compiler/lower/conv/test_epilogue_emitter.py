"""The order of the steps of an epilogue, and where its parameters are on chip."""

from types import SimpleNamespace

import numpy as np
from conv_nodes import conv_node, epilogue_chain
from lowered_node import SMALL, rule

from myvta.compiler.codegen.lowering_context import Activation
from myvta.compiler.ir.attributes import AveragePoolAttributes, MaxPoolAttributes, SlidingWindow
from myvta.compiler.ir.layouts import ChannelLayout
from myvta.compiler.ir.quantized_graph import QuantizedNode
from myvta.compiler.lower.conv.epilogue import epilogue
from myvta.compiler.lower.conv.epilogue_emitter import EpilogueEmitter
from myvta.compiler.lower.conv.epilogue_rule import EpiloguePlaces
from myvta.compiler.operators.clip import ClipAttributes
from myvta.compiler.operators.leaky_relu import LeakyReluAttributes
from myvta.compiler.schedule.conv_problem import ConvShape, parameter_tiles
from myvta.compiler.schedule.conv_tiles import Range, tile_of

WINDOW = SlidingWindow((2, 2), (2, 2), (0, 0, 0, 0))
CONV = conv_node((4, 4, 1, 1), SlidingWindow((1, 1), (1, 1), (0, 0, 0, 0)))
SHAPE = ConvShape(1, 1, 1, (4, 4), (4, 4), (1, 1))
PLACES = {
    "y": Activation(0, 1, 1, ChannelLayout(4, 4, 4)),
    "small": Activation(90, 1, 1, ChannelLayout(4, 2, 2)),
}
CLIP = QuantizedNode("Clip", "clip", ("y",), ("y",), ClipAttributes(-5, 5))
LEAKY = QuantizedNode("LeakyRelu", "leaky", ("y",), ("y",), LeakyReluAttributes(3), rule(4, 3))
MAXIMUM = QuantizedNode("MaxPool", "max", ("y",), ("small",), MaxPoolAttributes(WINDOW))
MEAN = QuantizedNode(
    "AveragePool", "mean", ("y",), ("small",),
    AveragePoolAttributes(WINDOW, np.full((2, 2), 3)), rule(4, 4))


def own(builder, field):
    """A step of the convolution."""


def steps(nodes, times=1, tables=None):
    """Return names, fields and arguments of the steps recorded for a tile that begins at 8.

    A step of a layer has the layer's name.
    """
    recorded = []
    actual = epilogue(CONV, epilogue_chain(*nodes), SHAPE, PLACES, SMALL)
    shape = ConvShape(**{**vars(SHAPE), "epilogue": actual.spec})
    tile = tile_of(
        shape, 0, Range(0, 1), *(Range(0, size) for size in actual.spec.out))
    ctx = SimpleNamespace(
        config=SMALL, compute=lambda call: recorded.append((
            call.keywords["node"].name if "node" in call.keywords else call.func.__name__,
            call.keywords.get("field"), call.keywords)))
    emitter = EpilogueEmitter(ctx, actual, tables or {}, 40, 60)
    for _ in range(times):
        emitter.conclude(tile, 8, [own])
    return recorded


def names(recorded):
    return [name for name, *_ in recorded]


def test_values_follow_the_steps_of_the_convolution():
    recorded = steps([CLIP])
    assert names(recorded) == ["own", "clip"]
    assert {(field.base, field.blocks, field.run) for _, field, _ in recorded} == {(8, 1, 16)}


def test_maximum_comes_first_and_reduces_the_later_steps():
    recorded = steps([CLIP, MAXIMUM])
    assert names(recorded) == ["gather", "own", "clip"]
    assert recorded[-1][1].run < 16


def test_mean_comes_after_the_values_it_averages():
    recorded = steps([CLIP, MEAN], tables={"mean": 7})
    assert names(recorded) == ["load_run", "own", "clip", "gather", "mean"]
    assert recorded[-1][2]["places"].table == 60 - parameter_tiles(SMALL)
    assert recorded[1][1].run == 16 > recorded[-1][1].run


def test_parameters_are_loaded_once_below_the_end():
    tables = {"leaky": 700, "mean": 800}
    recorded = steps([LEAKY, MEAN], times=2, tables=tables)
    loads = [keywords for name, _, keywords in recorded if name == "load_run"]
    each = parameter_tiles(SMALL)
    assert [(load["sram"], load["dram"], load["count"]) for load in loads] == [
        (60 - 2 * each, 700, each), (60 - each, 800, each)]
    (first, _) = [keywords for name, _, keywords in recorded if name == "leaky"]
    assert first["places"] == EpiloguePlaces(40, 60 - 2 * each)

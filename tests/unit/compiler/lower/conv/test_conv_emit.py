"""Device calls of a convolution: addresses and sizes of loads and stores, by hand."""

import pytest
from conv_nodes import conv_node

from myvta.compiler.codegen.lowering_context import Activation
from myvta.compiler.ir.attributes import SlidingWindow
from myvta.compiler.ir.layouts import ChannelLayout
from myvta.compiler.lower.conv.conv_constants import ConvConstants
from myvta.compiler.lower.conv.conv_emit import ConvCalls
from myvta.compiler.lower.conv.fusion_group import FusionGroup, conv_problem
from myvta.compiler.schedule.conv_tiles import Range, ReductionChunk, tile_of
from myvta.driver import StreamBuilder
from myvta.isa.config import named
from myvta.isa.instructions import Load, Store

CONFIG = named("1x4x4")
PLACES = {
    "x": Activation(1000, 1, 3, ChannelLayout(12, 6, 5)),
    "y": Activation(2000, 1, 2, ChannelLayout(8, 6, 5)),
}
"""Three blocks of 6 x 5 pixels to two of 6 x 5."""
BLOCKS = Range(0, 2)


@pytest.fixture
def calls():
    node = conv_node((8, 12, 3, 3), SlidingWindow((3, 3), (1, 1), (1, 1, 1, 1)))
    problem = conv_problem(FusionGroup(node), PLACES, CONFIG)
    return ConvCalls(problem, ConvConstants(300, 400, None, None, None, {}), 2)


def emitted(call, *arguments, **more):
    """Return the loads and stores of a call, as tuples of their fields."""
    builder = StreamBuilder(CONFIG)
    call(builder, *arguments, **more)
    return [
        (item.sram_base, item.dram_base, item.x_size, item.y_size, item.x_stride)
        for item in builder.finish().instructions if isinstance(item, (Load, Store))
    ]


def tile(calls, oh, ow, co=BLOCKS):
    return tile_of(calls.shape, 0, co, oh, ow)


def test_whole_windows_of_weights_are_one_load(calls):
    chunk = ReductionChunk(Range(1, 2), Range(0, 3), Range(0, 3))
    part = tile(calls, Range(0, 6), Range(0, 5))
    assert emitted(calls.load_weights, 0, part, chunk) == [(0, 300 + 9, 18, 2, 27)]


def test_parts_of_windows_are_a_load_for_each_pair_of_blocks(calls):
    chunk = ReductionChunk(Range(0, 2), Range(1, 2), Range(0, 2))
    part = tile(calls, Range(0, 6), Range(0, 5), Range(1, 1))
    start = 300 + 27 + 3  # second output block, second row of the window
    assert emitted(calls.load_weights, 8, part, chunk) == [
        (8, start, 2, 2, 3), (8 + 4, start + 9, 2, 2, 3)]


def test_inputs_of_each_block_are_padded_where_the_window_leaves_them(calls):
    builder = StreamBuilder(CONFIG)
    part = tile(calls, Range(0, 3), Range(0, 2))
    calls.load_inputs(builder, 16, part, ReductionChunk(Range(1, 2), Range(0, 3), Range(0, 3)))
    loads = [item for item in builder.finish().instructions if isinstance(item, Load)]
    # rows -1..3 and columns -1..2: 5 x 4 tiles on chip, 4 x 3 of them inside
    places = [
        (item.sram_base, item.dram_base, item.x_size, item.y_size, item.x_stride) for item in loads]
    assert places == [
        (16, 1000 + 30, 3, 4, 5), (36, 1000 + 60, 3, 4, 5)]
    pads = {(item.x_pad_0, item.x_pad_1, item.y_pad_0, item.y_pad_1) for item in loads}
    assert pads == {(1, 0, 1, 0)}


def test_inputs_in_the_padding_alone_are_zeros(calls):
    builder = StreamBuilder(CONFIG)
    part = tile(calls, Range(0, 1), Range(0, 5))
    chunk = ReductionChunk(Range(0, 3), Range(0, 1), Range(0, 3))
    calls.load_padded(builder, 0, part, chunk)
    (load,) = [item for item in builder.finish().instructions if isinstance(item, Load)]
    assert (load.sram_base, load.x_size, load.y_size, load.y_pad_0) == (0, 3 * 7, 0, 1)


def test_whole_rows_are_stored_as_one_run_for_each_block(calls):
    part = tile(calls, Range(2, 3), Range(0, 5))
    assert emitted(calls.store, part, 64, 5) == [(64, 2000 + 10, 15, 2, 30)]


def test_parts_of_rows_are_stored_block_by_block(calls):
    part = tile(calls, Range(2, 3), Range(1, 2))
    assert emitted(calls.store, part, 64, 2) == [
        (64, 2000 + 11, 2, 3, 5), (64 + 6, 2000 + 30 + 11, 2, 3, 5)]


def test_other_operand_is_loaded_like_the_tile(calls):
    other = Activation(5000, 1, 2, ChannelLayout(8, 6, 5))
    whole, part = tile(calls, Range(2, 3), Range(0, 5)), tile(calls, Range(2, 3), Range(1, 2))
    assert emitted(calls.load_other, 0, other, whole) == [(0, 5010, 15, 2, 30)]
    assert emitted(calls.load_other, 0, other, part) == [
        (0, 5011, 2, 3, 5), (6, 5041, 2, 3, 5)]

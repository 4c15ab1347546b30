"""Parts of feature maps: the rows that loads and stores touch, block by block."""

from __future__ import annotations

import numpy as np

from myvta.compiler.codegen.lowering_context import Activation, AddressSpace
from myvta.compiler.ir.attributes import Attributes
from myvta.compiler.ir.layouts import ChannelLayout
from myvta.compiler.ir.quantized_graph import QuantizedNode
from myvta.compiler.lower.map_tiles import load_map, place_identity, store_map
from myvta.compiler.schedule.conv_tiles import Range
from myvta.driver import StreamBuilder
from myvta.isa.config import named
from myvta.isa.instructions import Load, Store
from myvta.isa.opcodes import MemoryType

CONFIG = named("1x4x4")
PLACE = Activation(1000, 2, 3, ChannelLayout(12, 5, 7))
BOX = Range(1, 2), Range(2, 3), Range(4, 2)


def test_a_part_is_a_box_of_rows_for_each_block() -> None:
    builder = StreamBuilder(CONFIG)
    load_map(builder, 10, PLACE, 1, BOX)
    store_map(builder, 20, PLACE, 1, BOX)
    instructions = builder.finish().instructions
    loads = [item for item in instructions if isinstance(item, Load)]
    stores = [item for item in instructions if isinstance(item, Store)]
    first = 1000 + (3 + 1) * 35 + 2 * 7 + 4  # group 1, block 1, row 2, column 4
    assert [(item.sram_base, item.dram_base) for item in loads] == [
        (10, first), (16, first + 35)]
    assert [(item.sram_base, item.dram_base) for item in stores] == [
        (20, first), (26, first + 35)]
    shapes = {(item.x_size, item.y_size, item.x_stride) for item in (*loads, *stores)}
    assert shapes == {(2, 3, 7)}


def test_the_identity_is_one_weight_tile() -> None:
    placed: dict[str, np.ndarray] = {}

    def constants(name: str, tiles: np.ndarray, memory_type: MemoryType) -> int:
        placed[name] = tiles
        return AddressSpace(CONFIG, 4096).constants(name, tiles, memory_type)

    node = QuantizedNode("Any", "any", ("x",), ("y",), Attributes())
    load, builder = place_identity(node, CONFIG, constants), StreamBuilder(CONFIG)
    load(builder, base=3)
    np.testing.assert_array_equal(placed["any.weights"], np.eye(4))
    (item,) = [item for item in builder.finish().instructions if isinstance(item, Load)]
    assert (item.memory_type, item.sram_base, item.x_size, item.y_size) == (
        MemoryType.WGT, 3, 1, 1)
    assert item.dram_base == 4096 // 16

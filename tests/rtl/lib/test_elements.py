"""elements: every table of every configuration, against bits counted from the shapes of tiles."""

import pytest
from extended import extended

from myvta.isa.config import NAMED
from myvta.isa.opcodes import MemoryType
from myvta.rtl.lib.elements import MAX_LANES, depths, last_columns, last_lanes, log_bytes

CONFIGURATIONS = [
    config.replace(log_bus_width=log_bus)
    for config in (*NAMED.values(), extended("1x4x4+all"))
    for log_bus in (6, 7, 8)
]
CASES = [(config, kind) for config in CONFIGURATIONS for kind in config.memory_types]


def bits(config, kind):
    """Bits of an element: rows times columns times operand (vta_isa.md 1.1)."""
    batch, block = 1 << config.log_batch, 1 << config.log_block
    return {
        MemoryType.UOP: 32,
        MemoryType.INP: batch * block << config.log_inp_width,
        MemoryType.WGT: block * block << config.log_wgt_width,
        MemoryType.ACC: batch * block * 32,
        MemoryType.OUT: batch * block << config.log_inp_width,
        MemoryType.ACC_8BIT: batch * block * 8,
        MemoryType.LUT: 256 * 16,
        MemoryType.WGT_4BIT: block * block * 4,
    }[kind]


def test_lanes_and_columns_are_counted_from_bits():
    for config, kind in CASES:
        port, element = 1 << config.log_bus_width, bits(config, kind)
        assert 8 << log_bytes(config)[kind] == element, (config, kind)
        assert (last_lanes(config)[kind] + 1) * element == max(port, element), (config, kind)
        assert (last_columns(config)[kind] + 1) * port == max(port, element), (config, kind)
        assert last_lanes(config)[kind] < MAX_LANES, (config, kind)


@pytest.mark.parametrize("name", NAMED)
def test_depths_fill_the_buffers(name):
    config = NAMED[name]
    for kind, log_size in (
        (MemoryType.UOP, config.log_uop_buff_size), (MemoryType.INP, config.log_inp_buff_size),
        (MemoryType.WGT, config.log_wgt_buff_size), (MemoryType.ACC, config.log_acc_buff_size),
    ):
        assert depths(config)[kind] * bits(config, kind) == 8 << log_size, kind
    assert depths(config)[MemoryType.OUT] == depths(config)[MemoryType.ACC]
    assert depths(config)[MemoryType.ACC_8BIT] == depths(config)[MemoryType.ACC]


@pytest.mark.parametrize("table", [depths, last_columns, last_lanes, log_bytes])
def test_memory_types_that_a_configuration_does_not_have_read_zero(table):
    values = table(NAMED["lean"])
    assert len(values) == 8
    assert values[6:] == (0, 0)
    assert table(extended("lean+lookup"))[7] == table(extended("lean+weights4"))[6] == 0


def test_tables_and_narrow_weights_have_depths():
    assert depths(extended("1x4x4+all"))[6:] == (4, 128)


def test_types_that_never_come_and_undefined_ones_read_as_another_one_s_bytes():
    config, others = NAMED["default"], (MemoryType.UOP, MemoryType.ACC)
    whole, table = log_bytes(config), log_bytes(config, others)
    kinds = [kind for kind in config.memory_types if kind not in others]
    assert [table[kind] for kind in kinds] == [whole[kind] for kind in kinds]
    assert len(table) == 8 and set(table) == {whole[kind] for kind in kinds}


def test_max_lanes_is_reached():
    widest = NAMED["1x4x4_int4"].replace(log_bus_width=8)
    assert last_lanes(widest)[MemoryType.INP] + 1 == MAX_LANES

"""Derived sizes of a configuration, worked by hand from vta_isa.md 1.1."""

import zlib

import pytest

from myvta.isa.config import named
from myvta.isa.extensions import EXTENSION_NAMES
from myvta.isa.geometry import Geometry
from myvta.isa.opcodes import MemoryType

# batch 2, block 8, int4 inputs, int8 weights, 128-bit port
GEOMETRY = Geometry(
    log_batch=1, log_block=3, log_inp_width=2, log_uop_buff_size=10, log_inp_buff_size=11,
    log_wgt_buff_size=12, log_acc_buff_size=13, log_bus_width=7,
)


def test_shape_and_widths():
    assert (GEOMETRY.batch, GEOMETRY.block_in, GEOMETRY.block_out, GEOMETRY.lanes) == (2, 8, 8, 16)
    assert GEOMETRY.macs_per_step == 2 * 8 * 8
    assert (GEOMETRY.inp_width, GEOMETRY.wgt_width, GEOMETRY.acc_width) == (4, 8, 32)
    assert GEOMETRY.out_width == 4
    assert (GEOMETRY.bus_width, GEOMETRY.bus_bytes) == (128, 16)


@pytest.mark.parametrize(
    ("kind", "tile_bytes", "depth"),
    [
        (MemoryType.UOP, 4, 256),  # 2^10 bytes of 4
        (MemoryType.WGT, 64, 64),  # 8 x 8 int8 in 2^12 bytes
        (MemoryType.INP, 8, 256),  # 2 x 8 int4 in 2^11 bytes
        (MemoryType.ACC, 64, 128),  # 2 x 8 int32 in 2^13 bytes
        (MemoryType.OUT, 8, 128),  # 2 x 8 int4, the accumulator's depth
        (MemoryType.ACC_8BIT, 16, 128),  # 2 x 8 int8 whatever the operands
    ],
)
def test_tile_bytes_and_depth_of_a_memory_type(kind, tile_bytes, depth):
    assert GEOMETRY.tile_bytes(kind) == tile_bytes
    assert 1 << (GEOMETRY.log_tile_bits(kind) - 3) == tile_bytes
    assert GEOMETRY.depth(kind) == 1 << GEOMETRY.log_depth(kind) == depth


def test_log_depths_of_the_scratchpads():
    assert GEOMETRY.log_uop_depth == 8
    assert GEOMETRY.log_inp_depth == 8
    assert GEOMETRY.log_wgt_depth == 6
    assert GEOMETRY.log_acc_depth == 7


def test_fingerprint_is_the_crc_of_all_a_program_depends_on():
    assert GEOMETRY.canonical == "2x8_i4w8a32_10_11_12_13"
    assert GEOMETRY.fingerprint == zlib.crc32(b"2x8_i4w8a32_10_11_12_13")


def test_extensions_are_part_of_the_canonical_text():
    assert Geometry(overwrite=True).canonical == "1x16_i8w8a32_15_15_18_17_o"
    assert Geometry(overwrite=True, requantize=True).canonical == "1x16_i8w8a32_15_15_18_17_oq"


def test_extended_tells_an_extension_of_any_kind():
    assert not named("base").extended
    assert not named("1x4x4_base").extended
    for name in EXTENSION_NAMES:
        needed = {"requantize": True} if name == "lookup" else {}
        assert named("base").replace(**{name: True, **needed}).extended

"""Device memory, its window, and the pattern of the scratchpads at power-up."""

import re

import pytest

from myvta.driver import WindowError
from myvta.isa.config import named
from myvta.isa.opcodes import ErrorCode, MemoryType
from myvta.model.dram import Dram, Window
from myvta.model.model_errors import DeviceFault
from myvta.model.scratchpads import Scratchpads

OPEN = Window(0, 0xFFFF_FFFF)


@pytest.mark.parametrize(
    ("base", "size", "message"),
    [
        (1, 4096, "memory base must be a multiple of 4096, not 0x1"),
        (0, 4097, "memory size must be a multiple of 4096, not 0x1001"),
        (-4096, 4096, "memory base must be a multiple of 4096, not -0x1000"),
        (0, 0, "memory must be 1..2^32 bytes and end by 2^32, not 0x0 bytes at 0x0"),
        (
            0xFFFF_F000, 0x2000,
            "memory must be 1..2^32 bytes and end by 2^32, not 0x2000 bytes at 0xfffff000",
        ),
    ],
)
def test_dram_refuses_illegal_base_and_size(base, size, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Dram(base, size)


def test_dram_reads_written_bytes():
    dram = Dram(0x1000, 0x1000)
    dram.write(0x1FFE, b"\x12\x34")
    assert dram.read(0x1FFD, 3) == b"\x00\x12\x34"
    assert dram.read(0x2000, 0) == b""


@pytest.mark.parametrize(("address", "size"), [(0xFFF, 1), (0x2000, 1), (0x1FFF, 2), (0x1000, -1)])
def test_dram_refuses_addresses_outside(address, size):
    dram = Dram(0x1000, 0x1000)
    with pytest.raises(WindowError, match=r"are outside the memory 0x1000\.\.0x1fff"):
        dram.read(address, size)


def test_dram_write_outside_changes_nothing():
    dram = Dram(0, 4096)
    with pytest.raises(WindowError):
        dram.write(4094, b"\xff\xff\xff")
    assert dram.read(0, 4096) == bytes(4096)


def test_rows_are_strided_views():
    dram = Dram(0, 4096)
    dram.write(0, bytes(range(32)))
    rows = dram.rows(OPEN, 2, 3, 8, 3)
    assert rows.tolist() == [[2, 3, 4], [10, 11, 12], [18, 19, 20]]
    rows[1] = 0xFF
    assert dram.read(9, 5) == b"\x09\xff\xff\xff\x0d"


def test_rows_may_end_with_the_memory():
    assert Dram(0, 4096).rows(OPEN, 4096 - 12, 4, 8, 2).shape == (2, 4)


@pytest.mark.parametrize(
    ("window", "address", "rows", "code", "row"),
    [
        (Window(0x1000, 0x1FFF), 0x0FFE, 1, ErrorCode.WINDOW, 0),
        (Window(0x1000, 0x1FFF), 0x1FFE, 1, ErrorCode.WINDOW, 0),
        (Window(0x1000, 0x1FFF), 0x1FE4, 4, ErrorCode.WINDOW, 2),
        (Window(0x0000, 0xFFFF), 0x2FFD, 1, ErrorCode.BUS, 0),
        (Window(0x0000, 0xFFFF), 0x2FE4, 9, ErrorCode.BUS, 2),
        (Window(0x1000, 0x0FFF), 0x1000, 1, ErrorCode.WINDOW, 0),
        (Window(0, 0xFFFF_FFFF), 0xFFFF_FFFE, 1, ErrorCode.WINDOW, 0),
        (Window(0, 0xFFFF_FFFF), 0x1_0000_0000, 1, ErrorCode.WINDOW, 0),
    ],
)
def test_rows_outside_are_faults(window, address, rows, code, row):
    with pytest.raises(DeviceFault) as error:
        Dram(0x1000, 0x2000).rows(window, address, 4, 13, rows)
    assert error.value.code == code
    assert error.value.detail.startswith(f"row {row} is 4 bytes at {address + 13 * row:#x}")


@pytest.mark.parametrize("name", ["1x4x4", "2x8x8", "1x4x4_int4", "1x16x16_w4"])
def test_scratchpads_power_up_with_a_visible_pattern(name):
    config = named(name)
    pads = Scratchpads(config)
    assert pads.uop.tolist() == [0xA5A5A5A5] * config.depth(MemoryType.UOP)
    assert pads.inp.shape == (config.depth(MemoryType.INP), config.batch, config.block_in)
    assert pads.wgt.shape == (config.depth(MemoryType.WGT), config.block_out, config.block_in)
    assert pads.acc.shape == (config.depth(MemoryType.ACC), config.batch, config.block_out)
    assert set(pads.inp.flat) == ({5, -6} if config.inp_width == 4 else {-91})
    assert set(pads.wgt.flat) == ({5, -6} if config.wgt_width == 4 else {-91})
    assert set(pads.acc.flat) == {-1515870811}

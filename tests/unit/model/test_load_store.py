"""LOAD and STORE against values worked out by hand (vta_isa.md 4.1, 4.2; padding and
strides: rules D5 to D13 of docs/device.md)."""

import numpy as np
import pytest

from myvta.isa.config import named
from myvta.isa.instructions import Finish, Load, Store
from myvta.isa.opcodes import MemoryType
from myvta.isa.register_map import Reg
from myvta.model.device import Device

P = -91  # value of a lane of INP before anything is written
UOP, WGT, INP, ACC, ACC_8BIT = (
    MemoryType.UOP, MemoryType.WGT, MemoryType.INP, MemoryType.ACC, MemoryType.ACC_8BIT,
)


def device(name="1x4x4"):
    out = Device(named(name), memory_size=1 << 16)
    out.open_window()
    return out


def loaded_inp(tiles, **fields):
    """First lane of the first INP tiles after a LOAD; DRAM tile n holds n + 1 in every lane."""
    it = device()
    it.memory.write(0, bytes(n + 1 for n in range(64) for _ in range(4)))
    it.run_stream([Load(memory_type=INP, **fields), Finish()])
    return it.pads.inp[:tiles, 0, 0].tolist()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"x_size": 3}, [1, 2, 3, P]),
        ({"x_size": 2, "sram_base": 1, "dram_base": 4}, [P, 5, 6, P]),
        ({"x_size": 2, "y_size": 2, "x_stride": 5}, [1, 2, 6, 7, P]),
        ({"x_size": 2, "y_size": 3, "x_stride": 0}, [1, 2, 1, 2, 1, 2, P]),
        ({"x_size": 2, "y_size": 2, "x_stride": 1}, [1, 2, 2, 3, P]),
        ({"x_size": 1, "x_pad_0": 2}, [0, 0, 1, P]),
        ({"x_size": 1, "x_pad_1": 2}, [1, 0, 0, P]),
        ({"x_size": 2, "y_pad_0": 1}, [0, 0, 1, 2, P]),
        ({"x_size": 2, "y_pad_1": 2}, [1, 2, 0, 0, 0, 0, P]),
        (
            {
                "x_size": 1, "y_size": 2, "x_stride": 8, "x_pad_0": 1,
                "x_pad_1": 1, "y_pad_0": 1, "y_pad_1": 1,
            },
            [0, 0, 0, 0, 1, 0, 0, 9, 0, 0, 0, 0, P],
        ),
        ({"x_size": 0, "y_size": 2, "y_pad_0": 3, "x_pad_0": 3}, [P, P, P]),
        (
            {"x_size": 2, "y_size": 0, "y_pad_0": 1, "y_pad_1": 1, "x_pad_0": 1},
            [0, 0, 0, 0, 0, 0, P],
        ),
        ({"x_size": 2, "y_size": 0}, [P, P]),
        ({"x_size": 0xFFFF, "y_size": 0, "x_stride": 0xFFFF}, [P, P]),
    ],
)
def test_load_walks_rows_and_pads(fields, expected):
    assert loaded_inp(len(expected), **fields) == expected


def test_load_fills_a_scratchpad_to_its_last_tile():
    assert loaded_inp(256, x_size=1, sram_base=255)[254:] == [P, 1]


def test_load_wgt_is_row_major():
    it = device()
    it.memory.write(256, bytes(range(16)))
    it.write_register(Reg.WGT_BASE, 240)
    it.run_stream([Load(memory_type=WGT, x_size=1, sram_base=3, dram_base=1), Finish()])
    assert it.pads.wgt[3].tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11], [12, 13, 14, 15]]


def test_load_acc_and_acc_8bit():
    it = device()
    it.memory.write(0, np.array([1, -2, 2**31 - 1, -(2**31)], "<i4").tobytes())
    it.memory.write(32, b"\x01\xff\x7f\x80" * 2)
    it.run_stream([
        Load(memory_type=ACC, x_size=1, x_pad_1=1),
        Load(memory_type=ACC_8BIT, x_size=1, sram_base=3, dram_base=8, x_pad_0=1),
        Finish(),
    ])
    tiles = it.pads.acc[:5, 0].tolist()
    assert tiles[:2] == [[1, -2, 2**31 - 1, -(2**31)], [0, 0, 0, 0]]
    assert tiles[3:] == [[0, 0, 0, 0], [1, -1, 127, -128]]


def test_load_uop_is_two_dimensional_with_padding():
    it = device()
    it.memory.write(0, np.arange(10, 20, dtype="<u4").tobytes())
    it.run_stream([
        Load(memory_type=UOP, x_size=1, y_size=2, x_stride=3, x_pad_1=1, dram_base=1), Finish()
    ])
    assert it.pads.uop[:5].tolist() == [11, 0, 14, 0, 0xA5A5A5A5]


def test_batch_rows_follow_each_other():
    it = device("2x8x8")
    it.memory.write(16, bytes(range(16)))
    it.run_stream([Load(memory_type=INP, x_size=1, dram_base=1), Finish()])
    assert it.pads.inp[0].tolist() == [list(range(8)), list(range(8, 16))]


def test_four_bit_operands_even_lane_in_the_low_nibble():
    it = device("1x4x4_int4")
    it.memory.write(0, b"\x21\xf8")
    it.memory.write(64, b"\x10\x32\x54\x76\x98\xba\xdc\xfe")
    it.run_stream([
        Load(memory_type=INP, x_size=1), Load(memory_type=WGT, x_size=1, dram_base=8), Finish()
    ])
    assert it.pads.inp[0, 0].tolist() == [1, 2, -8, -1]
    assert it.pads.wgt[0].tolist() == [
        [0, 1, 2, 3], [4, 5, 6, 7], [-8, -7, -6, -5], [-4, -3, -2, -1],
    ]


def stored(**fields):
    """First byte of each of the first 12 OUT tiles in DRAM; ACC tile n holds 256 + n."""
    it = device()
    it.memory.write(0, b"\xee" * 64)
    it.pads.acc[:] = (256 + np.arange(256))[:, None, None]
    it.run_stream([Store(**fields), Finish()])
    data = it.memory.read(0, 48)
    assert all(data[n] == data[n + 1] == data[n + 3] for n in range(0, 48, 4))
    return list(data[::4])


E = 0xEE


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"x_size": 2}, [0, 1, E, E]),
        ({"x_size": 2, "sram_base": 5, "dram_base": 1}, [E, 5, 6, E]),
        ({"x_size": 2, "y_size": 2, "x_stride": 3}, [0, 1, E, 2, 3, E]),
        ({"x_size": 2, "y_size": 3, "x_stride": 1}, [0, 2, 4, 5, E]),
        ({"x_size": 2, "y_size": 2, "x_stride": 0}, [2, 3, E]),
        ({"x_size": 0, "y_size": 2}, [E, E]),
        ({"x_size": 2, "y_size": 0}, [E, E]),
        ({"x_size": 0, "memory_type": UOP, "x_pad_0": 3}, [E, E]),
    ],
)
def test_store_writes_only_the_addressed_tiles(fields, expected):
    assert stored(**fields)[: len(expected)] == expected


def test_store_truncates_to_four_bits():
    it = device("1x4x4_int4")
    it.pads.acc[0, 0] = [1, -1, 0x27, 0x38]
    it.run_stream([Store(x_size=1, dram_base=1), Finish()])
    assert it.memory.read(0, 6) == b"\x00\x00\xf1\x87\x00\x00"


def test_base_pointers_are_added():
    it = device()
    it.memory.write(0x120, b"\x07\x08\x09\x0a")
    it.write_register(Reg.INP_BASE, 0x11C)
    it.write_register(Reg.OUT_BASE, 0x200)
    it.pads.acc[0] = 5
    it.run_stream([
        Load(memory_type=INP, x_size=1, dram_base=1), Store(x_size=1, dram_base=2), Finish()
    ])
    assert it.pads.inp[0, 0].tolist() == [7, 8, 9, 10]
    assert it.memory.read(0x204, 12) == b"\x00" * 4 + b"\x05" * 4 + b"\x00" * 4

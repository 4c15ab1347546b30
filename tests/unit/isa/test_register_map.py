"""The register map: VTA's offsets as literals, ours without holes in the rules."""

import zlib

import pytest

from myvta.isa.config import NAMED
from myvta.isa.opcodes import ERROR_TEXT, ErrorCode
from myvta.isa.register_map import (
    COUNTERS,
    PERFORMANCE,
    REGISTERS,
    Reg,
    Status,
    reset_values,
)


def test_registers_have_their_published_offsets():
    """vta_isa.md 7.1, 32-bit pointers."""
    assert {
        "control": Reg.CONTROL, "cycles": Reg.CYCLES, "count": Reg.INSN_COUNT,
        "insn": Reg.INSN_BASE, "uop": Reg.UOP_BASE, "inp": Reg.INP_BASE, "wgt": Reg.WGT_BASE,
        "acc": Reg.ACC_BASE, "out": Reg.OUT_BASE, "acc writes": Reg.ACC_WRITES,
    } == {
        "control": 0x00, "cycles": 0x04, "count": 0x08, "insn": 0x0C, "uop": 0x10, "inp": 0x14,
        "wgt": 0x18, "acc": 0x1C, "out": 0x20, "acc writes": 0x24,
    }
    assert (Status.LAUNCH, Status.FINISH) == (1, 2)


def test_registers_are_listed_once_and_ours_begin_at_0x40():
    assert set(REGISTERS) == set(Reg)
    assert list(REGISTERS) == sorted(REGISTERS)
    assert all(offset % 4 == 0 and register.offset == offset
               for offset, register in REGISTERS.items())
    assert all(offset <= 0x24 or offset >= 0x40 for offset in REGISTERS)
    assert {register.access for register in REGISTERS.values()} == {"rw", "ro", "wo", "w1c", "w1s"}
    assert all(REGISTERS[counter].access == "ro" for counter in COUNTERS)


@pytest.mark.parametrize(("name", "features"), [
    ("default", 0x8_7F), ("lean", 3), ("base", 0), ("1x32x32", 0x10_7F), ("1x16x16_w4", 0x8_3F),
])
def test_registers_have_their_reset_values(name, features):
    values = reset_values(NAMED[name])
    assert values[Reg.FEATURES] == features
    assert values[Reg.IDENTITY].to_bytes(4, "little") == b"MVTA"
    assert values[Reg.FINGERPRINT] == zlib.crc32(NAMED[name].canonical.encode())
    assert values[Reg.WINDOW_BASE] > values[Reg.WINDOW_LIMIT]  # closed
    assert values[Reg.CONTROL] == 0


@pytest.mark.parametrize(
    ("counters", "code", "architectural", "performance"),
    [("all", 0, True, True), ("basic", 1, True, False), ("none", 2, False, False)])
def test_counters_that_a_configuration_lacks_do_not_exist(
    counters, code, architectural, performance,
):
    config = NAMED["1x4x4"].replace(counters=counters)
    assert reset_values(config)[Reg.FEATURES] == code << 16 | 3
    of_extensions = {Reg.LUT_BYTES, Reg.WGT_4BIT_BYTES, Reg.DWC_STEPS}
    for registers, exist in (
        (set(COUNTERS) - of_extensions, architectural),
        ({one for group in PERFORMANCE.values() for one in group}, performance),
        ({Reg.CYCLES, Reg.ERROR_CODE, Reg.WATCHDOG}, True),
    ):
        assert {REGISTERS[one].exists(config) for one in registers} == {exist}


def test_every_error_has_a_text():
    assert set(ERROR_TEXT) == set(ErrorCode)
    assert len(set(ERROR_TEXT.values())) == len(ErrorCode)

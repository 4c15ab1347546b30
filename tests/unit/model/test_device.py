"""Register map, launch protocol, window, alignment, counters (registers.py, contract 5 to 11)."""

import pytest
from model_device import CODE, error_of, launch, open_device

from myvta.driver import RegisterError
from myvta.isa.config import named
from myvta.isa.instructions import (
    Alu,
    Finish,
    Gemm,
    Load,
    Store,
    Undefined,
    Uop,
    encode_stream,
    encode_uop,
)
from myvta.isa.opcodes import ErrorCode, MemoryType
from myvta.isa.register_map import COUNTERS, REGISTERS, Reg, Status, reset_values
from myvta.model.device import Device
from myvta.model.model_errors import DeviceFault

INP, WGT, ACC, UOP = MemoryType.INP, MemoryType.WGT, MemoryType.ACC, MemoryType.UOP


@pytest.mark.parametrize("name", ["default", "base", "1x4x4"])
def test_registers_have_their_reset_values(name):
    it = Device(named(name), memory_size=4096)
    expected = reset_values(named(name))
    assert {offset: it.read_register(offset) for offset in REGISTERS} == expected


def test_unmapped_registers_read_zero_and_ignore_writes():
    it = open_device()
    for offset in (0x28, 0x3C, 0x7C, 0xA4, 0xFFFC):
        it.write_register(offset, 0xFFFF_FFFF)
        assert it.read_register(offset) == 0


@pytest.mark.parametrize("name", [reg for reg, row in REGISTERS.items() if row.access == "ro"])
def test_read_only_registers_ignore_writes(name):
    it = open_device()
    before = it.read_register(name)
    it.write_register(name, before ^ 0xFFFF_FFFF)
    assert it.read_register(name) == before


@pytest.mark.parametrize(
    ("name", "written", "read"),
    [
        (Reg.INSN_COUNT, 0xFFFF_FFFF, 0xFFFF_FFFF),
        (Reg.INSN_BASE, 0x123, 0x123),
        (Reg.OUT_BASE, 0xDEAD_BEEF, 0xDEAD_BEEF),
        (Reg.WINDOW_BASE, 0x1234_5678, 0x1234_5000),
        (Reg.WINDOW_LIMIT, 0x1234_5000, 0x1234_5FFF),
        (Reg.INTERRUPT_ENABLE, 0xFFFF_FFFF, 1),
        (Reg.CONTROL, 0xFFFF_FFFE, 0),
    ],
)
def test_writable_registers(name, written, read):
    it = open_device()
    it.write_register(name, written)
    assert it.read_register(name) == read


@pytest.mark.parametrize("offset", [1, 2, -4, 0x10000])
def test_bad_offsets_are_refused(offset):
    message = f"a register offset is a multiple of 4 below 0x10000, not {offset}"
    for access in (open_device().read_register, lambda at: open_device().write_register(at, 0)):
        with pytest.raises(RegisterError, match=f"^{message}$"):
            access(offset)


@pytest.mark.parametrize("value", [-1, 1 << 32])
def test_bad_values_are_refused(value):
    with pytest.raises(RegisterError, match=f"^a register holds 32 bits, not {value}$"):
        open_device().write_register(Reg.INSN_COUNT, value)


def test_control_launches_and_clears():
    it = open_device()
    assert launch(it, [Finish()]) == Status.FINISH
    assert it.read_register(Reg.INSTRUCTIONS) == 1
    it.write_register(Reg.CONTROL, 0)
    assert it.read_register(Reg.CONTROL) == 0
    assert it.read_register(Reg.INSTRUCTIONS) == 1  # counters hold until the next launch


def test_errors_hold_until_the_next_launch():
    it = open_device()
    assert launch(it, [Load(memory_type=UOP), Undefined(6), Finish()]) == 6
    assert error_of(it) == (ErrorCode.OPCODE, 1)
    assert isinstance(it.last_fault, DeviceFault)
    it.write_register(Reg.CONTROL, 0)
    assert error_of(it) == (ErrorCode.OPCODE, 1)
    assert launch(it, [Finish()]) == Status.FINISH
    assert error_of(it) == (ErrorCode.NONE, 0)
    assert it.last_fault is None


def test_a_launch_after_an_error_starts_clean():
    """Queues and tokens of the failed launch are gone, scratchpads are not."""
    it = open_device()
    it.memory.write(0, b"\x05" * 4)
    stream = [
        Load(memory_type=INP, x_size=1, push_next=1), Load(memory_type=INP, pop_next=1),
        Alu(alu_opcode=5, pop_prev=1), Finish(),
    ]
    assert launch(it, stream) == Status.FINISH | Status.ERROR
    assert launch(it, [Finish()]) == Status.FINISH
    assert it.pads.inp[0, 0].tolist() == [5] * 4


def test_interrupt_follows_the_end_of_a_launch():
    it = open_device()
    launch(it, [Finish()])
    assert it.read_register(Reg.INTERRUPT_STATUS) == 1
    assert not it.interrupt
    it.write_register(Reg.INTERRUPT_ENABLE, 1)
    assert it.interrupt
    it.write_register(Reg.INTERRUPT_STATUS, 0)
    assert it.interrupt
    it.write_register(Reg.INTERRUPT_STATUS, 1)
    assert (it.interrupt, it.read_register(Reg.INTERRUPT_STATUS)) == (False, 0)
    launch(it, [Undefined(7)])  # an error ends a launch too
    assert it.interrupt


@pytest.mark.parametrize(
    ("name", "value", "multiple"),
    [
        (Reg.INSN_BASE, CODE + 8, 16), (Reg.UOP_BASE, 2, 4), (Reg.INP_BASE, 2, 4),
        (Reg.WGT_BASE, 8, 16), (Reg.ACC_BASE, 4, 16), (Reg.OUT_BASE, 1, 4),
    ],
)
def test_misaligned_base_pointers_are_faults(name, value, multiple):
    it = open_device()
    launch(it, [Undefined(7)])
    it.write_register(name, value)
    it.write_register(Reg.CONTROL, 1)
    assert error_of(it) == (ErrorCode.ALIGNMENT, 0)
    assert it.last_fault.detail == f"{name.name} {value:#x} is not a multiple of {multiple}"
    it.write_register(name, value - value % multiple)
    it.write_register(Reg.CONTROL, 1)
    assert error_of(it)[0] != ErrorCode.ALIGNMENT


def narrow(it, base, limit):
    it.write_register(Reg.WINDOW_BASE, base)
    it.write_register(Reg.WINDOW_LIMIT, limit)


def test_the_window_is_closed_after_reset():
    it = Device(named("1x4x4"), memory_size=1 << 16)
    assert launch(it, [Finish()]) == 6
    assert error_of(it) == (ErrorCode.WINDOW, 0)


def test_fetch_is_subject_to_the_window():
    it = open_device()
    narrow(it, 0, 0x7FFF)
    assert launch(it, [Load(memory_type=UOP), Finish()], at=0x7FF0) == 6
    assert error_of(it) == (ErrorCode.WINDOW, 1)


def test_nothing_after_finish_is_fetched():
    it = open_device()
    narrow(it, 0, 0x7FFF)
    assert launch(it, [Load(memory_type=UOP), Finish()], count=0xFFFF_FFFF, at=0x7FE0) == 2


def test_fetch_past_the_memory_is_a_bus_error():
    it = open_device()
    narrow(it, 0, 0x1_FFFF)
    assert launch(it, [Load(memory_type=UOP)], count=2, at=0xFFF0) == 6
    assert error_of(it) == (ErrorCode.BUS, 1)


@pytest.mark.parametrize(
    ("instruction", "base_register", "base"),
    [
        (Load(memory_type=INP, x_size=2), Reg.INP_BASE, 0x1FFC),
        (Load(memory_type=INP, x_size=1), Reg.INP_BASE, 0x0FFC),
        (Load(memory_type=WGT, x_size=1, y_size=3, x_stride=0x80), Reg.WGT_BASE, 0x1000),
        (Load(memory_type=ACC, x_size=1, dram_base=0xFFFF_FFFF), Reg.ACC_BASE, 0),
        (Load(memory_type=UOP, x_size=1), Reg.UOP_BASE, 0xFFFF_FFFC),
        (Load(memory_type=UOP, x_size=2), Reg.UOP_BASE, 0xFFFF_FFFC),
        (Store(x_size=1, y_size=2, x_stride=0x400), Reg.OUT_BASE, 0x1000),
        (Store(x_size=1), Reg.OUT_BASE, 0x2000),
    ],
)
def test_data_outside_the_window_is_a_fault(instruction, base_register, base):
    it = open_device()
    it.memory.write(0, b"\xee" * 0x8000)
    it.memory.write(0x1000, encode_stream([instruction, Finish()], it.config))
    narrow(it, 0x1000, 0x1FFF)
    it.write_register(Reg.INSN_COUNT, 2)
    it.write_register(Reg.INSN_BASE, 0x1000)
    it.write_register(base_register, base)
    it.write_register(Reg.CONTROL, 1)
    assert error_of(it) == (ErrorCode.WINDOW, 0)
    assert it.memory.read(0, 0x1000) == b"\xee" * 0x1000  # guard bytes round the window
    assert it.memory.read(0x2000, 0x6000) == b"\xee" * 0x6000


def test_the_last_row_may_end_with_the_window():
    it = open_device()
    narrow(it, 0x1000, 0xFFFF)
    it.write_register(Reg.INP_BASE, 0xFFF8)
    assert launch(it, [Load(memory_type=INP, x_size=2), Finish()]) == Status.FINISH


def test_counters_count_instructions_and_steps():
    it = open_device()
    it.memory.write(0x100, encode_uop(Uop(dst=1, src=2, wgt=3), it.config).to_bytes(4, "little"))
    it.write_register(Reg.UOP_BASE, 0x100)
    stream = [
        Load(memory_type=UOP, x_size=3, y_size=2, x_stride=4, x_pad_0=1),
        Load(memory_type=INP, x_size=5, y_pad_0=2, x_pad_1=3),
        Load(memory_type=WGT, x_size=2, y_size=3),
        Load(memory_type=ACC, x_size=2, y_size=2),
        Load(memory_type=MemoryType.ACC_8BIT, x_size=7, y_size=0, y_pad_1=1),
        Load(memory_type=MemoryType.ACC_8BIT, x_size=3),
        Load(memory_type=INP, x_size=0, y_size=9),
        Gemm(uop_bgn=1, uop_end=3, iter_out=3, iter_in=4),
        Gemm(reset=1, uop_bgn=1, uop_end=2, iter_in=5),
        Gemm(uop_bgn=1, uop_end=2, iter_in=0),
        Alu(use_imm=1, uop_bgn=1, uop_end=3, iter_in=3),
        Store(x_size=2, y_size=4, x_stride=9, dram_base=256),
        Finish(),
    ]
    assert launch(it, stream) == Status.FINISH
    assert it.counters == {
        Reg.INSTRUCTIONS: 13, Reg.GEMM_STEPS: 24, Reg.ALU_STEPS: 6, Reg.ACC_WRITES: 35,
        Reg.UOP_BYTES: 24, Reg.INP_BYTES: 20, Reg.WGT_BYTES: 96, Reg.ACC_BYTES: 64,
        Reg.ACC_8BIT_BYTES: 12, Reg.OUT_BYTES: 32, Reg.LUT_BYTES: 0, Reg.WGT_4BIT_BYTES: 0,
        Reg.DWC_STEPS: 0,
    }
    assert {name: it.read_register(name) for name in COUNTERS} == it.counters
    launch(it, [Finish()])
    assert it.counters == {**dict.fromkeys(COUNTERS, 0), Reg.INSTRUCTIONS: 1}


@pytest.mark.parametrize(("counters", "instructions"), [("all", 1), ("basic", 1), ("none", 0)])
def test_counters_that_the_configuration_lacks_read_0(counters, instructions):
    it = Device(named("1x4x4").replace(counters=counters), memory_size=1 << 20)
    it.open_window()
    assert launch(it, [Finish()]) == Status.FINISH
    assert it.read_register(Reg.INSTRUCTIONS) == instructions
    assert sum(it.counters.values()) == instructions


def test_counters_wrap_at_32_bits():
    it = open_device()
    it.pads.uop[0] = 0
    repeat = Gemm(iter_out=16383, iter_in=16383)
    launch(it, [repeat] * 17 + [Finish()])
    assert it.read_register(Reg.GEMM_STEPS) == 17 * 16383 * 16383 - 2**32

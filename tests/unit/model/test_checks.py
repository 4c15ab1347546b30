"""Static faults: each code, its index, its wording, and which one wins (contract item 2)."""

import pytest

from myvta.isa.asm.disassembler import format_instruction
from myvta.isa.config import named
from myvta.isa.instructions import (
    Alu,
    Dwc,
    Finish,
    Gemm,
    Load,
    Store,
    Undefined,
    decode,
    encode,
    route,
)
from myvta.isa.opcodes import AluOpcode, ErrorCode, MemoryType, Module
from myvta.model.device import Device
from myvta.model.model_errors import DeviceFault

INP, WGT, ACC, UOP = MemoryType.INP, MemoryType.WGT, MemoryType.ACC, MemoryType.UOP
RQT = AluOpcode.RQT
Code = ErrorCode

FAULTS = [
    (Undefined(6), Code.OPCODE, "opcode 6 is not defined"),
    (Dwc(uop_end=300), Code.EXTENSION, "DWC, which this configuration does not have (depthwise)"),
    (Undefined(7 | 0xF << 3), Code.OPCODE, "opcode 7 is not defined"),
    (
        Load(memory_type=INP, pop_prev=1), Code.DEPENDENCY,
        "pop_prev or push_prev is set, but load has no previous module",
    ),
    (
        Load(memory_type=WGT, push_prev=1, x_size=9, sram_base=0xFFFF), Code.DEPENDENCY,
        "pop_prev or push_prev is set, but load has no previous module",
    ),
    (
        Store(pop_next=1), Code.DEPENDENCY,
        "pop_next or push_next is set, but store has no next module",
    ),
    (
        Store(push_next=1, memory_type=ACC, x_size=1, x_pad_0=1), Code.DEPENDENCY,
        "pop_next or push_next is set, but store has no next module",
    ),
    (Load(memory_type=4), Code.MEMORY_TYPE, "memory type 4 cannot be loaded"),
    (
        Load(memory_type=6, pop_prev=1), Code.EXTENSION,
        "LOAD LUT, which this configuration does not have (lookup)",
    ),
    (
        Load(memory_type=7, x_size=1), Code.EXTENSION,
        "LOAD WGT_4BIT, which this configuration does not have (weights4)",
    ),
    (
        Store(memory_type=INP, x_size=1, x_pad_0=1), Code.EXTENSION,
        "STORE INP, which this configuration does not have (forward)",
    ),
    (
        Store(memory_type=ACC, x_size=1, x_pad_0=1), Code.MEMORY_TYPE,
        "memory type 3 cannot be stored, only OUT",
    ),
    (
        Gemm(overwrite=1, uop_end=300), Code.EXTENSION,
        "overwrite (bit 63), which this configuration does not have (overwrite)",
    ),
    (
        Gemm(overwrite=1, reset=1), Code.EXTENSION,
        "overwrite (bit 63), which this configuration does not have (overwrite)",
    ),
    (
        Alu(alu_opcode=RQT, imm=0x800), Code.EXTENSION,
        "RQT, which this configuration does not have (requantize)",
    ),
    (Alu(alu_opcode=5), Code.ALU_OPCODE, "ALU opcode 5 is not defined"),
    (
        Alu(alu_opcode=6, uop_end=0), Code.EXTENSION,
        "RED, which this configuration does not have (reduce)",
    ),
    (Store(x_size=1, y_pad_1=1), Code.OPERAND, "padding is set, but STORE does not pad"),
    (
        Store(x_size=999, y_size=0, x_pad_1=1), Code.OPERAND,
        "padding is set, but STORE does not pad",
    ),
    (
        Load(memory_type=INP, sram_base=255, x_size=1, x_pad_1=1), Code.SRAM_RANGE,
        "2 tiles from INP[255] end at 257, depth 256",
    ),
    (
        Load(memory_type=WGT, sram_base=127, x_size=1, y_size=0, y_pad_0=2), Code.SRAM_RANGE,
        "2 tiles from WGT[127] end at 129, depth 128",
    ),
    (
        Load(memory_type=UOP, x_size=0xFFFF, y_size=0xFFFF), Code.SRAM_RANGE,
        "4294836225 tiles from UOP[0] end at 4294836225, depth 256",
    ),
    (
        Load(memory_type=MemoryType.ACC_8BIT, sram_base=256, x_size=1), Code.SRAM_RANGE,
        "1 tiles from ACC_8BIT[256] end at 257, depth 256",
    ),
    (
        Store(sram_base=250, x_size=7), Code.SRAM_RANGE,
        "7 tiles from OUT[250] end at 257, depth 256",
    ),
    (Gemm(uop_end=257), Code.UOP_RANGE, "uop_end 257 is past the end of UOP, depth 256"),
    (
        Alu(uop_bgn=255, uop_end=258), Code.UOP_RANGE,
        "uop_end 258 is past the end of UOP, depth 256",
    ),
]

LEGAL = [
    Load(memory_type=UOP, pop_prev=0, x_size=0, sram_base=0xFFFF, x_pad_0=9, y_pad_0=9),
    Load(memory_type=INP, sram_base=0xFFFF, x_size=9, y_size=0),
    Load(memory_type=INP, sram_base=255, x_size=1),
    Store(memory_type=UOP, x_size=0, x_pad_0=1, sram_base=0xFFFF),
    Store(sram_base=0xFFFF, x_size=9, y_size=0),
    Gemm(uop_end=300, iter_out=0),
    Gemm(uop_end=300, iter_in=0),
    Alu(uop_end=300, uop_bgn=255, iter_in=0),
    Alu(uop_end=256, uop_bgn=255, use_imm=1),
]


def device(name):
    it = Device(named(name), memory_size=4096)
    it.open_window()
    it.pads.uop[:] = 0
    return it


@pytest.mark.parametrize(("instruction", "code", "detail"), FAULTS)
def test_illegal_instruction_is_a_fault(instruction, code, detail):
    it = device("1x4x4_base")
    idle = Load(memory_type=UOP, x_size=0)
    with pytest.raises(DeviceFault) as error:
        it.run_stream([idle, idle, instruction, Finish()])
    fault = error.value
    assert (fault.code, fault.index, fault.detail) == (code, 2, detail)
    listing = format_instruction(instruction, it.config)
    assert str(fault) == f"{code.name} at instruction 2: {detail}\n  {listing}"


@pytest.mark.parametrize(("instruction", "code", "detail"), FAULTS)
def test_static_fault_comes_before_the_tokens(instruction, code, detail):
    """The fault is raised at the head of the queue, whatever the instruction would wait for."""
    it = device("1x4x4_base")
    waiting = decode(encode(instruction, it.config) | 0xF << 3, it.config)  # all four flags
    with pytest.raises(DeviceFault) as error:
        it.run_stream([waiting, Finish()])
    one_sided = route(instruction) != Module.COMPUTE  # and now has a flag on its wrong side
    assert error.value.code == (Code.DEPENDENCY if one_sided else code)
    assert error.value.index == 0


@pytest.mark.parametrize("instruction", LEGAL)
def test_legal_forms_at_the_limits_are_accepted(instruction):
    device("1x4x4").run_stream([instruction, Finish()])


@pytest.mark.parametrize(
    ("instruction", "detail"),
    [
        (Alu(alu_opcode=RQT), "RQT needs use_imm = 1"),
        (Alu(alu_opcode=RQT, imm=0x1000, uop_end=0), "RQT needs use_imm = 1"),
        (
            Alu(alu_opcode=RQT, use_imm=1, imm=0x1000),
            "RQT immediate 0x1000: bits 15:11 must be 0",
        ),
        (
            Alu(alu_opcode=RQT, use_imm=1, imm=-0x1000, uop_end=300),
            "RQT immediate 0xf000: bits 15:11 must be 0",
        ),
    ],
)
def test_rqt_operands_are_checked(instruction, detail):
    with pytest.raises(DeviceFault) as error:
        device("1x4x4").run_stream([instruction, Finish()])
    assert (error.value.code, error.value.detail) == (Code.OPERAND, detail)

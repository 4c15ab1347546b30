"""Static faults by code, wording and precedence, without a device (docs/device.md, Errors)."""

import pytest

from myvta.isa.config import named
from myvta.isa.instructions import Alu, Finish, Gemm, Load, Store, Undefined
from myvta.isa.legality import Legality, footprint, has_steps
from myvta.isa.opcodes import AluOpcode, ErrorCode, MemoryType

BASE, FULL = Legality(named("1x4x4_base")), Legality(named("1x4x4"))  # 256 INP tiles, 128 WGT
INP, UOP = MemoryType.INP, MemoryType.UOP


@pytest.mark.parametrize(
    ("instruction", "code", "text"),
    [
        (Undefined(6), ErrorCode.OPCODE, "opcode 6 is not defined"),
        (Load(memory_type=INP, push_prev=1), ErrorCode.DEPENDENCY,
         "pop_prev or push_prev is set, but load has no previous module"),
        (Store(pop_next=1), ErrorCode.DEPENDENCY,
         "pop_next or push_next is set, but store has no next module"),
        (Load(memory_type=4), ErrorCode.MEMORY_TYPE, "memory type 4 cannot be loaded"),
        (Alu(alu_opcode=AluOpcode.RQT), ErrorCode.EXTENSION,
         "RQT, which this configuration does not have"),
        (Gemm(overwrite=1), ErrorCode.EXTENSION,
         "overwrite (bit 63), which this configuration does not have"),
        (Alu(alu_opcode=6), ErrorCode.ALU_OPCODE, "ALU opcode 6 is not defined"),
        (Load(memory_type=INP, sram_base=250, x_size=3, x_pad_0=2, x_pad_1=2),
         ErrorCode.SRAM_RANGE, "7 tiles from INP[250] end at 257, depth 256"),
        (Gemm(uop_end=257), ErrorCode.UOP_RANGE,
         "uop_end 257 is past the end of UOP, depth 256"),
    ],
)
def test_extensions_are_faults_on_the_base_configuration(instruction, code, text):
    assert BASE.fault(instruction) == (code, text)


@pytest.mark.parametrize(
    ("imm", "use_imm", "text"),
    [
        (0, 0, "RQT needs use_imm = 1"),
        (0x0800, 1, "RQT immediate 0x0800: bits 15:11 must be 0"),
        (-1, 1, "RQT immediate 0xffff: bits 15:11 must be 0"),
    ],
)
def test_unsupported_operand_of_rqt_is_a_fault(imm, use_imm, text):
    fault = FULL.fault(Alu(alu_opcode=AluOpcode.RQT, imm=imm, use_imm=use_imm))
    assert fault == (ErrorCode.OPERAND, text)


def test_the_first_fault_in_the_order_of_the_table_is_returned():
    wrong = Store(pop_next=1, memory_type=INP, x_size=1, x_pad_0=1, sram_base=0xFFFF)
    assert BASE.fault(wrong)[0] == ErrorCode.DEPENDENCY


@pytest.mark.parametrize("instruction", [
    Finish(pop_prev=1, push_next=1), Store(memory_type=INP, x_size=0, x_pad_0=1),
    Gemm(uop_end=300, iter_in=0), Alu(alu_opcode=AluOpcode.RQT, use_imm=1, imm=0x7FF),
    Load(memory_type=UOP, pop_prev=1, push_next=1), Load(memory_type=INP, sram_base=255, x_size=1),
])
def test_legal_instructions_have_no_fault(instruction):
    assert FULL.fault(instruction) is None


def test_footprint_counts_data_and_padding():
    pads = {"y_pad_0": 1, "y_pad_1": 2, "x_pad_0": 3, "x_pad_1": 4}
    assert footprint(Load(memory_type=INP, y_size=5, x_size=6, **pads)) == (1 + 5 + 2) * (3 + 6 + 4)
    assert footprint(Load(memory_type=INP, y_size=0, x_size=6, **pads)) == 3 * 13
    assert footprint(Load(memory_type=INP, y_size=5, x_size=0, **pads)) == 0


@pytest.mark.parametrize(
    ("fields", "steps"),
    [({}, True), ({"iter_out": 0}, False), ({"iter_in": 0}, False), ({"uop_bgn": 1}, False)],
)
def test_steps_need_a_micro_op_and_both_trip_counts(fields, steps):
    assert has_steps(Gemm(**fields)) is has_steps(Alu(**fields)) is steps

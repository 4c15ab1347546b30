"""Static faults by code, wording and precedence, without a device (docs/device.md, Errors)."""

import pytest

from myvta.isa.config import named
from myvta.isa.instructions import Alu, Dwc, Finish, Gemm, Load, Store, Undefined
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
         "RQT, which this configuration does not have (requantize)"),
        (Gemm(overwrite=1), ErrorCode.EXTENSION,
         "overwrite (bit 63), which this configuration does not have (overwrite)"),
        (Alu(alu_opcode=5), ErrorCode.ALU_OPCODE, "ALU opcode 5 is not defined"),
        (Alu(alu_opcode=AluOpcode.RED), ErrorCode.EXTENSION,
         "RED, which this configuration does not have (reduce)"),
        (Dwc(), ErrorCode.EXTENSION, "DWC, which this configuration does not have (depthwise)"),
        (Load(memory_type=6, x_size=1), ErrorCode.EXTENSION,
         "LOAD LUT, which this configuration does not have (lookup)"),
        (Load(memory_type=7, x_size=1), ErrorCode.EXTENSION,
         "LOAD WGT_4BIT, which this configuration does not have (weights4)"),
        (Store(memory_type=INP, x_size=1), ErrorCode.EXTENSION,
         "STORE INP, which this configuration does not have (forward)"),
        (Store(memory_type=3, x_size=1), ErrorCode.MEMORY_TYPE,
         "memory type 3 cannot be stored, only OUT"),
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
        (0x1000, 1, "RQT immediate 0x1000: bits 15:11 must be 0"),
        (0xF000 - 0x10000, 1, "RQT immediate 0xf000: bits 15:11 must be 0"),
    ],
)
def test_unsupported_operand_of_rqt_is_a_fault(imm, use_imm, text):
    fault = FULL.fault(Alu(alu_opcode=AluOpcode.RQT, imm=imm, use_imm=use_imm))
    assert fault == (ErrorCode.OPERAND, text)


def test_a_table_on_a_configuration_without_lookup_is_a_missing_extension():
    fault = FULL.fault(Alu(alu_opcode=AluOpcode.RQT, imm=0x0800, use_imm=1))
    assert fault == (
        ErrorCode.EXTENSION, "RQT with a table, which this configuration does not have (lookup)")


ALL = Legality(named("1x4x4").replace(
    lookup=True, reduce=True, depthwise=True, forward=True, weights4=True))
WIDE = Legality(named("2x8x8").replace(forward=True))


@pytest.mark.parametrize(("instruction", "code", "text"), [
    (Alu(alu_opcode=AluOpcode.RED, use_imm=1), ErrorCode.OPERAND, "RED needs use_imm = 0"),
    (Alu(alu_opcode=AluOpcode.RED, imm=3), ErrorCode.OPERAND,
     "RED immediate 0x0003: must be one of 0 (SUM), 1 (MAX), 2 (MIN)"),
    (Alu(alu_opcode=AluOpcode.RQT, use_imm=1, imm=0x4800), ErrorCode.OPERAND,
     "RQT immediate 0x4800: bits 15:14 must be 0"),
    (Alu(alu_opcode=AluOpcode.RQT, use_imm=1, imm=0x1000), ErrorCode.OPERAND,
     "RQT immediate 0x1000: bits 15:11 must be 0"),
    (Dwc(window=4), ErrorCode.OPERAND,
     "window 4 is past 2 rows of 2 columns, the largest: 0..3"),
    (Dwc(uop_end=257), ErrorCode.UOP_RANGE, "uop_end 257 is past the end of UOP, depth 256"),
    (Store(memory_type=INP, x_size=1, x_pad_0=1), ErrorCode.OPERAND,
     "padding is set, but STORE does not pad"),
    (Store(memory_type=INP, x_size=2, y_size=3, x_stride=100, dram_base=55),
     ErrorCode.SRAM_RANGE, "the last INP tile it writes is 256, and INP has 256"),
    (Store(memory_type=1, x_size=1, dram_base=512), ErrorCode.SRAM_RANGE,
     "the last WGT row it writes is 512, and WGT has 512"),
    (Store(memory_type=INP, x_size=1, sram_base=256), ErrorCode.SRAM_RANGE,
     "1 tiles from OUT[256] end at 257, depth 256"),
    (Load(memory_type=6, sram_base=3, x_size=2), ErrorCode.SRAM_RANGE,
     "2 tiles from LUT[3] end at 5, depth 4"),
    (Load(memory_type=7, sram_base=127, x_size=2), ErrorCode.SRAM_RANGE,
     "2 tiles from WGT_4BIT[127] end at 129, depth 128"),
])
def test_operands_of_extensions_are_checked(instruction, code, text):
    assert ALL.fault(instruction) == (code, text)


def test_the_types_of_store_are_named_where_it_forwards():
    assert ALL.fault(Store(memory_type=3, x_size=1)) == (
        ErrorCode.MEMORY_TYPE, "memory type 3 cannot be stored, only OUT, and INP and WGT on chip")


@pytest.mark.parametrize("instruction", [
    Alu(alu_opcode=AluOpcode.RED, imm=2), Alu(alu_opcode=AluOpcode.RQT, use_imm=1, imm=0x3FFF),
    Dwc(window=3), Store(memory_type=INP, x_size=2, y_size=3, x_stride=100, dram_base=54),
    Store(memory_type=1, x_size=1, dram_base=511), Load(memory_type=6, x_size=4),
    Load(memory_type=7, x_size=128), Store(memory_type=INP, x_size=0, dram_base=999, x_pad_0=1),
    Store(memory_type=INP, x_size=9, y_size=0, dram_base=999),
])
def test_legal_uses_of_extensions_have_no_fault(instruction):
    assert ALL.fault(instruction) is None


def test_results_are_no_weight_rows_with_a_batch():
    assert WIDE.fault(Store(memory_type=INP, x_size=1)) is None
    assert WIDE.fault(Store(memory_type=1, x_size=1)) == (
        ErrorCode.MEMORY_TYPE,
        "results are no rows of WGT here: that takes batch 1 and operands of one width")


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

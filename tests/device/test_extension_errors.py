"""Extensions on model and RTL: refused without their key, and with it in illegal uses."""

import pytest
from device_programs import INP, LUT, WGT
from device_run import BASE_ISA, EVERYWHERE, EXTENDED
from faulty_launch import DEPTH, fails, followed_by_every_extension, some

from myvta.isa.instructions import Alu, Dwc, Store, Undefined
from myvta.isa.opcodes import AluOpcode, ErrorCode

ALL_BITS = (1 << 128) - 1
RQT = dict(alu_opcode=AluOpcode.RQT, use_imm=1)

OPTIONS = {
    "rqt bit 14": (ErrorCode.OPERAND, Alu(imm=0x4800, **RQT)),
    "rqt bit 15": (ErrorCode.OPERAND, Alu(imm=-0x7800, **RQT)),
    "rqt bit 12 without lookup": (ErrorCode.OPERAND, Alu(imm=0x1000, **RQT)),
    "rqt bit 13 without lookup": (ErrorCode.OPERAND, Alu(imm=0x2000, **RQT)),
    "rqt with a table, no immediate": (
        ErrorCode.OPERAND, Alu(alu_opcode=AluOpcode.RQT, imm=0x0800)),
    "red with an immediate": (ErrorCode.OPERAND, Alu(alu_opcode=AluOpcode.RED, use_imm=1)),
    "red 3": (ErrorCode.OPERAND, Alu(alu_opcode=AluOpcode.RED, imm=3)),
    **{f"red bit {bit}": (
        ErrorCode.OPERAND, Alu(alu_opcode=AluOpcode.RED, imm=(1 << bit) - (bit == 15) * 0x10000))
       for bit in range(2, 16)},
    "red uops": (ErrorCode.UOP_RANGE, Alu(alu_opcode=AluOpcode.RED, uop_end=DEPTH + 1)),
    "rqt uops": (ErrorCode.UOP_RANGE, Alu(imm=0x0800, uop_end=DEPTH + 1, **RQT)),
    "load lut range": (ErrorCode.SRAM_RANGE, some(6, sram_base=4)),
    "load lut padding": (ErrorCode.SRAM_RANGE, some(6, sram_base=3, x_pad_1=1)),
}


NEW = {
    "dwc": Dwc(), "dwc without steps": Dwc(iter_in=0), "dwc, all bits": Undefined(ALL_BITS - 2),
    "red": Alu(alu_opcode=AluOpcode.RED), "red, no step": Alu(
        alu_opcode=AluOpcode.RED, iter_in=0, use_imm=1, imm=-1),
    "rqt with a table": Alu(imm=0x0800, **RQT), "rqt with the last table": Alu(imm=0x3FFF, **RQT),
    "load lut": some(6), "load no-op lut": some(6, x_size=0), "load wgt4": some(7),
    "load no-op wgt4": some(7, x_size=0), "forward to inp": Store(memory_type=INP, x_size=1),
    "forward to wgt": Store(memory_type=WGT, x_size=1, y_size=0),
}


@pytest.mark.parametrize("device", [EVERYWHERE[0], *BASE_ISA[:2], EVERYWHERE[1]], indirect=True)
@pytest.mark.parametrize("case", NEW)
def test_encodings_of_extensions_are_refused_without_their_key(device, case):
    fails(device, ErrorCode.EXTENSION, NEW[case])


@pytest.mark.parametrize("device", EXTENDED, indirect=True)
@pytest.mark.parametrize("case", OPTIONS)
def test_bad_options_of_alu_extensions_are_refused(device, case):
    fails(device, *OPTIONS[case])


BAD = {
    "opcode 6": (ErrorCode.OPCODE, Undefined(6)),
    "window": (ErrorCode.OPERAND, Dwc(window=4)),
    "window past INP": (ErrorCode.STEP_INDEX, Dwc(window=2, row_pitch=127, iter_in=2,
                                                  src_factor_in=DEPTH - 127)),
    "rqt bit 14": OPTIONS["rqt bit 14"], "rqt bit 15": OPTIONS["rqt bit 15"],
    "red 3": OPTIONS["red 3"], "red bit 15": OPTIONS["red bit 15"],
    "red past ACC": (ErrorCode.STEP_INDEX, Alu(
        alu_opcode=AluOpcode.RED, iter_in=2, src_factor_in=DEPTH - 1, iter_out=2,
        src_factor_out=1)),
    "a fifth table": OPTIONS["load lut range"],
    "wgt4 past WGT": (ErrorCode.SRAM_RANGE, some(7, sram_base=128)),
    "forward with padding": (ErrorCode.OPERAND, Store(memory_type=INP, x_size=1, x_pad_0=1)),
    "forward past INP": (ErrorCode.SRAM_RANGE, Store(memory_type=INP, x_size=1, dram_base=DEPTH)),
    "forward past WGT": (ErrorCode.SRAM_RANGE, Store(memory_type=WGT, x_size=1, dram_base=512)),
    "forward to a table": (ErrorCode.MEMORY_TYPE, Store(memory_type=LUT, x_size=1)),
}


@pytest.mark.parametrize("device", EXTENDED, indirect=True)
@pytest.mark.parametrize("case", BAD)
def test_every_extension_is_exact_in_the_launch_after_an_error(device, case):
    fails(device, *BAD[case])
    followed_by_every_extension(device)

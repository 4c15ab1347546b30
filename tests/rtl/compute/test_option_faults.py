"""option_faults: an earlier fault is passed on, other operations are left alone."""

import pytest
from extended import extended
from rtl_bench import clock_and_reset, simulate

from myvta.isa.instructions import Alu, Dwc, Gemm, encode
from myvta.isa.opcodes import AluOpcode, ErrorCode
from myvta.rtl.compute.option_faults import (
    has_illegal_windows,
    red_options,
    rqt_options,
    window_options,
)
from myvta.rtl.lib.bundles import ENTRY_BITS, ERROR_BITS, word

CONFIG = extended("1x4x4+all")
RQT = dict(alu_opcode=AluOpcode.RQT)
CASES = [
    (rqt_options, Alu(use_imm=1, imm=0x27FF, **RQT), ErrorCode.OPERAND),
    (rqt_options, Alu(use_imm=1, imm=0x2FFF, **RQT), ErrorCode.NONE),
    (rqt_options, Alu(imm=0x0800, **RQT), ErrorCode.OPERAND),
    (rqt_options, Alu(alu_opcode=AluOpcode.ADD, use_imm=1, imm=-1), ErrorCode.NONE),
    (rqt_options, Alu(alu_opcode=AluOpcode.RED, imm=-1), ErrorCode.NONE),
    (red_options, Alu(alu_opcode=AluOpcode.RED, imm=2), ErrorCode.NONE),
    (red_options, Alu(alu_opcode=AluOpcode.RED, imm=3), ErrorCode.OPERAND),
    (red_options, Alu(alu_opcode=AluOpcode.RED, imm=4), ErrorCode.OPERAND),
    (red_options, Alu(alu_opcode=AluOpcode.RED, imm=-0x8000), ErrorCode.OPERAND),
    (red_options, Alu(alu_opcode=AluOpcode.RED, use_imm=1), ErrorCode.OPERAND),
    (red_options, Alu(imm=-1, use_imm=1, **RQT), ErrorCode.NONE),
    (window_options, Dwc(window=3), ErrorCode.NONE),
    (window_options, Dwc(window=4), ErrorCode.OPERAND),
    (window_options, Dwc(window=64), ErrorCode.OPERAND),
    (window_options, Gemm(wgt_factor_in=64), ErrorCode.NONE),
]


@pytest.mark.parametrize("before", [ErrorCode.NONE, ErrorCode.EXTENSION])
@pytest.mark.parametrize(("check", "instruction", "code"), CASES)
def test_the_first_fault_is_kept_and_own_options_are_checked(check, instruction, code, before):
    clock, reset = clock_and_reset()
    arriving, earlier, after = word(ENTRY_BITS), word(ERROR_BITS), word(ERROR_BITS)
    shown = []

    def on_edge(cycle):
        arriving.next, earlier.next = encode(instruction, CONFIG), int(before)
        shown.append(ErrorCode(int(after)))
        return cycle == 2

    simulate([check(arriving, earlier, after, config=CONFIG)], clock, reset, on_edge, limit=4)
    assert shown[-1] == (before or code)


def test_windows_need_a_check_only_where_their_field_is_wider():
    assert has_illegal_windows(CONFIG)
    assert not has_illegal_windows(extended("1x4x4"))
    full = extended("1x32x32").replace(log_wgt_buff_size=14)
    assert full.taps == 1 << full.log_wgt_depth == 16
    assert not has_illegal_windows(full), "every code of the field is a window"

"""Decode of compute's instructions: fields of GEMM and ALU, static faults, kind of instruction.

Combinational, from the entry at the head of the compute queue; positions come from the field
tables.  ``fault_code`` is the first static fault in the order of docs/device.md, 0 for none; range
faults of LOADs are found by :mod:`.memory_checks`.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, block

from ..isa.config import Config
from ..isa.fields import layout
from ..isa.opcodes import AluOpcode, ErrorCode, MemoryType, Opcode
from .bundles import ENTRY_BITS, ERROR_BITS, INDEX_BITS, bit, word
from .sequencer import StepCommand

__all__ = ["Decoded", "steps_decode"]


class Decoded:
    """What the instruction is and which tokens it moves."""

    def __init__(self) -> None:
        self.is_steps = bit()  # GEMM, ALU, or a LOAD that moves nothing: goes to the sequencer
        self.is_load = bit()  # a LOAD with x_size > 0
        self.is_finish = bit()
        self.fault_code = word(ERROR_BITS)
        self.pop_prev, self.pop_next = bit(), bit()
        self.push_prev, self.push_next = bit(), bit()
        self.index = word(INDEX_BITS)


@block
def steps_decode(entry: Any, command: StepCommand, decoded: Decoded, *, config: Config) -> Any:
    """Drive everything of ``command`` but its handshake, and ``decoded``."""
    common = layout(Opcode.FINISH, config)
    memory, gemm, alu = (layout(op, config) for op in (Opcode.LOAD, Opcode.GEMM, Opcode.ALU))
    f_opcode, f_pop_prev, f_pop_next = common["opcode"], common["pop_prev"], common["pop_next"]
    f_push_prev, f_push_next = common["push_prev"], common["push_next"]
    f_type, f_x_size = memory["memory_type"], memory["x_size"]
    f_reset = gemm["reset"]
    # without the extension bit 63 may belong to another field: then nothing can ask for it
    overwrite_lo = gemm["overwrite"].lo if "overwrite" in gemm else f_reset.lo
    refuses_overwrite = int("overwrite" in gemm and not config.overwrite)
    f_uop_bgn, f_uop_end = gemm["uop_bgn"], gemm["uop_end"]
    f_iter_out, f_iter_in = gemm["iter_out"], gemm["iter_in"]
    f_dst_out, f_dst_in = gemm["dst_factor_out"], gemm["dst_factor_in"]
    f_src_out, f_src_in = gemm["src_factor_out"], gemm["src_factor_in"]
    f_wgt_out, f_wgt_in = gemm["wgt_factor_out"], gemm["wgt_factor_in"]
    f_alu_src_out, f_alu_src_in = alu["src_factor_out"], alu["src_factor_in"]
    f_alu_opcode, f_use_imm, f_imm = alu["alu_opcode"], alu["use_imm"], alu["imm"]
    index_low, uop_depth = ENTRY_BITS - INDEX_BITS, 1 << config.log_uop_depth
    reserved_lo, reserved_hi = f_imm.lo + 11, f_imm.hi
    has_requantize = int(config.requantize)
    opcode, alu_opcode, memory_type = word(3), word(3), word(3)
    moves_nothing, has_steps, bad_rqt = bit(), bit(), bit()

    @always_comb
    def slice_entry():
        opcode.next = entry[f_opcode.hi:f_opcode.lo]
        alu_opcode.next = entry[f_alu_opcode.hi:f_alu_opcode.lo]
        memory_type.next = entry[f_type.hi:f_type.lo]
        moves_nothing.next = entry[f_x_size.hi:f_x_size.lo] == 0
        has_steps.next = (
            entry[f_uop_bgn.hi:f_uop_bgn.lo] < entry[f_uop_end.hi:f_uop_end.lo]
            and entry[f_iter_out.hi:f_iter_out.lo] != 0
            and entry[f_iter_in.hi:f_iter_in.lo] != 0
        )
        bad_rqt.next = not entry[f_use_imm.lo] or entry[reserved_hi:reserved_lo] != 0

    @always_comb
    def classify():
        decoded.is_steps.next = (
            opcode == Opcode.GEMM or opcode == Opcode.ALU
            or (opcode == Opcode.LOAD and moves_nothing)
        )
        decoded.is_load.next = opcode == Opcode.LOAD and not moves_nothing
        decoded.is_finish.next = opcode == Opcode.FINISH
        decoded.pop_prev.next = entry[f_pop_prev.lo]
        decoded.pop_next.next = entry[f_pop_next.lo]
        decoded.push_prev.next = entry[f_push_prev.lo]
        decoded.push_next.next = entry[f_push_next.lo]
        decoded.index.next = entry[ENTRY_BITS:index_low]

    @always_comb
    def judge():
        decoded.fault_code.next = ErrorCode.NONE
        if opcode > Opcode.ALU:
            decoded.fault_code.next = ErrorCode.OPCODE
        elif opcode == Opcode.LOAD:
            if (
                memory_type != MemoryType.UOP and memory_type != MemoryType.ACC
                and memory_type != MemoryType.ACC_8BIT
            ):
                decoded.fault_code.next = ErrorCode.MEMORY_TYPE
        elif opcode == Opcode.GEMM:
            if entry[overwrite_lo] and refuses_overwrite == 1:
                decoded.fault_code.next = ErrorCode.EXTENSION
            elif has_steps and entry[f_uop_end.hi:f_uop_end.lo] > uop_depth:
                decoded.fault_code.next = ErrorCode.UOP_RANGE
        elif opcode == Opcode.ALU:
            if alu_opcode == AluOpcode.RQT and has_requantize == 0:
                decoded.fault_code.next = ErrorCode.EXTENSION
            elif alu_opcode > AluOpcode.MUL and alu_opcode != AluOpcode.RQT:
                decoded.fault_code.next = ErrorCode.ALU_OPCODE
            elif alu_opcode == AluOpcode.RQT and bad_rqt:
                decoded.fault_code.next = ErrorCode.OPERAND
            elif has_steps and entry[f_uop_end.hi:f_uop_end.lo] > uop_depth:
                decoded.fault_code.next = ErrorCode.UOP_RANGE

    @always_comb
    def fill_loops():
        command.stepping.next = has_steps and opcode != Opcode.LOAD
        command.gemm.next = opcode == Opcode.GEMM
        command.clear.next = entry[f_reset.lo]
        command.overwrite.next = entry[overwrite_lo]
        command.push_prev.next = entry[f_push_prev.lo]
        command.push_next.next = entry[f_push_next.lo]
        command.index.next = entry[ENTRY_BITS:index_low]
        command.uop_bgn.next = entry[f_uop_bgn.hi:f_uop_bgn.lo]
        command.uop_end.next = entry[f_uop_end.hi:f_uop_end.lo]
        command.iter_out.next = entry[f_iter_out.hi:f_iter_out.lo]
        command.iter_in.next = entry[f_iter_in.hi:f_iter_in.lo]
        command.dst_factor_out.next = entry[f_dst_out.hi:f_dst_out.lo]
        command.dst_factor_in.next = entry[f_dst_in.hi:f_dst_in.lo]

    @always_comb
    def fill_operands():
        command.opcode.next = entry[f_alu_opcode.hi:f_alu_opcode.lo]
        command.use_imm.next = entry[f_use_imm.lo]
        command.imm.next = entry[f_imm.hi:f_imm.lo]
        command.src_factor_out.next = entry[f_src_out.hi:f_src_out.lo]
        command.src_factor_in.next = entry[f_src_in.hi:f_src_in.lo]
        command.wgt_factor_out.next = entry[f_wgt_out.hi:f_wgt_out.lo]
        command.wgt_factor_in.next = entry[f_wgt_in.hi:f_wgt_in.lo]
        if opcode == Opcode.ALU:
            command.src_factor_out.next = entry[f_alu_src_out.hi:f_alu_src_out.lo]
            command.src_factor_in.next = entry[f_alu_src_in.hi:f_alu_src_in.lo]

    return slice_entry, classify, judge, fill_loops, fill_operands

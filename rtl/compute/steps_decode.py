"""Decode of compute's instructions: fields of GEMM and ALU, static faults, kind of instruction.

Positions come from the field tables.  ``fault_code`` is the first static fault in the order of
docs/device.md, 0 for none; :mod:`.memory_checks` detects range faults of LOADs.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from myhdl import always, always_comb, block

from ...isa.alu_operations import ALU_OPERATIONS
from ...isa.config import Config
from ...isa.fields import layout
from ...isa.opcodes import ErrorCode, MemoryType, Opcode
from ..lib.bundles import ENTRY_BITS, ERROR_BITS, INDEX_BITS, bit, word
from .sequencer import StepCommand

__all__ = ["Decoded", "steps_decode", "token_flags"]


class OperationLegality(IntEnum):
    """Legality of an ALU opcode in this configuration."""

    LEGAL = 0
    UNDEFINED = 1
    UNSUPPORTED = 2  # an operation of an extension that is not configured


def _legality(code: int, config: Config) -> OperationLegality:
    if code not in ALU_OPERATIONS:
        return OperationLegality.UNDEFINED
    if not ALU_OPERATIONS[code].supported(config):
        return OperationLegality.UNSUPPORTED
    return OperationLegality.LEGAL


def _reserved_bits(code: int) -> int:
    """Return the bits of the immediate that must be 0."""
    defined = ALU_OPERATIONS[code].immediate_bits if code in ALU_OPERATIONS else 16
    return (1 << 16) - (1 << defined)


class Decoded:
    """Kind of the instruction and the tokens it moves."""

    def __init__(self) -> None:
        self.is_steps = bit()  # GEMM, ALU, or a LOAD that moves nothing: goes to the sequencer
        self.is_load = bit()  # a LOAD with x_size > 0
        self.is_finish = bit()
        self.fault_code, self.refused = word(ERROR_BITS), bit()  # refused: it has a static fault
        self.stepping = bit()  # at least one step
        self.pop_prev, self.pop_next = bit(), bit()
        self.push_prev, self.push_next = bit(), bit()
        self.index = word(INDEX_BITS)


def token_flags(config: Config) -> tuple[int, int, int, int]:
    """Return the positions of pop_prev, pop_next, push_prev and push_next in an entry."""
    common = layout(Opcode.FINISH, config)
    names = ("pop_prev", "pop_next", "push_prev", "push_next")
    low = tuple(common[name].lo for name in names)
    return low[0], low[1], low[2], low[3]


@block
def steps_decode(
    clock: Any, take: Any, arriving: Any, accepted: Any, steps_arrive: Any, entry: Any,
    command: StepCommand, decoded: Decoded, *, config: Config,
) -> Any:
    """Drive ``command``, except its handshake, and ``decoded``.

    ``arriving`` becomes ``entry`` when ``take``; ``accepted``: it has no static fault;
    ``steps_arrive``: it goes to the sequencer.  Legality and kind are decoded from ``arriving``
    and registered with it; plain fields follow ``entry``.
    """
    flags = token_flags(config)
    memory, gemm, alu = (layout(op, config) for op in (Opcode.LOAD, Opcode.GEMM, Opcode.ALU))
    f_opcode = memory["opcode"]
    f_pop_prev, f_pop_next, f_push_prev, f_push_next = flags
    f_type, f_x_size = memory["memory_type"], memory["x_size"]
    f_reset = gemm["reset"]
    # without the extension, bit 63 may belong to another field: then it cannot be requested
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
    legality_of = tuple(int(_legality(code, config)) for code in range(1 << 3))
    needs_immediate_of = tuple(
        int(code in ALU_OPERATIONS and ALU_OPERATIONS[code].needs_immediate)
        for code in range(1 << 3)
    )
    reserved_of = tuple(_reserved_bits(code) for code in range(1 << 3))
    opcode, alu_opcode, memory_type = word(3), word(3), word(3)
    legality, needs_immediate, reserved = word(2), word(1), word(16)  # of the ALU operation
    moves_nothing, has_steps, bad_operand = bit(), bit(), bit()
    code = word(ERROR_BITS)

    @always_comb
    def slice_entry():
        opcode.next = arriving[f_opcode.hi:f_opcode.lo]
        alu_opcode.next = arriving[f_alu_opcode.hi:f_alu_opcode.lo]
        memory_type.next = arriving[f_type.hi:f_type.lo]
        moves_nothing.next = arriving[f_x_size.hi:f_x_size.lo] == 0
        has_steps.next = (
            arriving[f_uop_bgn.hi:f_uop_bgn.lo] < arriving[f_uop_end.hi:f_uop_end.lo]
            and arriving[f_iter_out.hi:f_iter_out.lo] != 0
            and arriving[f_iter_in.hi:f_iter_in.lo] != 0
        )

    @always_comb
    def look_up_legality():
        legality.next = legality_of[alu_opcode]

    @always_comb
    def look_up_immediate():
        needs_immediate.next = needs_immediate_of[alu_opcode]

    @always_comb
    def look_up_reserved():
        reserved.next = reserved_of[alu_opcode]

    @always_comb
    def check_operand():
        bad_operand.next = (needs_immediate == 1 and not arriving[f_use_imm.lo]) or (
            (arriving[f_imm.hi:f_imm.lo] & reserved) != 0
        )

    @always_comb
    def find_fault():
        code.next = ErrorCode.NONE
        if opcode > Opcode.ALU:
            code.next = ErrorCode.OPCODE
        elif opcode == Opcode.LOAD:
            if (
                memory_type != MemoryType.UOP and memory_type != MemoryType.ACC
                and memory_type != MemoryType.ACC_8BIT
            ):
                code.next = ErrorCode.MEMORY_TYPE
        elif opcode == Opcode.GEMM:
            if arriving[overwrite_lo] and refuses_overwrite == 1:
                code.next = ErrorCode.EXTENSION
            elif has_steps and arriving[f_uop_end.hi:f_uop_end.lo] > uop_depth:
                code.next = ErrorCode.UOP_RANGE
        elif opcode == Opcode.ALU:
            if legality == OperationLegality.UNSUPPORTED:
                code.next = ErrorCode.EXTENSION
            elif legality == OperationLegality.UNDEFINED:
                code.next = ErrorCode.ALU_OPCODE
            elif bad_operand:
                code.next = ErrorCode.OPERAND
            elif has_steps and arriving[f_uop_end.hi:f_uop_end.lo] > uop_depth:
                code.next = ErrorCode.UOP_RANGE

    @always(clock.posedge)
    def register_kind():
        if take:
            decoded.is_steps.next = steps_arrive
            decoded.is_load.next = opcode == Opcode.LOAD and not moves_nothing
            decoded.is_finish.next = opcode == Opcode.FINISH
            decoded.stepping.next = has_steps and opcode != Opcode.LOAD
            decoded.fault_code.next = code
            decoded.refused.next = code != ErrorCode.NONE

    @always_comb
    def accept():
        accepted.next = code == ErrorCode.NONE
        steps_arrive.next = (
            opcode == Opcode.GEMM or opcode == Opcode.ALU
            or (opcode == Opcode.LOAD and moves_nothing)
        )

    @always_comb
    def show_tokens():
        decoded.pop_prev.next = entry[f_pop_prev]
        decoded.pop_next.next = entry[f_pop_next]
        decoded.push_prev.next = entry[f_push_prev]
        decoded.push_next.next = entry[f_push_next]
        decoded.index.next = entry[ENTRY_BITS:index_low]

    @always_comb
    def fill_loops():
        command.stepping.next = decoded.stepping
        command.gemm.next = entry[f_opcode.hi:f_opcode.lo] == Opcode.GEMM
        command.clear.next = entry[f_reset.lo]
        command.overwrite.next = entry[overwrite_lo]
        command.push_prev.next = entry[f_push_prev]
        command.push_next.next = entry[f_push_next]
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
        if entry[f_opcode.hi:f_opcode.lo] == Opcode.ALU:
            command.src_factor_out.next = entry[f_alu_src_out.hi:f_alu_src_out.lo]
            command.src_factor_in.next = entry[f_alu_src_in.hi:f_alu_src_in.lo]

    return (
        slice_entry, look_up_legality, look_up_immediate, look_up_reserved, check_operand,
        find_fault, register_kind, accept, show_tokens, fill_loops, fill_operands,
    )

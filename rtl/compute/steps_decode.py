"""Decode of compute's instructions: fields of GEMM and ALU, static faults, kind of instruction.

Positions come from the field tables, legality from isa.legality by way of :mod:`.fault_tables`.
``fault_code`` is the first static fault in the order of docs/device.md, 0 for none;
:mod:`.memory_checks` detects range faults of LOADs.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, block

from ...isa.config import Config
from ...isa.fields import layout
from ...isa.opcodes import ErrorCode, Opcode
from ..lib.bundles import ENTRY_BITS, ERROR_BITS, INDEX_BITS, bit, word
from ..lib.fault_tables import load_faults, opcode_faults, operation_faults
from .array_fields import array_fields
from .option_faults import has_illegal_windows, red_options, rqt_options, window_options
from .sequencer import StepCommand

__all__ = ["Decoded", "steps_decode", "token_flags"]


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
    f_alu_src_out, f_alu_src_in = alu["src_factor_out"], alu["src_factor_in"]
    f_alu_opcode, f_use_imm, f_imm = alu["alu_opcode"], alu["use_imm"], alu["imm"]
    index_low, uop_depth = ENTRY_BITS - INDEX_BITS, 1 << config.log_uop_depth
    array_opcodes = (Opcode.GEMM, Opcode.DWC) if config.depthwise else (Opcode.GEMM,)
    array_of = tuple(int(code in array_opcodes) for code in range(1 << 3))
    opcode_fault_of, load_fault_of = opcode_faults(config), load_faults(config)
    operation_fault_of = operation_faults(config)
    opcode, alu_opcode, memory_type = word(3), word(3), word(3)
    opcode_fault, load_fault, operation_fault = (word(ERROR_BITS) for _ in range(3))
    moves_nothing, has_steps = bit(), bit()
    is_array, is_steps = word(1), bit()  # by the opcode: GEMM or DWC; those or ALU
    code = word(ERROR_BITS)
    # the first fault so far: of the plain fields, then also of the options that are configured
    options = [
        check for check, configured in (
            (rqt_options, config.requantize), (red_options, config.reduce),
            (window_options, has_illegal_windows(config)),
        ) if configured
    ]
    faults = [word(ERROR_BITS) for _ in range(len(options) + 1)]
    plain_fault, operand_fault = faults[0], faults[-1]
    option_checks = [
        check(arriving, before, after, config=config)
        for check, before, after in zip(options, faults, faults[1:], strict=False)
    ]

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
    def look_up_array():
        is_array.next = array_of[opcode]

    @always_comb
    def find_steps():
        is_steps.next = is_array == 1 or opcode == Opcode.ALU

    @always_comb
    def look_up_opcode():
        opcode_fault.next = opcode_fault_of[opcode]

    @always_comb
    def look_up_load():
        load_fault.next = load_fault_of[memory_type]

    @always_comb
    def look_up_operation():
        operation_fault.next = operation_fault_of[alu_opcode]

    @always_comb
    def find_fault():
        plain_fault.next = opcode_fault
        if opcode == Opcode.LOAD:
            plain_fault.next = load_fault
        elif opcode == Opcode.ALU:
            plain_fault.next = operation_fault
        elif is_array == 1:
            if arriving[overwrite_lo] and refuses_overwrite == 1:
                plain_fault.next = ErrorCode.EXTENSION

    @always_comb
    def check_micro_ops():
        code.next = operand_fault
        if operand_fault == ErrorCode.NONE and is_steps and has_steps:
            if arriving[f_uop_end.hi:f_uop_end.lo] > uop_depth:
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
        steps_arrive.next = is_steps or (opcode == Opcode.LOAD and moves_nothing)

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
        if entry[f_opcode.hi:f_opcode.lo] == Opcode.ALU:
            command.src_factor_out.next = entry[f_alu_src_out.hi:f_alu_src_out.lo]
            command.src_factor_in.next = entry[f_alu_src_in.hi:f_alu_src_in.lo]

    return (
        slice_entry, look_up_array, find_steps, look_up_opcode, look_up_load, look_up_operation,
        find_fault, check_micro_ops, option_checks, register_kind, accept, show_tokens, fill_loops,
        fill_operands, array_fields(entry, command, config=config),
    )

"""Faults in the options of an operation: RQT's and RED's immediate, DWC's window.

Contract
    Combinational.  ``after`` is ``before``, the fault of fields that are checked first, and where
    there is none and ``arriving`` is the block's operation, that operation's fault.
    Each is built only where its extension is configured.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, block, concat

from ...isa.alu_operations import RQT_BITS
from ...isa.config import Config
from ...isa.fields import layout
from ...isa.opcodes import AluOpcode, ErrorCode, Opcode
from ..lib.bundles import ERROR_BITS, bit, word
from ..lib.fault_tables import RED_INDEX_BITS, RQT_INDEX_BITS, red_faults, rqt_faults

__all__ = ["has_illegal_windows", "red_options", "rqt_options", "window_options"]


@block
def add_fault(
    arriving: Any, before: Any, fault: Any, after: Any, *, alu_opcode: AluOpcode, config: Config,
) -> Any:
    """``after`` is ``fault`` where ``arriving`` is the ALU operation and has no fault before."""
    fields = layout(Opcode.ALU, config)
    f_opcode, f_alu_opcode = fields["opcode"], fields["alu_opcode"]
    code = int(alu_opcode)  # converted text has numbers alone

    @always_comb
    def combine():
        after.next = before
        if (
            before == ErrorCode.NONE and arriving[f_opcode.hi:f_opcode.lo] == Opcode.ALU
            and arriving[f_alu_opcode.hi:f_alu_opcode.lo] == code
        ):
            after.next = fault

    return combine


@block
def rqt_options(arriving: Any, before: Any, after: Any, *, config: Config) -> Any:
    """Check ``use_imm`` and the upper bits of RQT's immediate."""
    fields = layout(Opcode.ALU, config)
    f_opcode, f_imm, f_use_imm = fields["opcode"], fields["imm"], fields["use_imm"]
    low = f_imm.lo + RQT_BITS
    index, fault, fault_of = word(RQT_INDEX_BITS), word(ERROR_BITS), rqt_faults(config)
    immediate = bit()

    @always_comb
    def find_immediate():
        # of an ALU operation alone: yosys would move a register of nothing but the table's index
        # behind the table, which then follows the block RAM of the queue
        immediate.next = (
            arriving[f_use_imm.lo] and arriving[f_opcode.hi:f_opcode.lo] == Opcode.ALU
        )

    @always_comb
    def slice_options():
        index.next = concat(immediate, arriving[f_imm.hi:low])

    @always_comb
    def look_up():
        fault.next = fault_of[index]

    combine = add_fault(
        arriving, before, fault, after, alu_opcode=AluOpcode.RQT, config=config,
    )
    return find_immediate, slice_options, look_up, combine


@block
def red_options(arriving: Any, before: Any, after: Any, *, config: Config) -> Any:
    """Check ``use_imm`` and RED's immediate."""
    fields = layout(Opcode.ALU, config)
    f_imm, f_use_imm = fields["imm"], fields["use_imm"]
    low, middle = f_imm.lo, f_imm.lo + 2
    index, fault, fault_of = word(RED_INDEX_BITS), word(ERROR_BITS), red_faults(config)
    stray = bit()

    @always_comb
    def find_stray():
        stray.next = arriving[f_imm.hi:middle] != 0

    @always_comb
    def slice_options():
        index.next = concat(arriving[f_use_imm.lo], stray, arriving[middle:low])

    @always_comb
    def look_up():
        fault.next = fault_of[index]

    combine = add_fault(
        arriving, before, fault, after, alu_opcode=AluOpcode.RED, config=config,
    )
    return find_stray, slice_options, look_up, combine


@block
def window_options(arriving: Any, before: Any, after: Any, *, config: Config) -> Any:
    """Check DWC's window, of which :attr:`~myvta.isa.config.Config.taps`, a power of two, are
    legal.
    """
    fields = layout(Opcode.DWC, config)
    f_opcode, f_window = fields["opcode"], fields["window"]
    low = f_window.lo + config.taps.bit_length() - 1

    @always_comb
    def combine():
        after.next = before
        if (
            before == ErrorCode.NONE and arriving[f_opcode.hi:f_opcode.lo] == Opcode.DWC
            and arriving[f_window.hi:low] != 0
        ):
            after.next = ErrorCode.OPERAND

    return combine


def has_illegal_windows(config: Config) -> bool:
    """Return whether the field of a window holds codes that are none."""
    return config.depthwise and 1 << layout(Opcode.DWC, config)["window"].width > config.taps

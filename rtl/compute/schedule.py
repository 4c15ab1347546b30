"""Schedule (stage s2): when a step may proceed, and which accumulator bank it reads in which stage.

The accumulator has two banks (even and odd tiles) with one read port each.  A step has an early
and a late stage for its reads: s5 and s6, or s2 and s3 of long operations (MUL, RQT).  Long ones
read ``ACC[dst]`` early, as RQT's bias is added to it, all others late; ``ACC[src]``, with two
tensor operands, is read in either.  The choice is made here so that no two reads ever collide in a
bank.  Since everything is decided in s2, no later stage ever waits.

A step waits in s2 only for

* a bank: two tensor operands in one bank whose neighbours leave no early slot (never with unit
  strides, whatever the two offsets);
* a hazard, long operations only: an earlier step still in s3..s9 writes a tile that this one reads
  (all other operations forward and never wait; :mod:`.hazards`);
* three cycles for the parameter tiles of an RQT whose ``src`` changed.

``advance`` enables all stages up to s2: few gates separate it from the registers it depends on.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block

from ...isa.config import Config
from ...isa.opcodes import ErrorCode
from ..lib.bundles import Fault, bit, word
from .address_generator import StepIndices
from .bank_needs import BankNeeds, bank_needs
from .rqt_parameters import ParameterCheck, ParameterRead, rqt_parameters
from .step import Step

__all__ = ["schedule"]


@block
def schedule(
    clock: Any, reset: Any, s: list[Step], indices: StepIndices, operand_hit: Any,
    parameter_hit: Any, parameter: ParameterRead, advance: Any, fault: Fault, *, config: Config,
) -> Any:
    """Decide ``s2.early``, the banks ``s2`` reads, and ``advance``: all up to s2 moves on.

    ``operand_hit`` and ``parameter_hit`` come from :mod:`.hazards`.  ``fault`` is raised with
    STEP_INDEX by a step that then never leaves s2, and with RQT_PARAMETER three cycles after the
    last parameter tile arrived, while the step that fetched it proceeds; an earlier step's fault
    has priority.
    """
    s1, s2, s3, s4 = s[1:5]
    needs = BankNeeds()
    # banks in use: in this cycle by earlier steps; in the next one by short ones
    busy_now, busy_next = word(2), word(2)
    early, long_early, short_early, place_ok = bit(), bit(), bit(), bit()
    free, moves, short_late = bit(), bit(), word(2)

    @always_seq(clock.posedge, reset)
    def track_banks():
        busy_now.next = busy_next  # s5 early, s6 late
        if moves:
            busy_now.next = busy_next | s2.long_late
        busy_next.next = s3.short_early | s4.short_late  # s4 early, s5 late

    @always_comb
    def find_slots():
        long_early.next = needs.apart and (needs.long_src & busy_now) == 0
        short_early.next = (needs.short_src & s3.short_late) == 0

    @always_comb
    def check_banks():
        place_ok.next = (
            (needs.long_dst & busy_now) == 0
            and (long_early or (needs.long_src & busy_next) == 0)
            and (short_early or needs.apart)
        )

    @always_comb
    def check_step():
        free.next = (
            not fault.raised and not indices.out_of_range and place_ok and not operand_hit
        )

    @always_comb
    def release():
        advance.next = moves
        early.next = short_early
        if s2.long:
            early.next = long_early

    @always_comb
    def assign_banks():
        s2.early.next = s2.pair and early
        s2.long_late.next = 0
        if not long_early:
            s2.long_late.next = needs.long_src
        s2.short_early.next = 0
        short_late.next = needs.short_src
        if short_early:
            s2.short_early.next = needs.short_src
            short_late.next = 0

    @always_comb
    def assign_late():
        s2.short_late.next = needs.short_dst | short_late

    parts = (
        bank_needs(clock, reset, advance, s1, needs), track_banks, find_slots, check_banks,
        check_step, release, assign_banks, assign_late,
    )
    if not config.requantize:

        @always_comb
        def proceed():
            moves.next = free

        @always_seq(clock.posedge, reset)
        def raise_fault():
            if not fault.raised and indices.out_of_range:
                fault.raised.next = True
                fault.code.next = ErrorCode.STEP_INDEX
                fault.index.next = indices.index

        return parts, proceed, raise_fault

    ready, check = bit(), ParameterCheck()

    @always_comb
    def decide():
        moves.next = free and ready

    @always_seq(clock.posedge, reset)
    def report():
        if not fault.raised:
            if check.bad:
                fault.raised.next = True
                fault.code.next = ErrorCode.RQT_PARAMETER
                fault.index.next = check.index
            elif indices.out_of_range and not check.pending:
                fault.raised.next = True
                fault.code.next = ErrorCode.STEP_INDEX
                fault.index.next = indices.index

    parameters = rqt_parameters(
        clock, reset, s1=s1, s2=s2, indices=indices, parameter_hit=parameter_hit,
        busy_now=busy_now, moves=moves, stopped=fault.raised, parameter=parameter, ready=ready,
        check=check,
    )
    return parts, parameters, decide, report

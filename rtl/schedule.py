"""Schedule (stage s2): when a step may go on, and which accumulator bank it reads when.

The accumulator has two banks (even and odd tiles) with one read port each.  A step reads
``ACC[dst]`` at its late stage and, with two tensor operands, ``ACC[src]`` either there too or one
stage earlier; the choice is made here so that no two reads ever meet on a bank.  Long operations
(MUL, RQT) use s2 as early and s3 as late stage, all others s5 and s6.  Since everything is decided
in s2, no later stage ever waits.

A step waits in s2 only for

* a bank: two tensor operands in one bank whose neighbours leave no early slot (never with unit
  strides, whatever the two offsets);
* a hazard, long operations only: an earlier step still in s3..s9 writes a tile that this one reads
  (all other operations forward and never wait);
* three cycles for the parameter tiles of an RQT whose ``src`` changed.
"""

from __future__ import annotations

from myhdl import always_comb, always_seq, block

from ..isa.opcodes import ErrorCode
from .bundles import bit, word
from .rqt_parameters import rqt_parameters

__all__ = ["operand_hazard", "parameter_hazard", "schedule"]


@block
def operand_hazard(flying, s2, hit):
    """Tell whether ``flying``, a step ahead, will write a tile that the step in s2 reads."""

    @always_comb
    def compare():
        hit.next = flying.valid and (
            flying.dst == s2.dst or (s2.pair and flying.dst == s2.src)
        )

    return compare


@block
def parameter_hazard(flying, s2, indices, hit):
    """Tell whether ``flying`` will write one of the parameter tiles of the RQT in s2."""

    @always_comb
    def compare():
        hit.next = flying.valid and (
            flying.dst == s2.src or flying.dst == indices.multiplier
            or flying.dst == indices.shift
        )

    return compare


@block
def early_use(step, banks):
    """Banks (bit 0 even, bit 1 odd tiles) that a step reads at its early stage."""

    @always_comb
    def locate():
        banks.next = 0
        if step.valid and step.pair and step.early:
            if step.src[0]:
                banks.next = 2
            else:
                banks.next = 1

    return locate


@block
def late_use(step, banks):
    """Banks that a step reads at its late stage."""

    @always_comb
    def locate():
        banks.next = 0
        if step.valid:
            if step.pair and not step.early and step.src[0] != step.dst[0]:
                banks.next = 3
            elif step.dst[0]:
                banks.next = 2
            else:
                banks.next = 1

    return locate


@block
def schedule(
    clock, reset, s2, indices, s3, s4, s5, s6, operand_hits, parameter_hits,
    parameter, advance, fault, *, config,
):
    """Decide ``advance`` (s0..s2 move and the slot in s2 enters s3), ``s2.early``, ``s2.fresh``.

    ``operand_hits`` and ``parameter_hits`` are words with a bit per stage s3..s9, from
    :func:`operand_hazard` and :func:`parameter_hazard`.  ``fault`` is raised with STEP_INDEX or
    RQT_PARAMETER and the instruction's index; the faulty step never leaves s2.
    """
    s3_late, s4_early, s5_early = word(2), word(2), word(2)
    s5_late, s6_late = word(2), word(2)
    uses = [
        late_use(s3, s3_late), early_use(s4, s4_early), early_use(s5, s5_early),
        late_use(s5, s5_late), late_use(s6, s6_late),
    ]
    # banks in use: s3's late stage now or (short) when this step is at s5, and so on
    s3_long_late, neighbour, s4_short_early = word(2), word(2), word(2)
    s5_short_early, s5_short_late, s6_short_late = word(2), word(2), word(2)
    busy_now, busy_next = word(2), word(2)
    dst_mask, src_mask = word(2), word(2)
    can_early, can_late, place_ok, data_ok = bit(), bit(), bit(), bit()
    free, moves = bit(), bit()

    @always_comb
    def locate():
        dst_mask.next = 1
        src_mask.next = 1
        if s2.dst[0]:
            dst_mask.next = 2
        if s2.src[0]:
            src_mask.next = 2

    @always_comb
    def select():
        s3_long_late.next = 0
        neighbour.next = 0
        s4_short_early.next = 0
        s5_short_early.next = 0
        s5_short_late.next = 0
        s6_short_late.next = 0
        if s3.long:
            s3_long_late.next = s3_late
        else:
            neighbour.next = s3_late
        if not s4.long:
            s4_short_early.next = s4_early
        if not s5.long:
            s5_short_early.next = s5_early
            s5_short_late.next = s5_late
        if not s6.long:
            s6_short_late.next = s6_late

    @always_comb
    def occupy():
        busy_now.next = s3_long_late | s5_short_early | s6_short_late
        busy_next.next = s4_short_early | s5_short_late

    @always_comb
    def place():
        can_late.next = src_mask != dst_mask
        if s2.long:
            can_early.next = (busy_now & src_mask) == 0
            if (busy_next & src_mask) != 0:
                can_late.next = False
        else:
            can_early.next = (neighbour & src_mask) == 0

    @always_comb
    def judge():
        place_ok.next = (not s2.pair or can_early or can_late) and (
            not s2.long or (busy_next & dst_mask) == 0
        )
        data_ok.next = not s2.long or operand_hits == 0

    @always_comb
    def permit():
        free.next = (
            not fault.raised and not indices.out_of_range
            and (not s2.valid or (place_ok and data_ok))
        )

    @always_comb
    def release():
        advance.next = moves
        s2.early.next = s2.pair and can_early

    parts = uses, locate, select, occupy, place, judge, permit, release
    if not config.requantize:

        @always_comb
        def decide_alone():
            moves.next = free

        @always_seq(clock.posedge, reset)
        def report_alone():
            if not fault.raised and indices.out_of_range:
                fault.raised.next = True
                fault.code.next = ErrorCode.STEP_INDEX
                fault.index.next = indices.index

        return parts, decide_alone, report_alone

    ready, bad = bit(), bit()

    @always_comb
    def decide():
        moves.next = free and not bad and (not s2.valid or ready)

    @always_seq(clock.posedge, reset)
    def report():
        if not fault.raised:
            fault.index.next = indices.index
            if indices.out_of_range:
                fault.raised.next = True
                fault.code.next = ErrorCode.STEP_INDEX
            elif bad:
                fault.raised.next = True
                fault.code.next = ErrorCode.RQT_PARAMETER

    parameters = rqt_parameters(
        clock, reset, s2, indices, parameter_hits, busy_now, moves, fault.raised, parameter, ready,
        bad,
    )
    return parts, parameters, decide, report


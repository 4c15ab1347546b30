"""Long operations, second half: one lane of RQT's shift, rounding, zero point and clamp.

The product arrives in s7, the shifted value is registered into s8, and the clamped result of s8 is
combinational (vta_isa.md section 0.1).  The value is shifted one bit less than asked for, so that
its lowest bit is the rounding bit; ``sticky`` tells whether anything was lost below that.
"""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block, intbv

from ..isa.config import Config
from ..isa.opcodes import RqtFlag
from .bundles import bit, signed_word

__all__ = ["requantize_lane"]

_FAR = 1 << 10  # beyond any clamp even after the zero point is added


@block
def requantize_lane(clock, s7, s8, s7_p, s7_upper, shift_tile, result, *, config: Config, lane):
    """Drive ``result`` (32-bit word, s8); ``shift_tile`` has 5 bits a lane and belongs to s7."""
    lo, hi = 5 * lane, 5 * lane + 5
    low, high = -(1 << (config.out_width - 1)), (1 << (config.out_width - 1)) - 1
    quotient, doubled = signed_word(35), signed_word(35)
    shift, shifted, sticky, lost = Signal(intbv(0)[5:]), signed_word(35), bit(), bit()
    whole, near = signed_word(35), signed_word(12)
    increment, zero_point = signed_word(2), signed_word(8)
    value, raised = signed_word(14), signed_word(14)

    @always_comb
    def select():
        shift.next = shift_tile[hi:lo]
        if s7.imm[RqtFlag.BYPASS]:
            quotient.next = s7_p.signed()
        else:
            quotient.next = s7_upper[50:15].signed()

    @always_comb
    def double():
        doubled.next = quotient << 1

    @always_comb
    def lose():
        lost.next = False
        for k in range(31):
            if k < shift and doubled[k]:
                lost.next = True

    @always(clock.posedge)
    def register_shifted():
        if s7.long:
            shifted.next = doubled >> shift
            sticky.next = lost

    @always_comb
    def round_off():
        whole.next = shifted >> 1
        increment.next = 0
        if shifted[0] and (not s8.imm[RqtFlag.AWAY] or shifted >= 0 or sticky):
            increment.next = 1
        zero_point.next = s8.imm[8:].signed()

    @always_comb
    def approach():
        if whole >= _FAR:
            near.next = _FAR - 1
        elif whole < -_FAR:
            near.next = -_FAR
        else:
            near.next = whole[12:].signed()

    @always_comb
    def shift_zero():
        value.next = near + zero_point + increment

    @always_comb
    def raise_low():
        raised.next = value
        if s8.imm[RqtFlag.RELU]:
            if value < zero_point:
                raised.next = zero_point
        elif value < low:
            raised.next = low

    @always_comb
    def clamp():
        result.next = raised
        if raised > high:
            result.next = high

    return (
        select, double, lose, register_shifted, round_off, approach, shift_zero, raise_low, clamp,
    )

"""Long operations, second half: one lane of RQT's shift, rounding, zero point and clamp.

What to shift arrives in s7 (:func:`.quotient_lane`), the shifted value is registered into s8, and
the clamped result of s8 is combinational (vta_isa.md section 0.1).  The value is shifted one bit
less than asked for, so that its lowest bit is the rounding bit; ``sticky`` tells whether anything
was lost below that.

Rounding and zero point are added to the low bits alone; whether the value is out of their reach,
and so of the clamp's, is found out beside that from the bits above them.
"""

from __future__ import annotations

from typing import Any

from myhdl import Signal, always, always_comb, block, concat, intbv

from ..isa.config import Config
from ..isa.opcodes import RqtFlag
from .bundles import bit, signed_word, word

__all__ = ["requantize_lane"]

_NEAR_BITS = 11  # a value of so many bits or less may end inside the clamp: zero points have 8


@block
def requantize_lane(
    clock: Any, s7: Any, s8: Any, s7_quotient: Any, shift_tile: Any, result: Any,
    *, config: Config, lane: int,
) -> Any:
    """Drive ``result`` (32-bit word, s8); ``shift_tile`` has 5 bits a lane and belongs to s7."""
    lo, hi = 5 * lane, 5 * lane + 5
    low, high = -(1 << (config.out_width - 1)), (1 << (config.out_width - 1)) - 1
    clamp_lo = config.out_width - 1  # the bits from here up are all alike inside the clamp
    near_end, sum_bits = _NEAR_BITS + 1, _NEAR_BITS + 3
    top_ones, clamp_ones = (1 << (34 - _NEAR_BITS)) - 1, (1 << (near_end - clamp_lo)) - 1
    doubled = signed_word(35)
    shift, shifted, sticky, lost = Signal(intbv(0)[5:]), signed_word(35), bit(), bit()
    negative, above, below, increment = bit(), bit(), bit(), bit()
    zero_point, near = signed_word(8), word(near_end)
    addend, total, value = word(9), signed_word(sum_bits), signed_word(sum_bits)
    clamped = signed_word(32)
    too_high, too_low = bit(), bit()

    @always_comb
    def select():
        shift.next = shift_tile[hi:lo]

    @always_comb
    def double():
        doubled.next = s7_quotient << 1

    @always_comb
    def lose():
        lost.next = False
        for i in range(4):
            for j in range(8):
                # 8 * i + j < shift
                if doubled[8 * i + j] and (
                    shift[5:3] > i or (shift[5:3] == i and shift[3:] > j)
                ):
                    lost.next = True

    @always(clock.posedge)
    def register_shifted():
        if s7.long:
            shifted.next = doubled >> shift
            sticky.next = lost

    @always_comb
    def look():
        negative.next = shifted[34]
        above.next = not shifted[34] and shifted[34:_NEAR_BITS] != 0
        below.next = shifted[34] and shifted[34:_NEAR_BITS] != top_ones
        increment.next = shifted[0] and (
            not s8.imm[RqtFlag.AWAY] or not shifted[34] or sticky
        )

    @always_comb
    def prepare():
        # a one below both makes the increment the carry into a single adder
        near.next = shifted[near_end:] | 1
        addend.next = concat(s8.imm[8:], increment)
        zero_point.next = s8.imm[8:].signed()

    @always_comb
    def add():
        total.next = near.signed() + addend.signed()

    @always_comb
    def halve():
        value.next = total >> 1

    @always_comb
    def judge():
        too_high.next = above or (
            not below and not value[near_end] and value[near_end:clamp_lo] != 0
        )
        too_low.next = below or (
            not above and value[near_end] and value[near_end:clamp_lo] != clamp_ones
        )

    @always_comb
    def clamp():
        clamped.next = value
        if s8.imm[RqtFlag.RELU] and negative:
            # the rounded value is not above 0
            clamped.next = zero_point
            if zero_point > high:
                clamped.next = high
        elif too_high:
            clamped.next = high
        elif too_low and not s8.imm[RqtFlag.RELU]:
            clamped.next = low

    @always_comb
    def extend():
        result.next = clamped

    return (
        select, double, lose, register_shifted, look, prepare, add, halve, judge, clamp,
        extend,
    )

"""Long operations, second half: one lane of RQT's shift, rounding, zero point and clamp.

The value to shift arrives in s7 (:func:`.quotient_lane`), the rounded value and its zero point are
registered into s8, and the clamped result of s8 is combinational (vta_isa.md section 0.1).  The
value is shifted by one bit less than specified, so that its lowest bit is the rounding bit;
rounding half away from zero also needs to know whether any lower bit was lost.

Rounding and zero point are added to the low bits alone; s8 determines from the bits above whether
the value is out of their range, and so out of that of the clamp.
"""

from __future__ import annotations

from typing import Any

from myhdl import Signal, always, always_comb, block, concat, intbv

from ...isa.config import Config
from ...isa.opcodes import AluOpcode, RqtFlag
from ..lib.bundles import bit, signed_word, word
from .step import Step

__all__ = ["requantize_lane", "rqt_immediate"]

_NEAR_BITS = 11  # only a value this narrow may end inside the clamp: zero points have 8 bits


@block
def rqt_immediate(clock: Any, s7: Step, s8_imm: Any) -> Any:
    """Register RQT's immediate from s7 to s8; zero for all other operations."""

    @always(clock.posedge)
    def copy():
        s8_imm.next = 0
        if s7.long and s7.opcode == AluOpcode.RQT:
            s8_imm.next = s7.imm

    return copy


@block
def requantize_lane(
    clock: Any, s7: Any, s8: Any, s7_quotient: Any, shift_tile: Any, lost_mask: Any, result: Any,
    *, config: Config, lane: int,
) -> Any:
    """Drive ``result`` (32-bit word, s8), zero when the step there is no RQT.

    ``shift_tile`` (5 bits per lane) and ``lost_mask`` (32 bits per lane: those the shift drops)
    belong to s7.
    """
    lo, hi = 5 * lane, 5 * lane + 5
    mask_lo, mask_hi = 32 * lane, 32 * lane + 32
    low, high = -(1 << (config.out_width - 1)), (1 << (config.out_width - 1)) - 1
    clamp_lo = config.out_width - 1  # all bits from here up are equal inside the clamp
    near_end, sum_bits = _NEAR_BITS + 1, _NEAR_BITS + 3  # width of the low bits; with both addends
    sign_end = near_end + 1
    far_bits, sign_ones = 34 - _NEAR_BITS, (1 << (sign_end - clamp_lo)) - 1
    far_ones = (1 << far_bits) - 1
    doubled = signed_word(35)
    shift, lost = Signal(intbv(0)[5:]), bit()
    shifted, increment = signed_word(35), bit()
    near, addend, total = word(near_end), word(9), signed_word(sum_bits)
    value, far, negative, raised = word(sign_end), word(far_bits), bit(), bit()  # in s8
    above, below, zero_point = bit(), bit(), signed_word(8)
    sure, fits, keep = bit(), bit(), bit()
    end, inside, clamped = signed_word(8), signed_word(8), signed_word(32)

    @always_comb
    def select():
        shift.next = shift_tile[hi:lo]

    @always_comb
    def double():
        doubled.next = s7_quotient << 1

    @always_comb
    def shift_right():
        shifted.next = doubled >> shift
        lost.next = (doubled[32:] & lost_mask[mask_hi:mask_lo]) != 0

    @always_comb
    def round_up():
        increment.next = shifted[0] and (
            not s7.imm[RqtFlag.AWAY] or not s7_quotient[34] or lost
        )

    @always_comb
    def prepare():
        # a one below both turns the increment into the carry of a single adder
        near.next = shifted[near_end:] | 1
        addend.next = concat(s7.imm[8:], increment)

    @always_comb
    def add():
        total.next = near.signed() + addend.signed()

    @always(clock.posedge)
    def register_value():
        value.next = 0
        far.next = 0
        negative.next = False
        raised.next = False
        if s7.long and s7.opcode == AluOpcode.RQT:
            value.next = total[sum_bits:1]
            far.next = shifted[34:_NEAR_BITS]
            negative.next = shifted[34]
            raised.next = s7.imm[RqtFlag.RELU] and shifted[34]

    @always_comb
    def compare_high():
        above.next = not negative and far != 0
        below.next = negative and far != far_ones
        zero_point.next = s8.imm[8:].signed()

    @always_comb
    def check_range():
        sure.next = not above and not below and not raised
        fits.next = value[sign_end:clamp_lo] == 0 or value[sign_end:clamp_lo] == sign_ones

    if config.out_width == 8:
        @always_comb
        def decide():
            keep.next = sure and fits
    else:
        @always_comb
        def decide():
            # the zero point is RELU's lower end, and may be below that of the clamp
            keep.next = sure and (fits or (s8.imm[RqtFlag.RELU] and value[near_end]))

    @always_comb
    def saturate():
        end.next = low
        if raised:
            # the rounded value is not above 0
            end.next = zero_point
            if zero_point > high:
                end.next = high
        elif above or (not below and not value[near_end]):
            end.next = high

    @always_comb
    def narrow():
        inside.next = value[8:].signed()

    @always_comb
    def choose():
        clamped.next = end
        if keep:
            clamped.next = inside

    @always_comb
    def extend():
        result.next = clamped

    return (
        select, double, shift_right, round_up, prepare, add, register_value, compare_high,
        check_range, decide, saturate, narrow, choose, extend,
    )

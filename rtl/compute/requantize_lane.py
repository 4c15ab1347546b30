"""RQT's rounding, zero point and clamp (``round`` and ``clamp``), one lane.

The shifted value arrives from :mod:`.shift_lane` with the rounding bit below it, the rounded value
is registered into ``clamp``, and the clamped result there is combinational (vta_isa.md section
0.1).  Rounding half away from zero also needs to know whether any lower bit was lost.

Rounding and zero point are added to the low bits alone; the bits above determine whether the value
is out of their range, and so out of that of the clamp.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, block, concat

from ...isa.config import Config
from ...isa.opcodes import RqtFlag
from ..lib.bundles import bit, signed_word, word
from .shift_lane import SHIFTED_BITS, Lost
from .step import Step

__all__ = ["requantize_lane", "rqt_immediate"]

_NEAR_BITS = 11  # only a value this narrow may end inside the clamp: zero points have 8 bits


@block
def rqt_immediate(clock: Any, rounded: Step, requantizes: Any, imm: Any) -> Any:
    """Register RQT's immediate from ``round`` to ``clamp``; zero for all other operations."""

    @always(clock.posedge)
    def copy():
        imm.next = 0
        if rounded.alu and requantizes:
            imm.next = rounded.imm

    return copy


@block
def requantize_lane(
    clock: Any, rounded: Step, requantizes: Any, shifted: Any, lost: Lost, imm: Any, result: Any,
    *, config: Config,
) -> Any:
    """Drive ``result`` (32-bit word, ``clamp``), zero when the step there is no RQT.

    ``shifted`` and ``lost`` belong to ``round``, and so does ``requantizes``: the step there is an
    RQT.  ``imm``: from :func:`rqt_immediate`.
    """
    low, high = -(1 << (config.out_width - 1)), (1 << (config.out_width - 1)) - 1
    clamp_lo = config.out_width - 1  # all bits from here up are equal inside the clamp
    near_end, sum_bits = _NEAR_BITS + 1, _NEAR_BITS + 3  # width of the low bits; with both addends
    sign_end, sign = near_end + 1, SHIFTED_BITS - 1
    far_bits, sign_ones = sign - _NEAR_BITS, (1 << (sign_end - clamp_lo)) - 1
    far_ones = (1 << far_bits) - 1
    any_lost, increment = bit(), bit()
    near, addend, total = word(near_end), word(9), signed_word(sum_bits)
    above_now, below_now = bit(), bit()
    value, above, below, raised = word(sign_end), bit(), bit(), bit()  # in ``clamp``
    zero_point, sure, fits, keep = signed_word(8), bit(), bit(), bit()
    end, inside, clamped = signed_word(8), signed_word(8), signed_word(32)

    @always_comb
    def find_lost():
        any_lost.next = (
            lost.few or (lost.octets != 0 and lost.octet[0])
            or (lost.octets[1] and lost.octet[1]) or (lost.octets == 3 and lost.octet[2])
        )

    @always_comb
    def round_up():
        increment.next = shifted[0] and (
            not rounded.imm[RqtFlag.AWAY] or not shifted[sign] or any_lost
        )

    @always_comb
    def prepare():
        # a one below both turns the increment into the carry of a single adder
        near.next = shifted[near_end:] | 1
        addend.next = concat(rounded.imm[8:], increment)

    @always_comb
    def add():
        total.next = near.signed() + addend.signed()

    @always_comb
    def compare_high():
        above_now.next = not shifted[sign] and shifted[sign:_NEAR_BITS] != 0
        below_now.next = shifted[sign] and shifted[sign:_NEAR_BITS] != far_ones

    @always(clock.posedge)
    def register_value():
        value.next = 0
        above.next = False
        below.next = False
        raised.next = False
        if rounded.alu and requantizes:
            value.next = total[sum_bits:1]
            above.next = above_now
            below.next = below_now
            raised.next = rounded.imm[RqtFlag.RELU] and shifted[sign]

    @always_comb
    def check_range():
        zero_point.next = imm[8:].signed()
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
            keep.next = sure and (fits or (imm[RqtFlag.RELU] and value[near_end]))

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
        find_lost, round_up, prepare, add, compare_high, register_value, check_range, decide,
        saturate, narrow, choose, extend,
    )

"""Long multiplier: one lane of a 32 x 33 signed multiplication in three stages.

The halves of the operands are registered, then four partial products (one DSP each on most
families), then the sum.  RQT adds 2^30, so that bits 31 and up are the rounded Q31 product
(vta_isa.md section 0.1).

BYPASS multiplies by 2^31, which yields ``p`` itself: a multiplier has one bit more than a tile.
"""

from __future__ import annotations

from myhdl import always, always_comb, block, concat

from ..lib.bundles import bit, signed_word

__all__ = ["MULTIPLIER_BITS", "MULTIPLIER_LATENCY", "PRODUCT_BITS", "multiply_lane"]

MULTIPLIER_BITS = 33
MULTIPLIER_LATENCY = 3
"""Stages from the operands to the product."""
PRODUCT_BITS = 64
"""Those that RQT uses; other operations use the low 32."""

_ROUND_Q31 = 1 << 14  # 2^30 counted from bit 16


@block
def multiply_lane(clock, p, m, rounds, product):
    """``product``, a register: low bits of ``p * m`` three stages later, 2^30 more if ``rounds``.

    ``p``: 32 bits, ``m``: 33 bits, both signed.  ``rounds`` belongs to the same step; with None
    nothing is ever added.
    """
    p_low, m_low = signed_word(17), signed_word(17)
    p_high, m_high = signed_word(16), signed_word(MULTIPLIER_BITS - 16)
    low_low, high_high = signed_word(34), signed_word(33)
    low_high, high_low = signed_word(34), signed_word(33)
    high_shifted, carry, upper = signed_word(50), signed_word(50), signed_word(50)
    upper_bits = len(product) - 16

    @always(clock.posedge)
    def split():
        p_low.next = p[16:]
        p_high.next = p[32:16].signed()
        m_low.next = m[16:]
        m_high.next = m[MULTIPLIER_BITS:16].signed()

    @always(clock.posedge)
    def multiply():
        low_low.next = p_low * m_low
        high_low.next = p_high * m_low
        low_high.next = p_low * m_high
        high_high.next = p_high * m_high

    @always_comb
    def align():
        # separate wide signals: VHDL shifts keep the width of their operand
        high_shifted.next = high_high
        carry.next = low_low >> 16

    @always(clock.posedge)
    def register_product():
        product.next = concat(upper[upper_bits:], low_low[16:])

    parts = split, multiply, align, register_product
    if rounds is None:

        @always_comb
        def add():
            upper.next = (high_shifted << 16) + carry + low_high + high_low

        return parts, add

    rounding, split_rounds, multiplied_rounds = signed_word(50), bit(), bit()

    @always(clock.posedge)
    def follow():
        split_rounds.next = rounds
        multiplied_rounds.next = split_rounds

    @always_comb
    def round_half():
        rounding.next = 0
        if multiplied_rounds:
            rounding.next = _ROUND_Q31

    @always_comb
    def add_rounded():
        upper.next = (high_shifted << 16) + carry + rounding + low_high + high_low

    return parts, follow, round_half, add_rounded

"""Long operations, first half: one lane of a 32 x 32 signed multiplication in three stages.

The step's operands arrive in s4, RQT's first one after the bias; their halves are registered into
s5, four partial products (one DSP each on most families) into s6, the used bits of their sum into
s7.  RQT adds 2^30 at the end, so that ``upper >> 15`` is the rounded Q31 product (vta_isa.md
section 0.1).

BYPASS multiplies by 2^31, which yields ``p`` itself: a multiplier has one bit more than a tile.
"""

from __future__ import annotations

from myhdl import always, always_comb, block, concat

from ...isa.opcodes import AluOpcode, RqtFlag
from ..lib.bundles import signed_word, word

__all__ = [
    "MULTIPLIER_BITS", "multiply_lane", "multiply_operands", "quotient_lane",
    "requantize_operands",
]

MULTIPLIER_BITS = 33
_ONE_Q31 = 1 << 31
_ROUND_Q31 = 1 << 14  # 2^30 counted from bit 16


@block
def multiply_operands(s4, operands, p, m, *, lane):
    """Operands of MUL: ``p`` = ACC[dst], ``m`` = immediate or ACC[src] (s4, combinational)."""
    lo, hi = 32 * lane, 32 * lane + 32
    sign = hi - 1
    other, wide_imm = word(MULTIPLIER_BITS), signed_word(MULTIPLIER_BITS)

    @always_comb
    def extend():
        wide_imm.next = s4.imm.signed()

    @always_comb
    def select_other():
        other.next = wide_imm
        if s4.pair:
            other.next = concat(operands.held[sign], operands.held[hi:lo])

    @always_comb
    def select():
        p.next = operands.dst[hi:lo]

    return extend, select_other, select, read_second(operands, other, m, lane=lane)


@block
def requantize_operands(s4, operands, bias_tile, multiplier_tile, p, m, *, lane):
    """Operands of MUL, or of RQT: ``p`` = ACC[dst] + bias, ``m`` = multiplier."""
    lo, hi = 32 * lane, 32 * lane + 32
    sign = hi - 1
    bias, wide_imm = word(32), signed_word(MULTIPLIER_BITS)
    other = word(MULTIPLIER_BITS)

    @always_comb
    def extend():
        wide_imm.next = s4.imm.signed()

    @always_comb
    def select_other():
        bias.next = 0
        other.next = wide_imm
        if s4.opcode == AluOpcode.RQT:
            bias.next = bias_tile[hi:lo]
            other.next = concat(multiplier_tile[sign], multiplier_tile[hi:lo])
            if s4.imm[RqtFlag.BYPASS]:
                other.next = _ONE_Q31
        elif s4.pair:
            other.next = concat(operands.held[sign], operands.held[hi:lo])

    @always_comb
    def add():
        p.next = operands.dst[hi:lo] + bias

    return extend, select_other, add, read_second(operands, other, m, lane=lane)


@block
def read_second(operands, other, m, *, lane):
    """Select ``m`` from the bank being read, whose data arrives in mid-cycle, or from ``other``."""
    lo, hi = 32 * lane, 32 * lane + 32
    sign = hi - 1

    @always_comb
    def select():
        m.next = other
        if operands.reads_src:
            m.next = concat(operands.src[sign], operands.src[hi:lo])

    return select


@block
def multiply_lane(clock, s4, s6, p, m, s6_upper, s7_product):
    """Multiply ``p`` by ``m`` (s4).

    ``s6_upper``: the product from bit 16 up, with RQT's rounding, combinational in s6.
    ``s7_product``: the low 32 bits of the product for MUL, zero for RQT.
    """
    p_low, m_low = signed_word(17), signed_word(17)
    p_high, m_high = signed_word(16), signed_word(MULTIPLIER_BITS - 16)
    low_low, high_high = signed_word(34), signed_word(32)
    low_high, high_low = signed_word(33), signed_word(33)
    high_shifted, carry, rounding = signed_word(50), signed_word(50), signed_word(50)

    @always(clock.posedge)
    def split():
        if s4.long:
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
        rounding.next = 0
        if s6.opcode == AluOpcode.RQT:
            rounding.next = _ROUND_Q31

    @always_comb
    def add():
        s6_upper.next = (high_shifted << 16) + carry + rounding + low_high + high_low

    @always(clock.posedge)
    def register_product():
        if s6.long:
            s7_product.next = concat(s6_upper[16:], low_low[16:])
            if s6.opcode == AluOpcode.RQT:
                s7_product.next = 0

    return split, multiply, align, add, register_product


@block
def quotient_lane(clock, s6, s6_upper, s7_quotient):
    """Register the value that RQT shifts: the rounded Q31 product."""

    @always(clock.posedge)
    def register_quotient():
        if s6.long:
            s7_quotient.next = s6_upper[50:15].signed()

    return register_quotient

"""ALU lane (stage s8, combinational): accumulate a dot product or apply a tensor ALU operation.

Operations are those of vta_isa.md sections 4.3 and 4.4 with D1-D4: the first operand is always
``ACC[dst]``; SHR shifts right arithmetically for ``q >= 0``, the amount saturating at 31, and left
for ``q < 0``, giving zero from 32 on.  MUL arrives finished from the long pipeline, RQT is
selected by :func:`select_requantized` where the configuration has it.
"""

from __future__ import annotations

from myhdl import Signal, always_comb, block, intbv

from ..isa.opcodes import AluOpcode
from .bundles import bit, signed_word, word

__all__ = ["alu_lane", "select_requantized"]


@block
def alu_lane(s8, dst_tile, src_tile, dot, product, result, *, lane, dot_width):
    """Drive one lane of the result, a 32-bit word.

    ``dst_tile``, ``src_tile``: forwarded operand tiles; ``dot``: packed dot products, ``dot_width``
    bits a lane; ``product``: the low 32 bits of this lane's MUL.
    """
    lo, hi = 32 * lane, 32 * lane + 32
    dot_lo, dot_hi = dot_width * lane, dot_width * (lane + 1)
    ones = (1 << 27) - 1
    p, q, p_word, q_word = signed_word(32), signed_word(32), word(32), word(32)
    base, addend, total = word(32), word(32), word(32)
    right, negated = Signal(intbv(0)[5:]), Signal(intbv(0)[6:])
    right_shifted, left_shifted, q_negative, left_fits = word(32), word(32), bit(), bit()

    @always_comb
    def read_operands():
        p_word.next = dst_tile[hi:lo]
        q_word.next = src_tile[hi:lo]
        if s8.use_imm:
            q_word.next = s8.imm.signed()

    @always_comb
    def view_signed():
        p.next = p_word.signed()
        q.next = q_word.signed()

    @always_comb
    def select_sum():
        base.next = p_word
        addend.next = q_word
        if s8.gemm:
            addend.next = dot[dot_hi:dot_lo].signed()
            if s8.overwrite:
                base.next = 0

    @always_comb
    def add():
        total.next = base + addend

    @always_comb
    def measure():
        q_negative.next = q_word[31]
        left_fits.next = q_word[32:5] == ones and q_word[5:] != 0
        right.next = q_word[5:]
        if q_word[32:5] != 0:
            right.next = 31
        negated.next = 32 - q_word[5:]

    @always_comb
    def shift():
        right_shifted.next = p >> right
        left_shifted.next = p_word << negated[5:]

    @always_comb
    def select():
        result.next = total  # GEMM, ADD
        if s8.gemm:
            if s8.clear:
                result.next = 0
        elif s8.opcode == AluOpcode.MIN:
            if p < q:
                result.next = p_word
            else:
                result.next = q_word
        elif s8.opcode == AluOpcode.MAX:
            if p < q:
                result.next = q_word
            else:
                result.next = p_word
        elif s8.opcode == AluOpcode.SHR:
            if not q_negative:
                result.next = right_shifted
            elif left_fits:
                result.next = left_shifted
            else:
                result.next = 0
        elif s8.opcode == AluOpcode.MUL:
            result.next = product

    return read_operands, view_signed, select_sum, add, measure, shift, select


@block
def select_requantized(s8, short_result, requantized, result):
    """Take RQT's result for RQT, that of :func:`alu_lane` for everything else."""

    @always_comb
    def select():
        result.next = short_result
        if not s8.gemm and s8.opcode == AluOpcode.RQT:
            result.next = requantized

    return select

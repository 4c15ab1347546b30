"""ALU lane: operands registered into s8, accumulation or a tensor ALU operation there.

Operations are those of vta_isa.md sections 4.3 and 4.4 with D1-D4: the first operand is always
``ACC[dst]``; SHR shifts right arithmetically for ``q >= 0``, the amount saturating at 31, and left
for ``q < 0``, giving zero from 32 on.  GEMM is the sum of its operands, and so is MUL, whose
product arrives finished from the long pipeline.  RQT is selected by :func:`select_requantized`
where the configuration has it.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, block, concat

from ..isa.opcodes import AluOpcode
from .bundles import bit, signed_word, word

__all__ = ["alu_lane", "alu_operands", "select_requantized"]


@block
def alu_operands(
    clock: Any, s7: Any, dst_tile: Any, src_tile: Any, dot: Any, product: Any, first: Any,
    second: Any, *, lane: int, dot_width: int,
) -> Any:
    """Register the operands of one lane from s7 into s8.

    ``dst_tile``, ``src_tile``: operand tiles of s7; ``dot``: packed dot products, ``dot_width``
    bits a lane; ``product``: this lane's MUL.
    """
    lo, hi = 32 * lane, 32 * lane + 32
    dot_lo, dot_hi = dot_width * lane, dot_width * (lane + 1)
    wide_dot, wide_imm = signed_word(32), signed_word(32)

    @always_comb
    def extend():
        wide_dot.next = dot[dot_hi:dot_lo].signed()
        wide_imm.next = s7.imm.signed()

    @always(clock.posedge)
    def select_first():
        if s7.valid:
            first.next = dst_tile[hi:lo]
            if s7.gemm:
                if s7.overwrite or s7.clear:
                    first.next = 0
            elif s7.long:
                first.next = product

    @always(clock.posedge)
    def select_second():
        if s7.valid:
            second.next = src_tile[hi:lo]
            if s7.gemm:
                second.next = wide_dot
                if s7.clear:
                    second.next = 0
            elif s7.long:
                second.next = 0
            elif s7.use_imm:
                second.next = wide_imm

    return extend, select_first, select_second


@block
def alu_lane(
    s8: Any, first: Any, second: Any, dst_from_s9: Any, src_from_s9: Any, s9_result: Any,
    result: Any, *, lane: int,
) -> Any:
    """Drive one lane of the result, a 32-bit word, from the operands of s8 (combinational).

    ``dst_from_s9``, ``src_from_s9``: the operand is the result in s9 instead.
    """
    lo, hi = 32 * lane, 32 * lane + 32
    ones = (1 << 27) - 1
    p, q, p_word, q_word = signed_word(32), signed_word(32), word(32), word(32)
    total, less, outside = word(32), bit(), bit()
    amount, double, double_shifted = word(5), word(64), word(64)
    low_bits, keep, fill, shifted = word(32), word(32), word(32), word(32)
    sign = signed_word(32)

    @always_comb
    def read_operands():
        p_word.next = first
        q_word.next = second
        if dst_from_s9:
            p_word.next = s9_result[hi:lo]
        if src_from_s9:
            q_word.next = s9_result[hi:lo]

    @always_comb
    def view_signed():
        p.next = p_word.signed()
        q.next = q_word.signed()
        amount.next = q_word[5:]
        double.next = concat(p_word, p_word)

    @always_comb
    def extend_sign():
        sign.next = p >> 31

    @always_comb
    def compute():
        total.next = p_word + q_word
        less.next = p < q

    @always_comb
    def turn():
        # to the right by n; that is to the left by 32 - n, and q[5:] is 32 - n for q < 0
        double_shifted.next = double >> amount
        for i in range(32):
            low_bits.next[i] = amount < 32 - i  # the lowest 32 - n
        if q_word[31]:
            outside.next = q_word[32:5] != ones
        else:
            outside.next = q_word[32:5] != 0

    @always_comb
    def choose_bits():
        # of the bits turned round: to the right the low ones, to the left the high ones
        keep.next = low_bits
        fill.next = sign
        if q_word[31]:
            keep.next = ~low_bits
            fill.next = 0
        if outside:
            keep.next = 0

    @always_comb
    def shift():
        shifted.next = (double_shifted[32:] & keep) | (fill & ~keep)

    @always_comb
    def select():
        result.next = total  # GEMM, ADD, MUL
        if not s8.gemm:
            if s8.opcode == AluOpcode.MIN:
                result.next = q_word
                if less:
                    result.next = p_word
            elif s8.opcode == AluOpcode.MAX:
                result.next = p_word
                if less:
                    result.next = q_word
            elif s8.opcode == AluOpcode.SHR:
                result.next = shifted

    return (
        read_operands, view_signed, extend_sign, compute, turn, choose_bits, shift, select,
    )


@block
def select_requantized(s8: Any, short_result: Any, requantized: Any, result: Any) -> Any:
    """Take RQT's result for RQT, that of :func:`alu_lane` for everything else."""

    @always_comb
    def select():
        result.next = short_result
        if not s8.gemm and s8.opcode == AluOpcode.RQT:
            result.next = requantized

    return select

"""ALU lane: operands registered into s8, accumulation or a tensor ALU operation there.

An operand that the step just before makes is taken as it is made, on its way into the register: so
what is registered needs no further choice.

Operations are those of vta_isa.md sections 4.3 and 4.4 with D1-D4: the first operand is always
``ACC[dst]``; SHR shifts right arithmetically for ``q >= 0``, the amount saturating at 31, and left
for ``q < 0``, giving zero from 32 on.  GEMM is the sum of its operands, and so is MUL, whose
product arrives finished from the long pipeline, as RQT's result does where the configuration has
it.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, block, concat

from ..isa.opcodes import AluOpcode
from .bundles import bit, signed_word, word
from .operands import Operand, SourceOperand

__all__ = ["alu_lane", "alu_operands"]


@block
def alu_operands(
    clock: Any, s7: Any, dst: Operand, src: SourceOperand, dot: Any, product: Any, result: Any,
    first: Any, second: Any, *, lane: int, dot_width: int,
) -> Any:
    """Register the operands of one lane from s7 into s8.

    ``dst``, ``src``: operand tiles; ``dot``: packed dot products, ``dot_width`` bits a lane;
    ``product``: this lane's MUL; ``result``: what the step in s8 makes of this lane.
    """
    lo, hi = 32 * lane, 32 * lane + 32
    dot_lo, dot_hi = dot_width * lane, dot_width * (lane + 1)
    wide_dot, wide_imm = signed_word(32), signed_word(32)
    product_or_none, other = word(32), word(32)

    @always_comb
    def extend():
        wide_dot.next = dot[dot_hi:dot_lo].signed()
        wide_imm.next = s7.imm.signed()

    @always_comb
    def compute_other():
        # what is no tile; nothing, where a GEMM overwrites or clears
        product_or_none.next = 0
        if s7.long:
            product_or_none.next = product
        other.next = 0
        if s7.gemm and not s7.clear:
            other.next = wide_dot
        elif not s7.gemm and not s7.long:
            other.next = wide_imm

    @always(clock.posedge)
    def select_first():
        if s7.valid:
            if dst.takes_none:
                first.next = product_or_none
            elif dst.takes_s8:
                first.next = result
            else:
                first.next = dst.tile[hi:lo]

    @always(clock.posedge)
    def select_second():
        if s7.valid:
            if src.takes_none:
                second.next = other
            elif src.takes_s8:
                second.next = result
            elif src.takes_held:
                second.next = src.held[hi:lo]
            else:
                second.next = src.tile[hi:lo]

    return extend, compute_other, select_first, select_second


@block
def alu_lane(
    s8: Any, p_word: Any, q_word: Any, requantized: Any, result: Any,
) -> Any:
    """Drive one lane of the result, a 32-bit word, from the operands of s8 (combinational).

    ``requantized``: RQT's result, None without it.
    """
    ones = (1 << 27) - 1
    p, q = signed_word(32), signed_word(32)
    total, less, outside, other = word(32), bit(), bit(), word(32)
    shifts, takes_smaller, takes_larger, takes_p, takes_q = (bit() for _ in range(5))
    amount, double, double_shifted = word(5), word(64), word(64)
    low_bits, keep, fill, shifted = word(32), word(32), word(32), word(32)
    sign = signed_word(32)

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
        for i in range(4):
            for j in range(8):
                # the lowest 32 - n: n is at most 31 - (8 * i + j)
                low_bits.next[8 * i + j] = amount[5:3] < 3 - i or (
                    amount[5:3] == 3 - i and amount[3:] <= 7 - j
                )
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
    def choose_operation():
        shifts.next = not s8.gemm and s8.opcode == AluOpcode.SHR
        takes_smaller.next = not s8.gemm and s8.opcode == AluOpcode.MIN
        takes_larger.next = not s8.gemm and s8.opcode == AluOpcode.MAX

    @always_comb
    def prefer():
        takes_p.next = (takes_smaller and less) or (takes_larger and not less)
        takes_q.next = (takes_smaller and not less) or (takes_larger and less)

    if requantized is None:
        @always_comb
        def compute_other():
            other.next = total  # GEMM, ADD, MUL
            if shifts:
                other.next = shifted
    else:
        @always_comb
        def compute_other():
            other.next = total
            if shifts:
                other.next = shifted
            elif not s8.gemm and s8.opcode == AluOpcode.RQT:
                other.next = requantized

    @always_comb
    def select():
        # the comparison is known last
        result.next = other
        if takes_p:
            result.next = p_word
        elif takes_q:
            result.next = q_word

    return (
        view_signed, extend_sign, compute, turn, choose_bits, shift,
        choose_operation, prefer, compute_other, select,
    )

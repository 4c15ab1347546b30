"""ALU lane: operands registered into s8, accumulation or a tensor ALU operation there.

An operand that the preceding step produces is forwarded on its way into the register, so the
registered operand needs no further selection.

Operations are those of vta_isa.md sections 4.3 and 4.4 with rules D1 to D4 of docs/device.md: the
first operand is always ``ACC[dst]``; SHR shifts right arithmetically for ``q >= 0``, the amount
saturating at 31, and left for ``q < 0``, giving zero from 32 on.  GEMM is the sum of its operands,
and so is MUL, whose product arrives complete from the long pipeline.  RQT's operands are zero here;
its result, which is zero for all other operations, comes from :mod:`.requantize_lane` late in the
cycle and passes through a single gate.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, block, concat

from ...isa.opcodes import AluOpcode
from ..lib.bundles import bit, signed_word, word
from .operands import Operand

__all__ = ["Operation", "alu_lane", "alu_operands", "alu_operation"]


class Operation:
    """Operation of all lanes in s8, one bit for each kind; no bit set: add."""

    def __init__(self) -> None:
        self.shifts = bit()  # SHR
        self.prefers, self.larger = bit(), bit()  # MIN or MAX; MAX


@block
def alu_operation(clock: Any, s7: Any, operation: Operation) -> Any:
    """Register the operation of the lanes from s7 into s8."""

    @always(clock.posedge)
    def decode():
        operation.shifts.next = not s7.gemm and s7.opcode == AluOpcode.SHR
        operation.prefers.next = not s7.gemm and (
            s7.opcode == AluOpcode.MIN or s7.opcode == AluOpcode.MAX
        )
        operation.larger.next = s7.opcode == AluOpcode.MAX

    return decode


@block
def alu_operands(
    clock: Any, s7: Any, even_data: Any, odd_data: Any, dst: Operand, src: Operand, dot: Any,
    product: Any, result: Any, first: Any, second: Any, *, lane: int, dot_width: int,
) -> Any:
    """Register the operands of one lane from s7 into s8.

    ``even_data``, ``odd_data``: tiles of the banks; ``dot``: packed dot products, ``dot_width``
    bits per lane; ``product``: this lane's MUL; ``result``: this lane's result of the step in s8.
    """
    lo, hi = 32 * lane, 32 * lane + 32
    dot_lo, dot_hi = dot_width * lane, dot_width * (lane + 1)
    wide_dot, wide_imm = signed_word(32), signed_word(32)
    product_or_none, other = word(32), word(32)
    first_ready, second_ready = word(32), word(32)

    @always_comb
    def extend():
        wide_dot.next = dot[dot_hi:dot_lo].signed()
        wide_imm.next = s7.imm.signed()

    @always_comb
    def compute_other():
        # operands other than tiles; zero where a GEMM overwrites or clears
        product_or_none.next = 0
        if s7.long:
            product_or_none.next = product
        other.next = 0
        if s7.gemm and not s7.clear:
            other.next = wide_dot
        elif not s7.gemm and not s7.long:
            other.next = wide_imm

    @always_comb
    def prepare():
        first_ready.next = dst.ready[hi:lo]
        if dst.takes_none:
            first_ready.next = product_or_none
        second_ready.next = src.ready[hi:lo]
        if src.takes_none:
            second_ready.next = other

    @always(clock.posedge)
    def select_first():
        if s7.valid:
            if dst.reads:
                first.next = even_data[hi:lo]
                if dst.second:
                    first.next = odd_data[hi:lo]
            else:
                first.next = first_ready
                if dst.second:
                    first.next = result

    @always(clock.posedge)
    def select_second():
        if s7.valid:
            if src.reads:
                second.next = even_data[hi:lo]
                if src.second:
                    second.next = odd_data[hi:lo]
            else:
                second.next = second_ready
                if src.second:
                    second.next = result

    return extend, compute_other, prepare, select_first, select_second


@block
def alu_lane(
    operation: Operation, p_word: Any, q_word: Any, requantized: Any, result: Any,
) -> Any:
    """Drive one lane of the result, a 32-bit word, from the operands of s8 (combinational).

    ``requantized``: RQT's result, zero for other operations; None without it.
    """
    ones = (1 << 27) - 1
    p = signed_word(32)
    p_order, q_order = word(32), word(32)
    total, less, outside = word(32), bit(), bit()
    preferred, other = word(32), word(32)
    amount, double, double_shifted = word(5), word(64), word(64)
    low_bits, keep, fill, shifted = word(32), word(32), word(32), word(32)
    sign = signed_word(32)

    @always_comb
    def view_signed():
        p.next = p_word.signed()
        # unsigned words in the same order: their comparison is a carry chain and nothing else
        p_order.next = p_word
        p_order.next[31] = not p_word[31]
        q_order.next = q_word
        q_order.next[31] = not q_word[31]
        amount.next = q_word[5:]
        double.next = concat(p_word, p_word)

    @always_comb
    def extend_sign():
        sign.next = p >> 31

    @always_comb
    def compute():
        total.next = p_word + q_word
        less.next = p_order < q_order

    @always_comb
    def rotate():
        # right by n, which is left by 32 - n; for q < 0, q[5:] is 32 - n
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
        # rotated bits to keep: the low ones of a right shift, the high ones of a left shift
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
    def prefer():
        # the comparison arrives last
        preferred.next = q_word
        if less != operation.larger:
            preferred.next = p_word

    @always_comb
    def compute_other():
        other.next = total  # GEMM, ADD, MUL
        if operation.shifts:
            other.next = shifted

    if requantized is None:
        @always_comb
        def select():
            result.next = other
            if operation.prefers:
                result.next = preferred
    else:
        @always_comb
        def select():
            result.next = other | requantized
            if operation.prefers:
                result.next = preferred

    return (
        view_signed, extend_sign, compute, rotate, choose_bits, shift,
        prefer, compute_other, select,
    )

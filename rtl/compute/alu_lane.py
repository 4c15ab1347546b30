"""ALU lane, first half (``operand`` to the multiplier): sum, minimum or maximum, and its factor.

Operations are those of vta_isa.md sections 4.3 and 4.4 with rules D1 to D4 of docs/device.md; the
first operand ``p`` is always ``ACC[dst]``.  All of them pass the multiplier and the shifter
(:mod:`.shift_lane`) on one way:

====  ==========================  ==========================  =================
      value                       multiplier                  shifted right by
====  ==========================  ==========================  =================
MIN   p or q, by p - q            1                           0
MAX   p or q, by p - q            1                           0
ADD   p + q                       1                           0
SHR   p                           1; q < 0: 2^-q, 0 from 32   q, 31 from 32 on
MUL   p                           q                           0
RQT   p + bias (q)                multiplier; BYPASS: 2^31    shift
====  ==========================  ==========================  =================

One adder serves sums and comparisons.  RED's result comes from :mod:`.reduce_tree`.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, block, concat

from ...isa.config import Config
from ...isa.opcodes import AluOpcode, RqtFlag
from ..lib.bundles import bit, word
from .stages import Stages
from .step import Step

__all__ = ["Operation", "alu_operation", "alu_sum", "multiplier_operands", "shift_amount"]


class Operation:
    """Control of all lanes; the first word of a name is the stage."""

    def __init__(self) -> None:
        self.operand_adds, self.operand_subtracts = bit(), bit()  # p + q, p - q; none: p
        self.operand_shifts = bit()  # SHR
        self.select_prefers, self.select_larger = bit(), bit()  # MIN or MAX; MAX
        self.select_multiplies = bit()  # MUL
        self.rqt: RqtOperation | None = None  # without RQT
        # in ``round``: the result is RQT's or RED's, not the shifted value; None without both
        self.round_elsewhere: Any = None


class RqtOperation:
    """Control of all lanes: the step in a stage is an RQT."""

    def __init__(self) -> None:
        self.operand, self.select, self.product, self.shift = bit(), bit(), bit(), bit()
        self.round = bit()
        self.operand_bypasses = bit()  # with BYPASS
        self.select_scales = bit()  # without BYPASS: by the parameter tile


@block
def decode_elsewhere(clock: Any, multiplied: Step, round_elsewhere: Any) -> Any:
    """Register ``round_elsewhere`` from the stage before ``product``."""
    product_elsewhere, shift_elsewhere = bit(), bit()

    @always(clock.posedge)
    def decode():
        product_elsewhere.next = (
            multiplied.opcode == AluOpcode.RQT or multiplied.opcode == AluOpcode.RED
        )
        shift_elsewhere.next = product_elsewhere
        round_elsewhere.next = shift_elsewhere

    return decode


@block
def alu_operation(clock: Any, s: list[Step], operation: Operation, *, config: Config) -> Any:
    """Register the operation from the stage before, once for all lanes."""
    at = Stages.of(config)
    aligned, operated, multiplied = s[at.align], s[at.operand], s[at.product - 1]

    @always(clock.posedge)
    def decode_operand():
        operation.operand_adds.next = (
            aligned.opcode == AluOpcode.ADD or aligned.opcode == AluOpcode.RQT
        )
        operation.operand_subtracts.next = (
            aligned.opcode == AluOpcode.MIN or aligned.opcode == AluOpcode.MAX
        )
        operation.operand_shifts.next = aligned.opcode == AluOpcode.SHR

    @always(clock.posedge)
    def decode_select():
        operation.select_prefers.next = operation.operand_subtracts
        operation.select_larger.next = operated.opcode == AluOpcode.MAX
        operation.select_multiplies.next = operated.opcode == AluOpcode.MUL

    parts: tuple[Any, ...] = (decode_operand, decode_select)
    if config.reduce:
        operation.round_elsewhere = bit()
        parts += (decode_elsewhere(clock, multiplied, operation.round_elsewhere),)
    if not config.requantize:
        return parts

    rqt = RqtOperation()
    operation.rqt = rqt
    if not config.reduce:
        operation.round_elsewhere = rqt.round

    @always(clock.posedge)
    def decode_rqt():
        rqt.operand.next = aligned.opcode == AluOpcode.RQT
        rqt.operand_bypasses.next = (
            aligned.opcode == AluOpcode.RQT and aligned.imm[RqtFlag.BYPASS]
        )
        rqt.select.next = rqt.operand
        rqt.select_scales.next = rqt.operand and not rqt.operand_bypasses
        rqt.product.next = multiplied.opcode == AluOpcode.RQT
        rqt.shift.next = rqt.product
        rqt.round.next = rqt.shift

    return parts, decode_rqt


@block
def alu_sum(
    clock: Any, operation: Operation, p_tile: Any, q_tile: Any, value: Any, q: Any, *, lane: int,
) -> Any:
    """Add in ``operand``; drive ``value`` (combinational) and ``q`` (a register) in ``select``."""
    lo, hi = 32 * lane, 32 * lane + 32
    sign = hi - 1
    second = word(32)
    left, right, both = word(34), word(34), word(34)  # 33 bits, and one that makes the carry
    total, p, less = word(32), word(32), bit()

    @always_comb
    def select_second():
        second.next = 0
        if operation.operand_adds:
            second.next = q_tile[hi:lo]
        elif operation.operand_subtracts:
            second.next = ~q_tile[hi:lo]

    @always_comb
    def widen():
        left.next = concat(p_tile[sign], p_tile[hi:lo], operation.operand_subtracts)
        right.next = concat(second[31], second, operation.operand_subtracts)

    @always_comb
    def add():
        both.next = left + right

    @always(clock.posedge)
    def register_sum():
        total.next = both[33:1]
        less.next = both[33]
        p.next = p_tile[hi:lo]
        q.next = q_tile[hi:lo]

    @always_comb
    def choose():
        value.next = total
        if operation.select_prefers:
            value.next = q
            if less != operation.select_larger:
                value.next = p

    return select_second, widen, add, register_sum, choose


@block
def left_shift(clock: Any, operation: Operation, q_tile: Any, power: Any, *, lane: int) -> Any:
    """Register ``power``, in ``select``: 2^n where the value is multiplied by one, else zero.

    Of SHR with ``q`` < 0, n is -q, and ``power`` is zero from 32 on; of BYPASS 31; else 0.
    """
    lo, hi, end = 32 * lane, 32 * lane + 5, 32 * lane + 32
    sign, ones = end - 1, (1 << 27) - 1
    left, inside, complement, n = bit(), bit(), word(5), word(5)
    low, high = word(8), word(4)  # one bit each, of n mod 8 and n // 8

    @always_comb
    def classify():
        left.next = operation.operand_shifts and q_tile[sign]
        inside.next = q_tile[end:hi] == ones and q_tile[hi:lo] != 0
        complement.next = ~q_tile[hi:lo]

    if operation.rqt is None:
        @always_comb
        def count():
            n.next = 0
            if left:
                n.next = complement + 1
    else:
        bypasses = operation.rqt.operand_bypasses

        @always_comb
        def count():
            n.next = 0
            if bypasses:
                n.next = 31
            elif left:
                n.next = complement + 1

    @always(clock.posedge)
    def decode():
        for i in range(8):
            low.next[i] = n[3:] == i
        for j in range(4):
            high.next[j] = n[5:3] == j and (inside or not left)

    @always_comb
    def combine():
        for i in range(4):
            for j in range(8):
                power.next[8 * i + j] = high[i] and low[j]

    return classify, count, decode, combine


@block
def multiplier_operands(
    clock: Any, operation: Operation, q_tile: Any, q: Any, multiplier_tile: Any, m: Any, *,
    lane: int,
) -> Any:
    """Drive ``m``, the signed factor of the value in ``select`` (combinational).

    ``multiplier_tile``: RQT's parameters, None without RQT.
    """
    lo, hi = 32 * lane, 32 * lane + 32
    sign = hi - 1
    power = word(32)
    parts = left_shift(clock, operation, q_tile, power, lane=lane)

    if operation.rqt is None:
        @always_comb
        def select():
            m.next = power
            if operation.select_multiplies:
                m.next = concat(q[31], q)
    else:
        scales = operation.rqt.select_scales

        @always_comb
        def select():
            m.next = power
            if operation.select_multiplies:
                m.next = concat(q[31], q)
            elif scales:
                m.next = concat(multiplier_tile[sign], multiplier_tile[hi:lo])

    return parts, select


@block
def shift_amount(
    clock: Any, operation: Operation, q_tile: Any, shift_tile: Any, amount: Any, *, lane: int,
) -> Any:
    """Register ``amount``, of the right shift of the step in ``select``.

    ``shift_tile``: RQT's parameters, 5 bits per lane, None without RQT.
    """
    lo, hi, end = 32 * lane, 32 * lane + 5, 32 * lane + 32
    sign = end - 1
    shift_lo, shift_hi = 5 * lane, 5 * lane + 5
    right = word(5)

    @always_comb
    def saturate():
        right.next = 0
        if operation.operand_shifts and not q_tile[sign]:
            right.next = q_tile[hi:lo]
            if q_tile[end:hi] != 0:
                right.next = 31

    if operation.rqt is None:
        @always(clock.posedge)
        def register_amount():
            amount.next = right
    else:
        requantizes = operation.rqt.operand

        @always(clock.posedge)
        def register_amount():
            amount.next = right
            if requantizes:
                amount.next = shift_tile[shift_hi:shift_lo]

    return saturate, register_amount

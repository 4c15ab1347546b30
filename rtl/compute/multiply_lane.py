"""Long multiplier: one lane of a 32 x 33 signed multiplication, as a chain of multipliers.

Both operands are split into their low 17 bits, unsigned, and the signed rest.  Each product of two
parts is added to the sum before it, in the adder behind the multiplier (a cascade of DSP48E1 on
7-series, which also has the shift by 17)::

    sum 0 = p_low  * m_low  (+ 2^30)
    sum 1 = p_high * m_low  + (sum 0 >> 17)
    sum 2 = p_low  * m_high + sum 1
    sum 3 = p_high * m_high + (sum 2 >> 17)

    product = {sum 3, low 17 bits of sum 2, low 17 bits of sum 0}

RQT adds 2^30, so that bits 31 and up are the rounded Q31 product (vta_isa.md section 0.1).
BYPASS multiplies by 2^31, which yields ``p`` itself: a multiplier has one bit more than a tile.
Without RQT only the low 32 bits are used: sum 3 does not exist.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, block, concat

from ..lib.bundles import bit, signed_word, word
from ..lib.field_register import field_register

__all__ = ["MULTIPLIER_BITS", "MULTIPLIER_LATENCY", "PRODUCT_BITS", "multiply_lane"]

MULTIPLIER_BITS = 33
MULTIPLIER_LATENCY = 6
"""Stages from the operands to the product: two and one for each sum."""
PRODUCT_BITS = 64
"""Those that RQT uses; other operations use the low 32."""

_LOW_BITS, _P_HIGH_BITS, _M_HIGH_BITS = 17, 15, 16
# Not wider than its value: yosys packs a register into a multiplier without the copies of its sign.
_SUM_BITS = 36, 33, 34, 30
_HALF = 1 << 30  # of the Q31 product's last bit


@block
def delay_line(clock: Any, line: list[Any]) -> Any:
    """Each signal of ``line`` is the one before it, a cycle later."""
    return [
        field_register(clock, sink, source) for sink, source in zip(line, line[1:], strict=False)
    ]


@block
def split_operand(clock: Any, operand: Any, low: list[Any], high: list[Any], *, bits: int) -> Any:
    """Register both parts of an operand of ``bits`` bits, and delay them."""
    first_low, first_high = low[0], high[0]

    @always(clock.posedge)
    def split():
        first_low.next = operand[_LOW_BITS:]
        first_high.next = operand[bits:_LOW_BITS].signed()

    return split, delay_line(clock, low), delay_line(clock, high)


@block
def chain_element(clock: Any, a: Any, b: Any, before: Any, total: Any) -> Any:
    """Register the product of ``a`` and ``b``, and its sum with ``before`` one cycle later.

    With ``before`` None, nothing is added.
    """
    product = signed_word(min(len(a) + len(b), len(total)))

    @always(clock.posedge)
    def multiply():
        product.next = a * b

    if before is None:

        @always(clock.posedge)
        def copy():
            total.next = product

        return multiply, copy

    @always(clock.posedge)
    def add():
        total.next = product + before

    return multiply, add


@block
def carry(total: Any, carried: Any) -> Any:
    """The part of a sum that belongs to the next place (combinational)."""

    bits = len(total)

    @always_comb
    def take():
        carried.next = total[bits:_LOW_BITS].signed()

    return take


@block
def half_of(clock: Any, rounds: Any, half: Any) -> Any:
    """Register 2^30 for a step that rounds, else zero."""

    @always(clock.posedge)
    def select():
        half.next = 0
        if rounds:
            half.next = _HALF

    return select


@block
def lowest_place(clock: Any, line: list[Any], enable: Any) -> Any:
    """Delay the lowest place until sum 3 is there; its last register holds without ``enable``.

    Hence it is no plain delay, which would become a shift register of LUTs.
    """
    return delay_line(clock, line[:-1]), field_register(clock, line[-2], line[-1], enable=enable)


@block
def join_places(lowest: Any, middle: Any, top: Any, product: Any) -> Any:
    """Join the product (combinational): the last sum and the low parts of those before it."""
    if top is None:

        @always_comb
        def join_two():
            product.next = concat(middle, lowest)

        return join_two

    top_bits = len(top)

    @always_comb
    def join_three():
        product.next = concat(top[top_bits:], middle, lowest)

    return join_three


@block
def low_part(total: Any, part: Any) -> Any:
    """The low bits of a sum (combinational)."""
    bits = len(part)

    @always_comb
    def take():
        part.next = total[bits:]

    return take


@block
def multiply_lane(clock: Any, p: Any, m: Any, rounds: Any, enable: Any, product: Any) -> Any:
    """``product``: low bits of ``p * m``, both signed, MULTIPLIER_LATENCY cycles later.

    ``p``: 32 bits; ``m``: 33 bits, from -2^31 to 2^31.

    ``rounds`` belongs to the step of ``p`` and ``m``: with it 2^30 is added; None without RQT, for
    a product of 32 bits.  ``enable``: the next cycle's product is used.
    """
    p_low, m_low = ([signed_word(_LOW_BITS + 1) for _ in range(count)] for count in (3, 2))
    p_high = [signed_word(_P_HIGH_BITS) for _ in range(2 if rounds is None else 4)]
    m_high = [signed_word(_M_HIGH_BITS) for _ in range(3 if rounds is None else 4)]
    sums = [signed_word(bits) for bits in _SUM_BITS[: len(m_high)]]
    half = None if rounds is None else signed_word(_SUM_BITS[0])
    first_carry, last_carry = (signed_word(_SUM_BITS[at] - _LOW_BITS) for at in (0, 2))
    lowest = [word(_LOW_BITS) for _ in range(4)]
    middle = [word(min(len(product) - _LOW_BITS, _LOW_BITS)) for _ in range(2)]
    parts = [
        split_operand(clock, p, p_low, p_high, bits=32),
        split_operand(clock, m, m_low, m_high, bits=MULTIPLIER_BITS),
        chain_element(clock, p_low[0], m_low[0], half, sums[0]),
        carry(sums[0], first_carry),
        chain_element(clock, p_high[1], m_low[1], first_carry, sums[1]),
        chain_element(clock, p_low[2], m_high[2], sums[1], sums[2]),
        low_part(sums[0], lowest[0]), lowest_place(clock, lowest, enable),
        low_part(sums[2], middle[0]), delay_line(clock, middle),
    ]
    if rounds is None:
        return parts, join_places(lowest[3], middle[1], None, product)
    adding = bit()
    return (
        parts, delay_line(clock, [rounds, adding]), half_of(clock, adding, half),
        carry(sums[2], last_carry),
        chain_element(clock, p_high[3], m_high[3], last_carry, sums[3]),
        join_places(lowest[3], middle[1], sums[3], product),
    )

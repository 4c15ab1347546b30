"""ALU lane, second half (``product`` to ``merge``): the right shift of every operation.

What is shifted is the low 32 bits of the product, for RQT those from 31 on: the rounded Q31
product.  The shifter has one bit below them, so that the last bit shifted out, by which RQT rounds,
is still there.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, block

from ..lib.bundles import bit, signed_word, word
from .step import Step

__all__ = ["SHIFTED_BITS", "Lost", "plain_result", "right_shift"]

SHIFTED_BITS = 33


class Lost:
    """Bits shifted out below the last one, of the step in ``round``.

    One of them was set if ``few`` is, or ``octet`` of one of the lowest ``octets`` octets.
    """

    def __init__(self) -> None:
        self.few = bit()
        self.octet = word(3)  # a bit of each of the lowest three octets was set
        self.octets = word(2)  # octets that were shifted out


@block
def right_shift(
    clock: Any, product: Any, amount: Any, requantizes: Any, shifted: Any, lost: Lost | None
) -> Any:
    """Register ``shifted``, a signed word, two cycles later, of the step in ``product``.

    ``requantizes``: that is an RQT; ``lost`` is None without RQT.
    """
    value, wide = word(32), signed_word(SHIFTED_BITS)
    low, halved = signed_word(SHIFTED_BITS), signed_word(SHIFTED_BITS)
    by_one, by_six, by_all = (signed_word(SHIFTED_BITS) for _ in range(3))
    near, octets = signed_word(SHIFTED_BITS), word(2)  # in ``shift``: ``by_six``, rest of amount

    @always_comb
    def extend():
        wide.next = value.signed()

    @always_comb
    def double():
        low.next = wide << 1

    @always_comb
    def shift_one():
        halved.next = low >> 1
        by_one.next = low
        if amount[0]:
            by_one.next = halved

    @always_comb
    def shift_six():
        by_six.next = by_one
        if amount[3:1] == 1:
            by_six.next = by_one >> 2
        elif amount[3:1] == 2:
            by_six.next = by_one >> 4
        elif amount[3:1] == 3:
            by_six.next = by_one >> 6

    @always_comb
    def shift_all():
        by_all.next = near
        if octets == 1:
            by_all.next = near >> 8
        elif octets == 2:
            by_all.next = near >> 16
        elif octets == 3:
            by_all.next = near >> 24

    @always(clock.posedge)
    def register_shifted():
        near.next = by_six
        octets.next = amount[5:3]
        shifted.next = by_all

    parts = extend, double, shift_one, shift_six, shift_all, register_shifted
    if lost is None:

        @always_comb
        def take_low():
            value.next = product[32:]

        return parts, take_low

    @always_comb
    def take():
        value.next = product[32:]
        if requantizes:
            value.next = product[63:31]

    few = bit()  # in ``shift``

    @always(clock.posedge)
    def register_lost():
        # the lowest bit of ``low`` is zero
        few.next = (
            (amount[3:1] != 0 and by_one[2:] != 0)
            or (amount[2] and by_one[4:2] != 0)
            or (amount[3:1] == 3 and by_one[6:4] != 0)
        )
        lost.few.next = few
        lost.octet.next[0] = near[8:] != 0
        lost.octet.next[1] = near[16:8] != 0
        lost.octet.next[2] = near[24:16] != 0
        lost.octets.next = octets

    return parts, take, register_lost


@block
def plain_result(clock: Any, rounded: Step, elsewhere: Any, shifted: Any, plain: Any) -> Any:
    """Register the result of all operations but RQT and RED from ``round`` on; else zero.

    ``elsewhere``: the step in ``round`` is one of those; None without both.
    """
    if elsewhere is None:

        @always(clock.posedge)
        def copy():
            plain.next = 0
            if rounded.alu:
                plain.next = shifted[SHIFTED_BITS:1]

        return copy

    @always(clock.posedge)
    def copy():
        plain.next = 0
        if rounded.alu and not elsewhere:
            plain.next = shifted[SHIFTED_BITS:1]

    return copy

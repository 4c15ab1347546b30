"""Bank needs (stage s1 to s2): accumulator banks whose tiles the step in s2 reads.

A word has two bits: bit 0 for the even tiles, bit 1 for the odd ones.  All are determined while the
step is still in s1, so that :mod:`.schedule` only compares them with the banks in use; they are 0
for an empty slot.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block

from ..lib.bundles import bit, word
from .step import Step

__all__ = ["BankNeeds", "bank_needs"]


class BankNeeds:
    """Banks of ``ACC[dst]`` and, with two tensor operands, of ``ACC[src]``."""

    def __init__(self) -> None:
        self.short_dst, self.short_src = word(2), word(2)
        self.long_dst, self.long_src = word(2), word(2)  # of MUL and RQT
        self.apart = bit()  # the two are in different banks


@block
def bank_needs(clock: Any, reset: Any, advance: Any, s1: Step, needs: BankNeeds) -> Any:
    """Register the needs of the step in s1 into s2."""
    dst, src = word(2), word(2)

    @always_comb
    def locate() -> None:
        dst.next = 0
        src.next = 0
        if s1.valid:
            dst.next = 1
            if s1.dst[0]:
                dst.next = 2
            if s1.pair:
                src.next = 1
                if s1.src[0]:
                    src.next = 2

    @always_seq(clock.posedge, reset)
    def register_needs() -> None:
        if advance:
            needs.apart.next = s1.dst[0] != s1.src[0]
            needs.short_dst.next = 0
            needs.short_src.next = 0
            needs.long_dst.next = 0
            needs.long_src.next = 0
            if s1.long:
                needs.long_dst.next = dst
                needs.long_src.next = src
            else:
                needs.short_dst.next = dst
                needs.short_src.next = src

    return locate, register_needs

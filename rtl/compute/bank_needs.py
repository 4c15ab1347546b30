"""Bank needs (``check`` to ``schedule``): accumulator banks whose tiles a step reads, and when.

A word has two bits: bit 0 for the even tiles, bit 1 for the odd ones.  All are determined while the
step is still in ``check``, so that :mod:`.schedule` only compares them with the banks in use; they
are 0 for an empty slot.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block

from ...isa.config import Config
from ..lib.bundles import bit, word
from .step import Step

__all__ = ["BankNeeds", "bank_needs"]


class BankNeeds:
    """Banks that the ALU operation in ``schedule`` reads, and banks in use."""

    def __init__(self) -> None:
        self.first = word(2)  # in this cycle: of ACC[dst], and of an ACC[src] in the other bank
        self.second = word(2)  # in the next one: of an ACC[src] in the same bank, and of RED's
        self.busy = word(2)  # read in this cycle by steps that have left ``schedule``


@block
def bank_needs(
    clock: Any, reset: Any, advance: Any, checked: Step, waiting: Step, needs: BankNeeds, *,
    config: Config,
) -> Any:
    """Register needs, and ``late``, ``chained`` and ``reads`` of the step, into ``schedule``.

    A GEMM leaves ``schedule`` in its first cycle there, so one that follows a step to the same tile
    is right behind it ever after, and takes its result in flight instead of reading a bank.  A DWC
    that waits there for its window is not, and reads the bank.
    """
    dst, src, apart, accumulates, follows = word(2), word(2), bit(), bit(), bit()
    may_wait = int(config.depthwise)  # a step that multiplies

    @always_comb
    def locate() -> None:
        dst.next = 1
        if checked.dst[0]:
            dst.next = 2
        src.next = 1
        if checked.src[0]:
            src.next = 2
        apart.next = checked.dst[0] != checked.src[0]

    @always_comb
    def classify() -> None:
        accumulates.next = (
            checked.valid and checked.gemm and not checked.overwrite and not checked.clear
        )
        follows.next = waiting.valid and waiting.dst == checked.dst

    @always_seq(clock.posedge, reset)
    def register_needs() -> None:
        if advance:
            needs.first.next = 0
            needs.second.next = 0
            waiting.reads.next = 0
            if accumulates and not follows:
                waiting.reads.next = dst
            if checked.valid and checked.skips_dst:
                needs.second.next = src
            elif checked.valid and not checked.gemm:
                needs.first.next = dst
                if checked.pair and apart:
                    needs.first.next = 3
                elif checked.pair:
                    needs.second.next = dst
        elif may_wait == 1 and waiting.chained:
            waiting.reads.next = 1
            if waiting.dst[0]:
                waiting.reads.next = 2

    @always_seq(clock.posedge, reset)
    def register_order() -> None:
        if advance:
            waiting.late.next = checked.pair and (checked.skips_dst or not apart)
            waiting.chained.next = accumulates and follows
        elif may_wait == 1:
            waiting.chained.next = False

    return locate, classify, register_needs, register_order

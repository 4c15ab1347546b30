"""Accumulation (``accumulate`` to ``write``): ACC[dst] of a GEMM plus the addend of any step.

A GEMM reads ACC[dst] late and misses the results of the four preceding steps.  These are taken in
flight: of the step just before (``chained``) from the register of the result, in front of the
adder, so one tile accumulates a step a cycle; of the three before that on the way to the adder.
Results are those of strictly sequential execution (rule D18), and no read depends on how a memory
behaves while it is written.

Every source is zero unless it is the one to take, so that one gate per bit joins them all: an ALU
operation, or a GEMM that overwrites or clears, adds zero to its addend.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, block

from ...isa.config import Config
from ..lib.bundles import bit, word
from .stages import Stages
from .step import Step

__all__ = ["accumulate", "accumulate_lane"]


@block
def match_results(clock: Any, s: list[Step], matches: Any, *, config: Config) -> Any:
    """Register bit k: of the step in ``accumulate``, the step k + 2 before it writes ACC[dst]."""
    first = Stages.of(config).accumulate - 1
    reader, two, three, four = s[first], s[first + 2], s[first + 3], s[first + 4]

    @always(clock.posedge)
    def compare():
        matches.next[0] = two.valid and two.dst == reader.dst
        matches.next[1] = three.valid and three.dst == reader.dst
        matches.next[2] = four.valid and four.dst == reader.dst

    return compare


class Sources:
    """The source of ACC[dst], each bit in the cycle in which it is taken; at most one is set."""

    def __init__(self) -> None:
        self.even, self.odd = bit(), bit()  # a bank's data
        self.fourth, self.third, self.second = bit(), bit(), bit()  # result of that step before


@block
def select_sources(clock: Any, s: list[Step], sources: Sources, *, config: Config) -> Any:
    """Determine the sources of the step in ``accumulate``; the nearest result counts."""
    reader = s[Stages.of(config).accumulate]
    matches, accumulates, bank, second = word(3), bit(), bit(), bit()

    @always_comb
    def classify():
        accumulates.next = reader.reads != 0
        bank.next = matches == 0

    @always(clock.posedge)
    def register_sources():
        sources.even.next = reader.reads[0] and bank
        sources.odd.next = reader.reads[1] and bank
        sources.fourth.next = accumulates and matches == 4
        sources.third.next = accumulates and matches[1] and not matches[0]
        second.next = accumulates and matches[0]
        sources.second.next = second

    return match_results(clock, s, matches, config=config), classify, register_sources


@block
def accumulate(
    clock: Any, even_data: Any, odd_data: Any, s: list[Step], result: Any, operand: Any,
    previous: Any, *, config: Config,
) -> Any:
    """Drive the two tiles of which one, or none, is ACC[dst] of the step in ``add``.

    ``result``: the register in ``write``.  ``operand``: a register; ``previous``: ``result`` where
    it is that of the step before, else zero.
    """
    adding, bits = s[Stages.of(config).add], len(result)
    even, odd, third, fourth = word(bits), word(bits), word(bits), word(bits)
    last, second = word(bits), word(bits)  # the result before ``result``
    sources = Sources()

    @always(clock.posedge)
    def capture():
        last.next = result
        even.next = 0
        odd.next = 0
        third.next = 0
        fourth.next = 0
        if sources.even:
            even.next = even_data
        if sources.odd:
            odd.next = odd_data
        if sources.third:
            third.next = result
        if sources.fourth:
            fourth.next = last

    @always_comb
    def gate():
        second.next = 0
        if sources.second:
            second.next = result
        previous.next = 0
        if adding.chained:
            previous.next = result

    @always(clock.posedge)
    def join_sources():
        operand.next = even | odd | third | fourth | second

    return select_sources(clock, s, sources, config=config), capture, gate, join_sources


@block
def accumulate_lane(addend: Any, operand: Any, previous: Any, total: Any, *, lane: int) -> Any:
    """Drive one lane of the result (combinational, stage ``add``)."""
    lo, hi = 32 * lane, 32 * lane + 32

    @always_comb
    def add():
        total.next = addend + (operand[hi:lo] | previous[hi:lo])

    return add

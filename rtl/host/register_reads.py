"""Read multiplexer of the registers: 46 words and more, a LUT of six inputs for four bits.

Contract
    ``value`` is the word at ``index``, 0 where there is none, in the third cycle of ``index``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from myhdl import always, always_comb, block

from ...isa.register_map import Reg
from ..lib.bundles import bit, word
from .register_values import CONSTANTS

__all__ = ["read_words"]

_RADIX = 4  # words that a multiplexer chooses from, by two bits of the index
_LEVELS = 2  # of multiplexers before the register


@block
def constant_words(
    index: Any, selected: Any, *, values: Sequence[int],
) -> Any:
    """``selected`` is one of four constant registers, by the low bits of ``index``."""
    identity, version, features, fingerprint = values
    fingerprint_high, fingerprint_low = fingerprint >> 16, fingerprint & 0xFFFF

    @always_comb
    def select() -> None:
        selected.next = 0
        if index[2:] == Reg.IDENTITY // 4 % _RADIX:
            selected.next = identity
        elif index[2:] == Reg.VERSION // 4 % _RADIX:
            selected.next = version
        elif index[2:] == Reg.FEATURES // 4 % _RADIX:
            selected.next = features
        else:
            selected.next[32:16] = fingerprint_high  # MyHDL writes constants past 2^31 too wide
            selected.next[16:0] = fingerprint_low

    return select


@block
def choose_word(
    index: Any, first: Any, second: Any, third: Any, fourth: Any, chosen: Any, *, low: int,
) -> Any:
    """Choose one of four words by two bits of ``index``: a LUT of six inputs for each bit."""
    high = low + 2

    @always_comb
    def choose() -> None:
        if index[high:low] == 0:
            chosen.next = first
        elif index[high:low] == 1:
            chosen.next = second
        elif index[high:low] == 2:
            chosen.next = third
        else:
            chosen.next = fourth

    return choose


@block
def register_word(
    clock: Any, index: Any, there: Any, chosen: Any, kept: Any, *, number: int
) -> Any:
    """Register a chosen word; 0 unless its ``number`` is that of the bits it was not chosen by.

    Clearing costs nothing: registers of every family have a synchronous reset.
    """
    low, high = 2 * _LEVELS, len(index)
    here = bit()

    @always(clock.posedge)
    def keep() -> None:
        here.next = index[high:low] == number
        kept.next = 0
        if here and there:
            kept.next = chosen

    return keep


@block
def join_words(left: Any, right: Any, joined: Any) -> Any:
    """Combine two words, of which one is 0."""

    @always_comb
    def join() -> None:
        joined.next = left | right

    return join


@block
def known_index(clock: Any, index: Any, there: Any, *, known: tuple[int, ...]) -> Any:
    """Register ``there``: a register has the index of these bits, all but the top one."""
    top = len(index) - 1

    @always(clock.posedge)
    def look_up() -> None:
        there.next = known[index[top:]]

    return look_up


@block
def read_words(
    clock: Any, index: Any, words: dict[int, Any], value: Any, *, constants: Sequence[int]
) -> Any:
    """Read the word at ``index``, 0 where there is none, two clock edges after ``index`` changed.

    Two levels of multiplexers, registers, of which one is not 0, and an OR of them.  A multiplexer
    chooses any of its words in place of one that does not exist.

    Parameters
    ----------
    words : dict
        Signal of each register by word index; those that are not constant.
    constants : sequence of int
        Values of :data:`.register_values.CONSTANTS`.
    """
    constant = word(32)
    words = {**dict.fromkeys((int(offset) // 4 for offset in CONSTANTS), constant), **words}
    known = tuple(int(number in words) for number in range(1 << len(index) - 1))
    there = bit()
    nodes = [
        constant_words(index, constant, values=constants),
        known_index(clock, index, there, known=known),
    ]
    for level in range(_LEVELS):
        groups: dict[int, list[Any]] = {}
        for number, one in words.items():
            group = groups.setdefault(number // _RADIX, [one] * _RADIX)
            group[number % _RADIX] = one
        words = {number: word(32) for number in groups}
        nodes += [
            choose_word(index, *group, words[number], low=2 * level)
            for number, group in groups.items()
        ]
    kept = [word(32) for _ in words]
    nodes += [
        register_word(clock, index, there, one, register, number=number)
        for (number, one), register in zip(words.items(), kept, strict=True)
    ]
    while len(kept) > 1:  # the oldest two are combined until one is left
        joined = value if len(kept) == 2 else word(32)
        nodes.append(join_words(kept.pop(0), kept.pop(0), joined))
        kept.append(joined)
    return nodes

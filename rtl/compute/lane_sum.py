"""Sum of the terms of a lane: registered levels of adders, and a last one, combinational."""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, block

from ..lib.bundles import signed_word

__all__ = ["lane_sum"]


@block
def sum_two(clock: Any, a: Any, b: Any, total: Any) -> Any:
    """Registered sum."""

    @always(clock.posedge)
    def add():
        total.next = a + b

    return add


@block
def sum_four(clock: Any, a: Any, b: Any, c: Any, d: Any, total: Any) -> Any:
    """Registered sum."""

    @always(clock.posedge)
    def add():
        total.next = a + b + c + d

    return add


@block
def delay(clock: Any, a: Any, total: Any) -> Any:
    """Register: a level of the tree for a single term."""

    @always(clock.posedge)
    def copy():
        total.next = a

    return copy


@block
def last_sum(terms: Any, dot: Any) -> Any:
    """The last level: the sum of one or two terms, combinational."""
    if len(terms) == 1:
        a = terms[0]

        @always_comb
        def add():
            dot.next = a

        return add

    b, c = terms

    @always_comb
    def add_two():
        dot.next = b + c

    return add_two


@block
def lane_sum(
    clock: Any, terms: list[Any], dot: Any, *, radices: tuple[int, ...], width: int
) -> Any:
    """Add ``terms``: a registered level of sums of 1, 2 or 4 for each of ``radices``, and the last.

    The registered levels leave one or two terms.
    """
    parts = []
    for radix in radices:
        build = {1: delay, 2: sum_two, 4: sum_four}[radix]
        level = [signed_word(width) for _ in terms[::radix]]
        parts += [
            build(clock, *terms[at * radix : (at + 1) * radix], total)
            for at, total in enumerate(level)
        ]
        terms = level
    return parts, last_sum(terms, dot)

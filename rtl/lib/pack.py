"""Pack several signals into one word, for queues and buffers, and unpack them again.

A list of signals is the layout of a packed word: the first occupies the lowest bits, the others
follow, each with its own width.  Both sides list the same fields in the same order.
"""

from __future__ import annotations

from typing import Any

from myhdl import ConcatSignal, SignalType, always_comb, block

__all__ = ["bits_of", "join", "pack", "split", "take"]


def bits_of(fields: list[SignalType]) -> int:
    """Return the width of a word that holds ``fields``."""
    return sum(map(len, fields))


@block
def pack(parts: Any, packed: Any) -> Any:
    """Drive the word ``packed`` from ``parts``, a ConcatSignal (shadow signals stay local)."""

    @always_comb
    def drive():
        packed.next = parts

    return drive


@block
def join(fields: Any, packed: Any) -> Any:
    """Concatenate a list of signals, the first in the low bits of ``packed``."""
    joined = ConcatSignal(*reversed(fields)) if len(fields) > 1 else fields[0]
    return pack(joined, packed)


@block
def split(packed: Any, fields: Any) -> Any:
    """Drive each of ``fields`` from its bits of ``packed``: the inverse of :func:`join`."""
    parts, low = [], 0
    for field in fields:
        parts.append(take(packed, field, lo=low))
        low += len(field)
    return parts


@block
def take(packed: Any, field: Any, *, lo: int) -> Any:
    """Drive ``field`` from the bits of ``packed`` that start at ``lo``."""
    hi = lo + len(field)

    if isinstance(field.val, bool):

        @always_comb
        def drive():
            field.next = packed[lo]

    else:

        @always_comb
        def drive():
            field.next = packed[hi:lo]

    return drive

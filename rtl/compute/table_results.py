"""Results of RQT and their replacement by entries of tables (``clamp`` to ``merge``).

A value addresses its memory while it is registered; in ``merge`` one of the two is zero, so that
one gate per bit joins them with the results of other operations.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, block

from ...isa.alu_operations import RQT_LOOKUP_BITS, RQT_TABLE
from ...isa.opcodes import RqtFlag
from ..lib.bundles import bit, signed_word, word
from ..lib.field_register import field_register
from .lookup import ENTRY_BITS, TableWrite, lookup

__all__ = ["table_results"]


@block
def select_table(clock: Any, imm: Any, reads: Any, table_index: Any, shows: Any) -> Any:
    """Decode ``reads`` and ``table_index`` in ``clamp``; ``shows`` is ``reads`` in ``merge``."""

    @always_comb
    def decode() -> None:
        reads.next = imm[RqtFlag.LOOKUP]
        table_index.next = imm[RQT_LOOKUP_BITS:RQT_TABLE]

    @always(clock.posedge)
    def follow() -> None:
        shows.next = reads

    return decode, follow


@block
def table_lane(
    clock: Any, reads: Any, shows: Any, requantized: Any, value: Any, entry: Any, kept: Any,
    looked_up: Any,
) -> Any:
    """Cut ``value`` for the lookup; drive a lane's results: ``kept`` or ``looked_up`` is zero."""
    signed = signed_word(32)

    @always_comb
    def cut() -> None:
        value.next = requantized[8:]

    @always(clock.posedge)
    def keep() -> None:
        kept.next = requantized
        if reads:
            kept.next = 0

    @always_comb
    def extend() -> None:
        signed.next = entry.signed()

    @always_comb
    def show() -> None:
        looked_up.next = 0
        if shows:
            looked_up.next = signed

    return cut, keep, extend, show


@block
def table_results(
    clock: Any, imm: Any, tables: TableWrite, plain: list[Any], requantized: list[Any],
    merged: list[list[Any]],
) -> Any:
    """Drive ``merged`` in ``merge``: words of every lane that are zero but for one of the three.

    They are ``plain`` and ``requantized`` of the lanes in ``clamp``, and entries of ``tables``.
    ``imm``: RQT's immediate in ``clamp``, zero for other operations.
    """
    plain_kept, kept, looked_up = merged
    reads, shows, table_index = bit(), bit(), word(RQT_LOOKUP_BITS - RQT_TABLE)
    values, entries = [word(8) for _ in requantized], [word(ENTRY_BITS) for _ in requantized]
    return (
        [
            field_register(clock, result, following)
            for result, following in zip(plain, plain_kept, strict=True)
        ],
        select_table(clock, imm, reads, table_index, shows),
        lookup(clock, tables, reads, table_index, values, entries),
        [
            table_lane(clock, reads, shows, *lane)
            for lane in zip(requantized, values, entries, kept, looked_up, strict=True)
        ],
    )

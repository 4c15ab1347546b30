"""Lookup tables behind RQT: four tables of 256 signed 16-bit entries, for every lane at once.

Each pair of lanes has a memory of its own with all tables and two ports.  One port serves the even
lane and the writes, which store every entry in all memories; the other serves the odd lane.  So a
memory is one block RAM of 1024 x 16 bits with two addresses (RAMB18, DP16KD).

Contract
    A value looked up in a cycle with ``reads`` shows its entry in the next one; entries hold
    without it.  A write is in memory after the edge that ends its cycle.  Nothing may be looked
    up in a cycle with a write (:mod:`.compute_issue` excludes it).
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, block, concat

from ...isa.opcodes import LUT_ENTRIES, LUT_TABLES
from ..lib.bundles import bit, word

__all__ = ["ENTRY_ADDRESS_BITS", "ENTRY_BITS", "TABLE_LATENCY", "TableWrite", "lookup"]

_WORDS = LUT_TABLES * LUT_ENTRIES
ENTRY_ADDRESS_BITS = (_WORDS - 1).bit_length()
"""Bits of an entry's address in a memory: its table above its place in the table."""
ENTRY_BITS = 16
TABLE_LATENCY = 1
"""Stages from a value to its entry."""


class TableWrite:
    """``entry`` is written to ``address`` of every memory when ``valid``."""

    def __init__(self) -> None:
        self.valid = bit()
        self.address, self.entry = word(ENTRY_ADDRESS_BITS), word(ENTRY_BITS)


@block
def pair_memory(
    clock: Any, write: TableWrite, reads: Any, even_address: Any, odd_address: Any, even_entry: Any,
    odd_entry: Any,
) -> Any:
    """The memory of two lanes; ``even_address`` is that of the write when there is one."""
    words = [word(ENTRY_BITS) for _ in range(_WORDS)]

    @always(clock.posedge)
    def access_even() -> None:
        if write.valid:
            words[even_address].next = write.entry
        elif reads:
            even_entry.next = words[even_address]

    @always(clock.posedge)
    def access_odd() -> None:
        # not during a write, so that no memory needs logic for one at the same address
        if reads and not write.valid:
            odd_entry.next = words[odd_address]

    return access_even, access_odd


@block
def pair_addresses(
    write: TableWrite, table_index: Any, even: Any, odd: Any, even_address: Any, odd_address: Any,
) -> Any:
    """Addresses of two values, or of the write in place of the even one."""

    @always_comb
    def address() -> None:
        even_address.next = concat(table_index, even)
        if write.valid:
            even_address.next = write.address
        odd_address.next = concat(table_index, odd)

    return address


@block
def lookup(
    clock: Any, write: TableWrite, reads: Any, table_index: Any, values: list[Any],
    entries: list[Any],
) -> Any:
    """Look up ``values`` (8 bits) in table ``table_index``; ``entries``: 16 bits; one per lane."""
    parts = []
    for even, odd, even_entry, odd_entry in zip(
        values[::2], values[1::2], entries[::2], entries[1::2], strict=True
    ):
        even_address, odd_address = word(ENTRY_ADDRESS_BITS), word(ENTRY_ADDRESS_BITS)
        parts.append(pair_addresses(write, table_index, even, odd, even_address, odd_address))
        parts.append(pair_memory(
            clock, write, reads, even_address, odd_address, even_entry, odd_entry,
        ))
    return parts

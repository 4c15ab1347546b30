"""Convert loaded beats of LUT to entries of the lookup tables, one per cycle.

A beat holds several entries, the first in its low bits; ``write.ready`` is high in the cycle of the
last.  A padding table is zeroed entry by entry in cycles without a beat, ``pad.ready`` in the cycle
of its last entry.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, always_seq, block, concat, intbv

from ...isa.config import Config
from ...isa.opcodes import LUT_ENTRIES, LUT_TABLES
from ..lib.bundles import PadWrite, TileWrite, word
from .lookup import ENTRY_BITS, TableWrite

__all__ = ["lookup_fill"]


@block
def lookup_fill(
    clock: Any, reset: Any, write: TileWrite, pad: PadWrite, fill: TableWrite, *, config: Config,
) -> Any:
    """Convert ``write`` and ``pad`` to ``fill``, a register that is one cycle later."""
    in_beat = config.bus_width // ENTRY_BITS
    log_entry = ENTRY_BITS.bit_length() - 1
    last_in_beat, last_in_table = in_beat - 1, LUT_ENTRIES - 1
    table_bits = (LUT_TABLES - 1).bit_length()
    column_bits = (LUT_ENTRIES // in_beat - 1).bit_length()
    entry = word(last_in_beat.bit_length())  # of the beat
    padded = word(last_in_table.bit_length())  # of the padding table
    shift, shifted = word(config.log_bus_width), word(config.bus_width)

    @always_comb
    def locate() -> None:
        shift.next = concat(entry, intbv(0)[log_entry:])

    @always_comb
    def align() -> None:
        shifted.next = write.data >> shift

    @always_comb
    def answer() -> None:
        write.ready.next = entry == last_in_beat
        pad.ready.next = not write.valid and padded == last_in_table

    @always_seq(clock.posedge, reset)
    def step() -> None:
        fill.valid.next = write.valid or pad.valid
        if write.valid:
            entry.next = entry + 1
        elif pad.valid:
            padded.next = padded + 1

    @always(clock.posedge)
    def convert() -> None:
        if write.valid:
            fill.address.next = concat(
                write.index[table_bits:], write.column[column_bits:], entry,
            )
            fill.entry.next = shifted[ENTRY_BITS:]
        else:
            fill.address.next = concat(pad.index[table_bits:], padded)
            fill.entry.next = 0

    return locate, align, answer, step, convert

"""Write the tiles of forwarding STOREs to INP or WGT: where each goes, through a register.

Contract
    ``start`` takes the walk of a STORE to INP or WGT: rows of ``x_size`` tiles go to the indices
    from ``walk.dram_base`` on, rows ``walk.x_stride`` apart.  It comes before the first of its
    tiles and after the last tile of the forward before it.
    ``tile`` offers tiles as :mod:`.tile_reads` reads them.  Those of a forward are taken into the
    register, one per cycle; all others pass to ``stored`` in the same cycle, whose ``lane`` and
    ``row_end`` are those of ``tile``.
    ``forward`` holds a tile from the cycle after it was taken until it is ``ready``.  ``written``
    pulses in the cycle in which the last tile of a STORE is.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, always_seq, block

from ...isa.config import Config
from ..lib.bundles import ForwardWrite, bit, word
from ..memory.row_requests import RowWalk
from .tile_reads import TileRead

__all__ = ["ForwardFlight", "forward_flight", "forward_writes"]


class ForwardFlight:
    """The one forwarding STORE in flight.

    ``busy`` from its start until it ``ends``; ``moving``: some of its tiles are not written.
    ``written``, ``held``: inputs, its last tile is written, and it may not end yet.  ``pushes``:
    it pushes a token.
    """

    def __init__(self) -> None:
        self.busy, self.moving, self.ends, self.pushes = bit(), bit(), bit(), bit()
        self.written, self.held = bit(), bit()


@block
def forward_flight(
    clock: Any, reset: Any, start: Any, pushes: Any, flight: ForwardFlight,
) -> Any:
    """Follow a STORE from ``start`` until all of its tiles, and all STOREs before it, are done.

    It ends, for one cycle, as soon as its tiles are written and it is not ``held``.
    """

    @always_comb
    def end():
        flight.ends.next = flight.busy and not flight.moving and not flight.held

    @always_seq(clock.posedge, reset)
    def follow():
        if start:
            flight.busy.next = True
            flight.moving.next = True
            flight.pushes.next = pushes
        else:
            if flight.written:
                flight.moving.next = False
            if flight.ends:
                flight.busy.next = False

    return end, follow


@block
def forward_writes(
    clock: Any, reset: Any, start: Any, walk: RowWalk, memory_type: Any, tile: TileRead,
    tile_data: Any, stored: TileRead, forward: ForwardWrite, written: Any, *, config: Config,
) -> Any:
    """Route ``tile`` to ``forward`` or to ``stored``; ``memory_type`` is the STORE's."""
    bits = len(forward.index)
    stride_bits = min(bits, len(walk.x_stride))
    index, next_row, stride = (word(bits) for _ in range(3))
    kind = word(3)
    free, takes, present, last = bit(), bit(), bit(), bit()

    @always_comb
    def decide():
        free.next = forward.ready or not present

    @always_comb
    def route():
        takes.next = tile.valid and tile.forwards and free
        stored.valid.next = tile.valid and not tile.forwards
        tile.ready.next = free
        if not tile.forwards:
            tile.ready.next = stored.ready

    @always_comb
    def show():
        forward.valid.next = present
        written.next = present and forward.ready and last

    @always_seq(clock.posedge, reset)
    def follow():
        if free:
            present.next = tile.valid and tile.forwards

    @always(clock.posedge)
    def hold():
        if free:
            forward.memory_type.next = kind
            forward.index.next = index
            forward.data.next = tile_data
            last.next = tile.last

    @always_seq(clock.posedge, reset)
    def walk_rows():
        if start:
            kind.next = memory_type
            index.next = walk.dram_base[bits:]
            next_row.next = walk.dram_base[bits:] + walk.x_stride[stride_bits:]
            stride.next = walk.x_stride[stride_bits:]
        elif takes:
            index.next = index + 1
            if tile.row_end:
                index.next = next_row
                next_row.next = next_row + stride

    return decide, route, show, follow, hold, walk_rows

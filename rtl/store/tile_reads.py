"""Read the tiles of STOREs, in order, from the output view of the accumulator.

Contract
    ``start`` takes the walk of one STORE: ``y_size`` rows of ``x_size`` tiles, one after
    the other from ``sram_base`` on.  ``busy`` is high from the next cycle until the last tile has
    been read; ``start`` must wait for it to fall.
    ``tile.valid``: the memory's ``read_data`` is the next tile, one cycle after its read; it stays
    high until ``tile.ready``.  One tile per cycle, across rows and across STOREs.
    ``rows`` reports each row one cycle after its last tile was read, but not of a forward.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block

from ...isa.config import Config
from ...isa.opcodes import MemoryType
from ..lib.bundles import RowCount, bit, word
from ..memory.row_requests import RowWalk

__all__ = ["TileRead", "tile_reads"]


class TileRead:
    """The tile in ``read_data``.

    ``lane`` is its position in the beat, not driven when a beat has room for one lane only.
    ``row_end`` marks the last one of a row, driven where there are lanes or ``forward``; and only
    with ``forward``, ``forwards`` marks the tiles of a STORE to INP or WGT, ``last`` its last one.
    """

    def __init__(self) -> None:
        self.valid, self.ready = bit(), bit()
        self.lane, self.row_end = word(4), bit()
        self.forwards, self.last = bit(), bit()


@block
def tile_reads(
    clock: Any, reset: Any, start: Any, walk: RowWalk, sram_base: Any, forwards: Any,
    read_enable: Any, read_address: Any, tile: TileRead, rows: RowCount, busy: Any, *,
    config: Config,
) -> Any:
    """Read the tiles of one STORE after the other; ``walk`` holds their positions in DRAM.

    ``forwards`` (with the extension ``forward``): it is one to INP or WGT.
    """
    address_bits = config.log_acc_depth
    log_bytes = config.log_tile_bits(MemoryType.OUT) - 3
    last_lane = max(config.bus_bytes // config.tile_bytes(MemoryType.OUT), 1) - 1

    index, left, rows_left = word(16), word(16), word(16)  # next tile, rest of row, rows
    size, non_empty = word(16), bit()  # tiles of a row; rows_left is not 0
    do_read, shows = bit(), bit()
    row_read = bit()  # the last tile of a row that counts

    @always_comb
    def decide():
        do_read.next = non_empty and (tile.ready or not shows)

    @always_comb
    def connect():
        read_enable.next = do_read
        read_address.next = index[address_bits:]
        tile.valid.next = shows
        busy.next = non_empty

    @always_seq(clock.posedge, reset)
    def walk_tiles():
        if start:
            index.next = sram_base
            left.next = walk.x_size
            size.next = walk.x_size
            rows_left.next = walk.y_size
            non_empty.next = walk.y_size != 0
        elif do_read:
            index.next = index + 1
            left.next = left - 1
            if left == 1:
                left.next = size
                rows_left.next = rows_left - 1
                non_empty.next = rows_left != 1

    @always_seq(clock.posedge, reset)
    def count_row():
        rows.valid.next = row_read
        rows.memory_type.next = MemoryType.OUT
        rows.tiles.next = size

    @always_seq(clock.posedge, reset)
    def show():
        if do_read:
            shows.next = True
        elif tile.ready:
            shows.next = False

    processes: tuple[Any, ...] = (decide, connect, walk_tiles, count_row, show)
    if config.forward:
        forwarding = bit()

        @always_comb
        def find_row():
            row_read.next = do_read and (left == 1) and not forwarding

        @always_seq(clock.posedge, reset)
        def mark_forward():
            if start:
                forwarding.next = forwards
            if do_read:
                tile.forwards.next = forwarding
                tile.last.next = (left == 1) and (rows_left == 1)

        processes += (find_row, mark_forward)
    else:
        @always_comb
        def find_row():
            row_read.next = do_read and (left == 1)

        processes += (find_row,)
    if config.forward or last_lane:
        @always_seq(clock.posedge, reset)
        def mark_row():
            if do_read:
                tile.row_end.next = left == 1

        processes += (mark_row,)
    if last_lane == 0:
        return processes

    tile_lane, row_lane, stride, first_lane = word(4), word(4), word(4), word(4)

    @always_comb
    def find_lane():
        first_lane.next = walk.base[log_bytes + 4:log_bytes] + walk.dram_base[4:]

    @always_seq(clock.posedge, reset)
    def walk_lanes():
        if start:
            tile_lane.next = first_lane & last_lane
            row_lane.next = (first_lane + walk.x_stride[4:]) & last_lane
            stride.next = walk.x_stride[4:]
        elif do_read:
            tile_lane.next = (tile_lane + 1) & last_lane
            if left == 1:
                tile_lane.next = row_lane
                row_lane.next = (row_lane + stride) & last_lane

    @always_seq(clock.posedge, reset)
    def describe():
        if do_read:
            tile.lane.next = tile_lane

    return *processes, find_lane, walk_lanes, describe

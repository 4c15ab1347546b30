"""Read the tiles of STOREs, in order, from the output view of the accumulator.

Contract
    ``start`` takes the walk of one STORE: ``y_size`` rows of ``x_size`` tiles, one after
    the other from ``sram_base`` on.  ``busy`` is high from the next cycle until the last tile has
    been read; ``start`` must wait for it to fall.
    ``tile.valid``: the memory's ``read_data`` is the next tile, one cycle after its read; it stays
    high until ``tile.ready``.  One tile per cycle, across rows and across STOREs.
    ``rows`` reports each row one cycle after its last tile was read.
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

    ``lane`` is its position in the beat and ``row_end`` marks the last one of a row; neither is
    driven when a beat has room for one lane only.
    """

    def __init__(self) -> None:
        self.valid, self.ready = bit(), bit()
        self.lane, self.row_end = word(4), bit()


@block
def tile_reads(
    clock: Any, reset: Any, start: Any, walk: RowWalk, sram_base: Any, read_enable: Any,
    read_address: Any, tile: TileRead, rows: RowCount, busy: Any, *, config: Config,
) -> Any:
    """Read the tiles of one STORE after the other; ``walk`` holds their positions in DRAM."""
    address_bits = config.log_acc_depth
    log_bytes = config.log_tile_bits(MemoryType.OUT) - 3
    last_lane = max(config.bus_bytes // config.tile_bytes(MemoryType.OUT), 1) - 1

    index, left, rows_left = word(16), word(16), word(16)  # next tile, rest of row, rows
    size, non_empty = word(16), bit()  # tiles of a row; rows_left is not 0
    do_read, shows = bit(), bit()

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
    def show():
        rows.valid.next = do_read and (left == 1)
        rows.memory_type.next = MemoryType.OUT
        rows.tiles.next = size
        if do_read:
            shows.next = True
        elif tile.ready:
            shows.next = False

    if last_lane == 0:
        return decide, connect, walk_tiles, show

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
            tile.row_end.next = left == 1

    return decide, connect, walk_tiles, show, find_lane, walk_lanes, describe

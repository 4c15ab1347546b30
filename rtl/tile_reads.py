"""Read the tiles of STOREs, in order, out of the output view of the accumulator.

Contract
    ``start`` takes the walk of one STORE: ``y_size`` rows of ``x_size`` tiles that lie one after
    the other from ``sram_base`` on.  ``busy`` is high from the next cycle until the last tile has
    been read; ``start`` must wait for it to fall.
    ``tile.valid`` says that the memory's ``read_data`` shows the next tile, one cycle after its
    read; it stays until ``tile.ready``.  One tile a cycle, across rows and across STOREs.
    ``rows`` tells each row one cycle after its last tile was read.
"""

from __future__ import annotations

from typing import Any

from myhdl import OpenPort, always_comb, always_seq, block

from ..isa.config import Config
from ..isa.opcodes import MemoryType
from .bundles import RowCount, bit, word

__all__ = ["TileRead", "tile_reads"]


class TileRead:
    """What is known of the tile that ``read_data`` shows.

    ``lane`` is its place in the beat and ``row_end`` tells the last one of a row; both are open
    when a beat has room for one lane only.
    """

    def __init__(self, lanes: int) -> None:
        self.valid, self.ready = bit(), bit()
        self.lane, self.row_end = OpenPort(), OpenPort()
        if lanes > 1:
            self.lane, self.row_end = word(4), bit()


@block
def tile_reads(
    clock: Any, reset: Any, start: Any, sram_base: Any, y_size: Any, x_size: Any, lane: Any,
    lane_stride: Any, read_enable: Any, read_address: Any, tile: TileRead, rows: RowCount,
    busy: Any, *, config: Config,
) -> Any:
    """Walk one STORE; ``lane`` is that of its first tile, ``lane_stride`` from row to row."""
    address_bits = config.log_acc_depth
    last_lane = max(config.bus_bytes // config.tile_bytes(MemoryType.OUT), 1) - 1

    index, left, rows_left = word(16), word(16), word(16)  # next tile, rest of row, rows
    tile_lane, row_lane, stride, size = word(4), word(4), word(4), word(16)
    do_read, shows = bit(), bit()

    @always_comb
    def decide():
        do_read.next = (rows_left != 0) and (tile.ready or not shows)

    @always_comb
    def connect():
        read_enable.next = do_read
        read_address.next = index[address_bits:]
        tile.valid.next = shows
        busy.next = rows_left != 0

    @always_seq(clock.posedge, reset)
    def walk():
        if start:
            index.next = sram_base
            left.next = x_size
            size.next = x_size
            rows_left.next = y_size
            tile_lane.next = lane
            row_lane.next = (lane + lane_stride) & last_lane
            stride.next = lane_stride
        elif do_read:
            index.next = index + 1
            left.next = left - 1
            tile_lane.next = (tile_lane + 1) & last_lane
            if left == 1:
                left.next = size
                rows_left.next = rows_left - 1
                tile_lane.next = row_lane
                row_lane.next = (row_lane + stride) & last_lane

    @always_seq(clock.posedge, reset)
    def describe():
        rows.valid.next = do_read and (left == 1)
        rows.memory_type.next = MemoryType.OUT
        rows.tiles.next = size
        if do_read:
            shows.next = True
            tile.lane.next = tile_lane
            tile.row_end.next = left == 1
        elif tile.ready:
            shows.next = False

    return decide, connect, walk, describe

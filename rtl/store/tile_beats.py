"""Convert output tiles to beats of the memory port with strobes.

Contract
    Tiles of at least a beat are sent directly, lowest beat first, one beat per cycle, without a
    register in between.  Smaller tiles are gathered, one per cycle, each in its lane; the beat
    leaves from a register one cycle after the tile in its last lane or the last of a row, and
    only the lanes gathered have their strobes set.
    ``tile_data`` must hold while ``tile.valid and not tile.ready``.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block

from ...isa.config import Config
from ...isa.opcodes import MemoryType
from ..lib.bundles import WriteClient, bit, word
from .tile_reads import TileRead

__all__ = ["tile_beats"]


@block
def tile_beats(
    clock: Any, reset: Any, tile: TileRead, tile_data: Any, write: WriteClient, *, config: Config,
) -> Any:
    """Drive ``write.data``, ``data_strobe`` and ``data_valid``."""
    if config.tile_bytes(MemoryType.OUT) >= config.bus_bytes:
        packer = cut_tiles(clock, reset, tile, tile_data, write, config=config)
    else:
        packer = gather_tiles(clock, reset, tile, tile_data, write, config=config)
    return packer


@block
def cut_tiles(clock, reset, tile, tile_data, write, *, config):
    """Send tiles of at least a beat."""
    bus_width = config.bus_width
    log_bus = config.log_bus_width
    columns = config.tile_bytes(MemoryType.OUT) // config.bus_bytes
    column_bits = max(columns.bit_length() - 1, 1)
    last_column, bus_bytes = columns - 1, config.bus_bytes
    column, shift = word(column_bits), word(log_bus + column_bits)
    shifted = word(len(tile_data))

    @always_comb
    def place():
        shift.next = 0
        shift.next[log_bus + column_bits:log_bus] = column

    @always_comb
    def align():
        shifted.next = tile_data >> shift

    @always_comb
    def send():
        write.data.next = shifted[bus_width:]
        for i in range(bus_bytes):
            write.data_strobe.next[i] = True
        write.data_valid.next = tile.valid
        tile.ready.next = write.data_ready and (column == last_column)

    @always_seq(clock.posedge, reset)
    def count():
        if tile.valid and write.data_ready:
            if column == last_column:
                column.next = 0
            else:
                column.next = column + 1

    return place, align, send, count


@block
def gather_tiles(clock, reset, tile, tile_data, write, *, config):
    """Gather tiles smaller than a beat."""
    log_width = config.log_tile_bits(MemoryType.OUT)
    element = config.tile_bytes(MemoryType.OUT)
    lanes = config.bus_bytes // element
    last_lane, lane_bits = lanes - 1, lanes.bit_length() - 1
    gathered, beat = word(config.bus_width), word(config.bus_width)
    present, sent = word(lanes), word(lanes)  # lanes gathered, lanes of the beat being sent
    wide, placed = word(config.bus_width), word(config.bus_width)
    shift = word(lane_bits + log_width)
    marked = word(lanes)
    beat_ends, sends, moves = bit(), bit(), bit()

    @always_comb
    def widen():
        wide.next = tile_data
        shift.next = 0
        shift.next[lane_bits + log_width:log_width] = tile.lane[lane_bits:]
        for i in range(lanes):
            marked.next[i] = present[i] or (tile.lane == i)

    @always_comb
    def place():
        placed.next = wide << shift

    @always_comb
    def decide():
        beat_ends.next = tile.row_end or (tile.lane == last_lane)

    @always_comb
    def accept():
        moves.next = tile.valid and (write.data_ready or not sends or not beat_ends)
        tile.ready.next = write.data_ready or not sends or not beat_ends

    @always_comb
    def send():
        write.data_valid.next = sends
        write.data.next = beat

    @always_comb
    def strobe():
        for i in range(lanes):
            for j in range(element):
                write.data_strobe.next[i * element + j] = sent[i]

    @always_seq(clock.posedge, reset)
    def gather():
        if write.data_ready:
            sends.next = False
        if moves:
            if beat_ends:
                sends.next = True
                beat.next = gathered | placed
                sent.next = marked
                gathered.next = 0
                present.next = 0
            else:
                gathered.next = gathered | placed
                present.next = marked

    return widen, place, decide, accept, send, strobe, gather

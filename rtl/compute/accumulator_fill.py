"""Convert loaded beats to accumulator tiles: ACC unchanged, ACC_8BIT sign-extended.

A beat of at most one tile is written to its columns at once.  A beat that holds several tiles is
written one tile per cycle, with ``write.ready`` in the cycle of the last.  Padding is written in
cycles without a beat.
"""

from __future__ import annotations

from typing import Any

from myhdl import ConcatSignal, Signal, always, always_comb, always_seq, block, concat, intbv, modbv

from ...isa.config import Config
from ...isa.opcodes import MemoryType
from ..lib.bundles import PadWrite, TileWrite, bit, signed_word, word
from ..lib.pack import pack

__all__ = ["TileFill", "accumulator_fill", "column_count"]


def column_count(config: Config) -> int:
    """Return the number of separately written parts of an accumulator tile: beats, at least one."""
    return max(1, config.tile_bytes(MemoryType.ACC) // config.bus_bytes)


class TileFill:
    """One write of a loader into the accumulator: the enabled columns of one tile."""

    def __init__(self, config: Config) -> None:
        self.columns = word(column_count(config))
        self.index = word(config.log_acc_depth)
        self.data = word(8 * config.tile_bytes(MemoryType.ACC))


@block
def fill_lane(beat: Any, narrow: Any, value: Any, *, wide_lo: int, narrow_lo: int) -> Any:
    """Pick one 32-bit lane from a beat of 32-bit or (``narrow``) 8-bit lanes."""
    wide_hi, narrow_hi = wide_lo + 32, narrow_lo + 8
    extended = signed_word(32)

    @always_comb
    def extend():
        extended.next = beat[narrow_hi:narrow_lo].signed()

    @always_comb
    def pick():
        value.next = beat[wide_hi:wide_lo]
        if narrow:
            value.next = extended

    return extend, pick


@block
def accumulator_fill(
    clock: Any, reset: Any, write: TileWrite, pad: PadWrite, fill: TileFill, *, config: Config,
) -> Any:
    """Convert ``write`` and ``pad`` to ``fill``, a register that is one cycle later."""
    bus, lanes, columns = config.bus_width, config.lanes, column_count(config)
    wide_bits = 8 * config.tile_bytes(MemoryType.ACC)
    narrow_bits = 8 * config.tile_bytes(MemoryType.ACC_8BIT)
    wide_tiles, narrow_tiles = max(1, bus // wide_bits), max(1, bus // narrow_bits)
    columns_per_beat = max(1, min(columns, 4))  # an 8-bit beat fills four beats of 32-bit lanes
    all_columns = (1 << columns) - 1
    acc_bits = config.log_acc_depth

    several = wide_tiles > 1 or narrow_tiles > 1  # tiles in a beat
    narrow, last_tile, chosen = bit(), bit(), bit()
    tile = Signal(intbv(0, min=0, max=max(wide_tiles, narrow_tiles) + 1))
    shifted, shift = word(bus), word(10)  # right shift of the beat, in bits
    values = [word(32) for _ in range(lanes)]
    data = ConcatSignal(*reversed(values))
    pick = [
        fill_lane(
            shifted, narrow, values[lane],
            wide_lo=(32 * lane) % bus, narrow_lo=(8 * lane) % bus,
        )
        for lane in range(lanes)
    ]
    tile_data = word(wide_bits)
    wide_last, narrow_last = wide_tiles - 1, narrow_tiles - 1
    wide_columns_mask = 1 if columns > 1 else all_columns
    narrow_columns_mask = all_columns if narrow_tiles > 1 else (1 << columns_per_beat) - 1
    # bits from tile to tile in a beat; 0 if a beat has only one
    wide_step = wide_bits if wide_tiles > 1 else 0
    narrow_step = narrow_bits if narrow_tiles > 1 else 0
    mask = word(columns)
    distance = word(10)  # columns

    @always_comb
    def recognise():
        narrow.next = write.memory_type == MemoryType.ACC_8BIT

    @always_comb
    def locate():
        shifted.next = write.data >> shift
        if narrow:
            last_tile.next = tile == narrow_last
            mask.next = narrow_columns_mask
        else:
            last_tile.next = tile == wide_last
            mask.next = wide_columns_mask
        distance.next = 0
        if narrow and narrow_last == 0 and columns > columns_per_beat:
            distance.next = concat(write.column, modbv(0)[2:])
        elif not narrow and columns > 1:
            distance.next = write.column

    @always_comb
    def choose():
        chosen.next = write.valid
        if narrow and narrow_last != 0:
            chosen.next = write.valid and write.lanes[tile]
        elif not narrow and wide_last != 0:
            chosen.next = write.valid and write.lanes[tile]

    if several:
        @always_comb
        def answer():
            write.ready.next = last_tile
            pad.ready.next = not write.valid
    else:
        @always_comb
        def answer():
            write.ready.next = True  # a constant: no path depends on it
            pad.ready.next = not write.valid

    @always_seq(clock.posedge, reset)
    def enable():
        fill.columns.next = 0
        if chosen:
            fill.columns.next = mask << distance
        elif pad.valid and not write.valid:
            for column in range(columns):  # MyHDL writes a constant of 32 ones too wide
                fill.columns.next[column] = True

    @always(clock.posedge)
    def hold():
        if write.valid:
            fill.index.next = write.index[acc_bits:] + tile
            fill.data.next = tile_data
        else:
            fill.index.next = pad.index[acc_bits:]
            fill.data.next = 0

    @always_seq(clock.posedge, reset)
    def step_tile():
        if write.valid:
            if last_tile:
                tile.next = 0
                shift.next = 0
            else:
                tile.next = tile + 1
                if narrow:
                    shift.next = shift + narrow_step
                else:
                    shift.next = shift + wide_step

    return (
        pick, pack(data, tile_data), recognise, locate, choose, answer, enable, hold,
        step_tile,
    )

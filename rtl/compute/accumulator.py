"""Accumulator: ACC tiles in two banks, and their truncated copy OUT.

Even tiles are in bank 0, odd ones in bank 1; each bank has one write and one read port, so a step
can read two tiles of different banks while a third is written (:mod:`.schedule`).  Every write,
whatever its source, also stores the low OUT_WIDTH bits of each lane in OUT: OUT is always the
truncated view of ACC (rules D6, D7 of docs/device.md), with its own read port for the store engine.

Reads take one cycle and return the old tile when it is written at the same edge.  The pipeline and
the loader never write in the same cycle (:mod:`.compute_issue` excludes it).
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block

from ...isa.config import Config
from ...isa.opcodes import MemoryType
from ..lib.bundles import OperandRead, bit, word
from ..lib.pack import join, take
from ..lib.ram import ram
from .accumulator_fill import TileFill, column_count

__all__ = ["AccumulatorRead", "AccumulatorWrite", "accumulator"]


class AccumulatorRead:
    """Read port of one bank: the tile at bank address ``address`` arrives one cycle later."""

    def __init__(self, config: Config) -> None:
        self.enable, self.address = bit(), word(config.log_acc_depth - 1)
        self.data = word(8 * config.tile_bytes(MemoryType.ACC))


class AccumulatorWrite:
    """``tile`` is written to ``ACC[index]`` when ``valid``."""

    def __init__(self, config: Config) -> None:
        self.valid, self.index = bit(), word(config.log_acc_depth)
        self.tile = word(8 * config.tile_bytes(MemoryType.ACC))


@block
def write_part(
    result: AccumulatorWrite, fill: TileFill, enable: Any, *, bank: int, column: int,
) -> Any:
    """Write enable of one column of one bank."""

    @always_comb
    def select():
        enable.next = (result.valid and result.index[0] == bank) or (
            fill.columns[column] and fill.index[0] == bank
        )

    return select


@block
def accumulator(
    clock: Any, reset: Any, even: AccumulatorRead, odd: AccumulatorRead,
    result: AccumulatorWrite, fill: TileFill, out: OperandRead, *, config: Config,
) -> Any:
    """Store ``result`` when it is valid, otherwise the write of ``fill``; serve the read ports."""
    acc_bits, columns = config.log_acc_depth, column_count(config)
    column_bits = 8 * config.tile_bytes(MemoryType.ACC) // columns
    column_lanes = column_bits // 32
    out_bits, depth = column_lanes * config.out_width, 1 << (acc_bits - 1)
    tile = word(8 * config.tile_bytes(MemoryType.ACC))
    address = word(acc_bits - 1)
    out_odd = bit()
    parts = []

    @always_comb
    def merge():
        tile.next = fill.data
        address.next = fill.index[acc_bits:1]
        if result.valid:
            tile.next = result.tile
            address.next = result.index[acc_bits:1]

    out_bank_address = word(acc_bits - 1)

    @always_comb
    def locate_out():
        out_bank_address.next = out.address[acc_bits:1]

    acc_words, out_words = [], []
    for column in range(columns):
        acc_words.append(word(column_bits))
        parts.append(take(tile, acc_words[-1], lo=column * column_bits))
        low_bits = [word(config.out_width) for _ in range(column_lanes)]
        for lane, low in enumerate(low_bits):
            parts.append(take(tile, low, lo=column * column_bits + 32 * lane))
        out_words.append(word(out_bits))
        parts.append(join(low_bits, out_words[-1]))

    out_tiles = []
    for bank, port in enumerate((even, odd)):
        acc_columns = [word(column_bits) for _ in range(columns)]
        out_columns = [word(out_bits) for _ in range(columns)]
        for column in range(columns):
            enable = bit()
            parts.append(write_part(
                result, fill, enable, bank=bank, column=column,
            ))
            parts.append(ram(
                clock, write_enable=enable, write_address=address, write_data=acc_words[column],
                read_enable=port.enable, read_address=port.address, read_data=acc_columns[column],
                width=column_bits, depth=depth,
            ))
            parts.append(ram(
                clock, write_enable=enable, write_address=address, write_data=out_words[column],
                read_enable=out.enable, read_address=out_bank_address,
                read_data=out_columns[column], width=out_bits, depth=depth,
            ))
        parts.append(join(acc_columns, port.data))
        out_tiles.append(word(columns * out_bits))
        parts.append(join(out_columns, out_tiles[bank]))
    out_even_tile, out_odd_tile = out_tiles

    @always_seq(clock.posedge, reset)
    def remember_bank():
        if out.enable:
            out_odd.next = out.address[0]

    @always_comb
    def select_out():
        out.data.next = out_even_tile
        if out_odd:
            out.data.next = out_odd_tile

    return parts, merge, locate_out, remember_bank, select_out

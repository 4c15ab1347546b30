"""Reads of a column of a window (``schedule``): the tile of each row, and the bank that has it."""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, block

from ...isa.config import Config
from ..lib.bundles import OperandRead, bit, word
from ..lib.pack import join
from ..load.scratchpad_window import BANK_BITS, BANKS
from .address_generator import StepSums
from .window_shape import code_bits, row_parts

__all__ = ["ColumnRead", "PART_BITS", "RowControl", "RowRead", "bank_port", "row_read"]

PART_BITS = 2


class RowControl:
    """Whether the taps of a row move on, and the bank of its tile, with the tiles read."""

    def __init__(self) -> None:
        self.moves, self.bank = bit(), word(BANK_BITS)


class ColumnRead:
    """The column of tiles that the step in ``schedule`` asks for, in parts (:func:`.row_parts`)."""

    def __init__(self, config: Config) -> None:
        rows_lo, rows_hi = code_bits(config)
        self.code = word(rows_hi)  # of the window of that step
        self.loads = bit()  # a GEMM reads its tile
        self.reads = bit()  # tiles are read: by a GEMM, or for a part of a column
        self.part, self.last_part = word(PART_BITS), word(PART_BITS)
        self.bank_step = word(BANK_BITS)
        self.place = word(PART_BITS + BANK_BITS + rows_hi - rows_lo)  # {part, bank_step, rows - 1}


class RowRead:
    """Whether a row of the window is read in this cycle, and the tile."""

    def __init__(self, config: Config) -> None:
        self.valid, self.index = bit(), word(config.log_inp_depth)


@block
def row_read(
    clock: Any, sums: StepSums, multiple: Any, restarts: Any, moves_on: Any, column: ColumnRead,
    row: RowRead, control: RowControl, *, number: int, config: Config,
) -> Any:
    """Walk along row ``number``; ``multiple``: its distance from row 0, whose own is None."""
    bits, rows = config.log_inp_depth, config.window[0]
    first, read, moves = word(bits), word(1), word(1)
    # by {part, bank_step, rows - 1}; rows outside the window become 0 with any part
    reads_of, moves_of = [], []
    for part in range(1 << PART_BITS):
        for step in range(BANKS):
            for count in range(1, rows + 1):
                parts = row_parts(step, count)
                reads_of.append(int(part < len(parts) and number in parts[part]))
                moves_of.append(int(reads_of[-1] or number >= count))
    reads_by_place, moves_by_place = tuple(reads_of), tuple(moves_of)
    if multiple is None:

        @always_comb
        def find_first():
            first.next = sums.src[bits:]

    else:

        @always_comb
        def find_first():
            first.next = sums.src[bits:] + multiple

    @always_comb
    def look_up_read():
        read.next = reads_by_place[column.place]

    @always_comb
    def look_up_moves():
        moves.next = moves_by_place[column.place]

    @always_comb
    def request():
        row.valid.next = column.reads and read == 1

    @always(clock.posedge)
    def walk():
        if restarts:
            row.index.next = first
        elif moves_on:
            row.index.next = row.index + 1

    @always(clock.posedge)
    def register_control():
        control.moves.next = column.reads and moves == 1
        control.bank.next = row.index[BANK_BITS:]

    return find_first, look_up_read, look_up_moves, request, walk, register_control


@block
def bank_port(rows: Any, port: OperandRead, *, number: int) -> Any:
    """Read the tile of the row that is in bank ``number``; never of two rows."""
    hits = [bit() for _ in rows]
    any_hit = word(len(rows))
    choices = [port.address, *(word(len(port.address)) for _ in rows[1:])]
    nodes = [
        bank_hit(row, hit, chosen, other, number=number)
        for row, hit, chosen, other in zip(
            rows, hits, choices, [*choices[1:], None], strict=True)
    ]

    @always_comb
    def enable():
        port.enable.next = any_hit != 0

    return nodes, join(hits, any_hit), enable


@block
def bank_hit(row: RowRead, hit: Any, chosen: Any, other: Any, *, number: int) -> Any:
    """``hit``: the row is in bank ``number``; then ``chosen`` is its word, else ``other``."""

    @always_comb
    def compare():
        hit.next = row.valid and row.index[BANK_BITS:] == number

    if other is None:

        @always_comb
        def choose():
            chosen.next = row.index[:BANK_BITS]

    else:

        @always_comb
        def choose():
            chosen.next = other
            if hit:
                chosen.next = row.index[:BANK_BITS]

    return compare, choose

"""Window schedule (``check`` to ``tiles``): which INP tiles a step of DWC reads in which cycle.

The operand registers (:mod:`.window_operands`) keep the columns of the window of the step before,
so a step whose window begins d tiles later (0 <= d <= columns) reads its last d columns; any other
one, and the first of an instruction (INP may have changed since), reads all of them.  One column
is read per cycle, all its rows at once from the banks of INP (:mod:`..load.scratchpad_window`).
Rows whose distance is a multiple of four tiles share a bank, so a pitch of 4n tiles takes a cycle
for every row of a column, and one of 4n + 2 takes two where there are more than two rows; an odd
pitch takes one.  A step waits in ``schedule`` until its last tiles are asked for, at least one
cycle.  They are read when it is in ``read``, as is the tile of a GEMM, row 0 of a window.
"""

from __future__ import annotations

from enum import IntEnum
from itertools import pairwise
from typing import Any

from myhdl import Signal, always, always_comb, always_seq, block, concat

from ...isa.config import Config
from ..lib.bundles import bit, word
from ..lib.field_register import field_register
from ..load.scratchpad_window import BANK_BITS, BANKS, WindowRead
from .address_generator import StepSums
from .stages import Stages
from .step import Step
from .window_reads import PART_BITS, ColumnRead, RowControl, RowRead, bank_port, row_read
from .window_shape import WindowSums, code_bits, row_parts

__all__ = ["TapSource", "WindowControl", "window_schedule"]

class TapSource(IntEnum):
    """Next value of a tap's operand register."""

    TILE = 0  # GEMM: its element of the tile in row 0
    FOLLOWING = 1  # the tap of the next column
    COLUMN = 2  # the column that has been read
    ZERO = 3  # outside the window


class WindowControl:
    """Control of :mod:`.window_operands`; ``sources[row][column]`` is a :class:`TapSource`."""

    def __init__(self, config: Config) -> None:
        rows, columns = config.window
        self.rows = [RowControl() for _ in range(rows)]
        self.sources = [[word(2) for _ in range(columns)] for _ in range(rows)]


@block
def window_schedule(
    clock: Any, reset: Any, advance: Any, s: list[Step], sums: StepSums, window: WindowSums,
    read: WindowRead, ready: Any, control: WindowControl, *, config: Config,
) -> Any:
    """Read the tiles of the step in ``schedule``; ``ready``, a register: it may leave that stage.

    ``control`` belongs to the tiles that arrive, ``tiles``.  A step that waits for another reason
    reads no column twice; a GEMM reads its tile again.
    """
    at = Stages.of(config)
    checked, waiting, later = s[at.check], s[at.schedule], at.read - at.schedule
    rows, columns = config.window
    rows_lo, rows_hi = code_bits(config)
    index, count_bits = config.log_inp_depth, columns.bit_length()
    last_part_of = tuple(
        len(row_parts(step, row + 1)) - 1 for step in range(BANKS) for row in range(rows)
    )
    column = ColumnRead(config)
    place = word(BANK_BITS + rows_hi - rows_lo)  # {bank_step, rows - 1} of ``check``
    last_part, part_after = word(PART_BITS), word(PART_BITS)
    src, distance = word(index + 1), word(index + 1)  # an index and a sign
    # columns: to read, in a window, to read of the step in ``check``
    left, left_after, width, needed = (word(count_bits) for _ in range(4))
    within = bit()  # the last step that came to ``schedule`` is a DWC whose instruction goes on
    follows, restarts, moves_on = bit(), bit(), bit()

    @always_comb
    def measure():
        distance.next = sums.src[index + 1:] - src
        place.next = concat(window.bank_step, window.code[rows_hi:rows_lo])
        width.next = window.code[rows_lo:] + 1

    @always_comb
    def compare():
        follows.next = within and distance <= width

    @always_comb
    def look_up_parts():
        last_part.next = last_part_of[place]

    @always_comb
    def find_needed():
        needed.next = 0
        if checked.valid and checked.depthwise and not checked.clear:
            needed.next = width
            if follows:
                needed.next = distance[count_bits:]

    @always_comb
    def decide():
        restarts.next = advance and checked.valid and not follows
        moves_on.next = left != 0 and column.part == column.last_part

    @always_comb
    def classify():
        column.loads.next = waiting.valid and waiting.gemm and not waiting.depthwise
        column.reads.next = left != 0 or (waiting.valid and waiting.gemm and not waiting.depthwise)
        column.place.next = concat(column.part, column.bank_step, column.code[rows_hi:rows_lo])

    @always_comb
    def advance_column():
        left_after.next = left
        part_after.next = column.part
        if moves_on:
            left_after.next = left - 1
            part_after.next = 0
        elif left != 0:
            part_after.next = column.part + 1

    @always_seq(clock.posedge, reset)
    def count_columns():
        if advance:
            left.next = needed
            column.part.next = 0
            ready.next = needed == 0 or (needed == 1 and last_part == 0)
        else:
            left.next = left_after
            column.part.next = part_after
            ready.next = left_after == 0 or (left_after == 1 and part_after == column.last_part)

    @always_seq(clock.posedge, reset)
    def track_instruction():
        if advance and (checked.valid or checked.last):
            within.next = checked.valid and checked.depthwise and not checked.last

    @always(clock.posedge)
    def register_window():
        if advance and checked.valid:
            src.next = sums.src[index + 1:]
            column.last_part.next = last_part
            column.code.next = window.code
            column.bank_step.next = window.bank_step

    rows_read = [RowRead(config) for _ in range(rows)]
    requested, planned = WindowRead(config), WindowControl(config)
    return (
        [
            delay_line(clock, getattr(bank, name), getattr(port, name), cycles=later)
            for bank, port in zip(requested.banks, read.banks, strict=True)
            for name in ("enable", "address")
        ],
        [
            delay_line(clock, getattr(row, name), getattr(control.rows[number], name), cycles=later)
            for number, row in enumerate(planned.rows) for name in ("moves", "bank")
        ],
        [
            delay_line(clock, source, delayed, cycles=later)
            for first, second in zip(planned.sources, control.sources, strict=True)
            for source, delayed in zip(first, second, strict=True)
        ],
        measure, compare, look_up_parts, find_needed, decide, classify, advance_column,
        count_columns, track_instruction, register_window,
        [
            row_read(
                clock, sums, window.multiples[row - 1] if row else None, restarts, moves_on,
                column, rows_read[row], planned.rows[row], number=row, config=config,
            )
            for row in range(rows)
        ],
        [bank_port(rows_read, port, number=bank) for bank, port in enumerate(requested.banks)],
        [
            tap_source(clock, column, planned.sources[row][at], row=row, at=at, config=config)
            for row in range(rows) for at in range(columns)
        ],
    )


@block
def delay_line(clock: Any, sink: Any, source: Any, *, cycles: int) -> Any:
    """``source`` is ``sink`` so many cycles later, at least one."""
    stages = [sink, *(Signal(sink.val) for _ in range(cycles - 1)), source]
    return [field_register(clock, first, second) for first, second in pairwise(stages)]


@block
def tap_source(
    clock: Any, column: ColumnRead, source: Any, *, row: int, at: int, config: Config
) -> Any:
    """Register the source of the tap in a row and column, with the tiles read."""
    shapes = [config.window_shape(code) for code in range(config.taps)]
    source_of = tuple(
        int(TapSource.ZERO if row >= rows or at >= columns
            else TapSource.COLUMN if at == columns - 1 else TapSource.FOLLOWING)
        for rows, columns in shapes
    )
    in_window = word(2)

    @always_comb
    def look_up():
        in_window.next = source_of[column.code]

    @always(clock.posedge)
    def choose():
        source.next = in_window
        if column.loads:
            source.next = TapSource.TILE

    return look_up, choose

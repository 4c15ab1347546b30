"""Operand registers of the MAC array as a window (from ``tiles`` on): the taps that DWC multiplies.

``operands`` are the words of all groups of lanes (:mod:`.array_operands`).  When a step is a GEMM,
every group of a batch row holds that row of its tile.  When it is a DWC, position ``h * taps + r *
columns + c`` of group g holds tap (r, c) of lane ``2 g + h`` (h = 0 and lane g where no two lanes
share multipliers).

The registers move as :class:`.window_schedule.WindowControl` says: a row of taps shifts by one
column when the tile of its next column arrives, so they keep what the next step uses again.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, block

from ...isa.config import Config
from ..lib.bundles import word
from ..lib.pack import join
from ..load.scratchpad_window import WindowRead
from .array_operands import group_lanes
from .window_reads import RowControl
from .window_schedule import TapSource, WindowControl

__all__ = ["window_operands"]


@block
def window_operands(
    clock: Any, read: WindowRead, control: WindowControl, operands: Any, *, config: Config
) -> Any:
    """Drive ``operands`` from the tiles of the banks and their ``control``."""
    rows, columns = config.window
    block_in, width, sharing = config.block_in, config.inp_width, group_lanes(config)
    groups = config.block_out // sharing
    tiles = [word(config.batch * block_in * width) for _ in range(rows)]
    parts = [
        bank_select(*(port.data for port in read.banks), row, tile)
        for row, tile in zip(control.rows, tiles, strict=True)
    ]
    for number, operand in enumerate(operands):
        batch_row, group = divmod(number, groups)
        taps = [word(width) for _ in range(block_in)]
        for position, tap in enumerate(taps):
            half, at = divmod(position, config.taps)
            row, column = divmod(at, columns)
            first = batch_row * block_in
            parts.append(tap_register(
                clock, control.rows[row], control.sources[row][column], tiles[0], tiles[row],
                taps[position + 1] if column + 1 < columns else None, tap,
                tile_lo=(first + position) * width,
                lane_lo=(first + group * sharing + half) * width,
            ))
        parts.append(join(taps, operand))
    return parts


@block
def bank_select(
    first: Any, second: Any, third: Any, fourth: Any, row: RowControl, tile: Any
) -> Any:
    """``tile``: the tile of a row, from the bank that holds it."""

    @always_comb
    def select():
        tile.next = first
        if row.bank == 1:
            tile.next = second
        elif row.bank == 2:
            tile.next = third
        elif row.bank == 3:
            tile.next = fourth

    return select


@block
def tap_register(
    clock: Any, row: RowControl, source: Any, first_tile: Any, tile: Any, following: Any,
    tap: Any, *, tile_lo: int, lane_lo: int,
) -> Any:
    """One tap: its element of GEMM's tile, ``following``, a lane of the row's tile, or 0."""
    tile_hi, lane_hi = tile_lo + len(tap), lane_lo + len(tap)
    if following is None:

        @always(clock.posedge)
        def move():
            if row.moves:
                if source == TapSource.TILE:
                    tap.next = first_tile[tile_hi:tile_lo]
                elif source == TapSource.COLUMN:
                    tap.next = tile[lane_hi:lane_lo]
                else:
                    tap.next = 0

    else:

        @always(clock.posedge)
        def move():
            if row.moves:
                if source == TapSource.TILE:
                    tap.next = first_tile[tile_hi:tile_lo]
                elif source == TapSource.COLUMN:
                    tap.next = tile[lane_hi:lane_lo]
                elif source == TapSource.FOLLOWING:
                    tap.next = following
                else:
                    tap.next = 0

    return move

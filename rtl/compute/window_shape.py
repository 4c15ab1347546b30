"""Window of a step of DWC (``index`` to ``check``): the distances that follow from its fields."""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, block

from ...isa.config import Config
from ..lib.bundles import word
from ..lib.field_register import field_register
from ..load.scratchpad_window import BANK_BITS, BANKS
from .step import Step

__all__ = ["WindowSums", "code_bits", "row_parts", "window_sums"]


def code_bits(config: Config) -> tuple[int, int]:
    """Return where the bits of the rows begin in the code of a window, and where they end.

    Below them are those of the columns (:meth:`~myvta.isa.geometry.Geometry.window_code`).
    """
    return config.window[1].bit_length() - 1, config.taps.bit_length() - 1


def row_parts(pitch: int, rows: int) -> list[list[int]]:
    """Return the rows of a column whose tiles are read together: those of a part are in
    different banks of INP.
    """
    parts: list[list[int]] = []
    for row in range(rows):
        for part in parts:
            if (row * pitch) % BANKS not in {(other * pitch) % BANKS for other in part}:
                part.append(row)
                break
        else:
            parts.append([row])
    return parts


class WindowSums:
    """Window of the step in ``check``, one tile of a GEMM, and the distances between its tiles."""

    def __init__(self, config: Config) -> None:
        self.code = word(code_bits(config)[1])
        self.bank_step = word(BANK_BITS)  # from the bank of a row to that of the next one
        self.reach = word(config.log_wgt_depth + 3)  # from the first tile of the window to the last
        # P, 2P, 3P: distances of the other rows from row 0, as far as they change an index
        self.multiples = [word(config.log_inp_depth) for _ in range(config.window[0] - 1)]


@block
def window_sums(
    clock: Any, advance: Any, adding: Step, sums: WindowSums, *, config: Config
) -> Any:
    """Register ``sums`` of the step in ``index`` when ``advance``."""
    rows_lo, _ = code_bits(config)
    rows_of_four = rows_lo + 1  # bit of the code that adds two rows
    once, twice, thrice = (word(config.log_inp_depth) for _ in range(3))
    pitch, low_reach, reach = (word(len(sums.reach)) for _ in range(3))
    index = min(config.log_inp_depth, config.log_wgt_depth)

    @always_comb
    def resize():
        pitch.next = adding.row_pitch
        once.next = adding.row_pitch[index:]

    @always_comb
    def reach_two_rows():
        low_reach.next = adding.window[rows_lo:]
        if adding.window[rows_lo]:
            low_reach.next = pitch + adding.window[rows_lo:]

    @always(clock.posedge)
    def register_window():
        if advance:
            sums.reach.next = 0
            sums.code.next = 0
            sums.bank_step.next = adding.row_pitch[BANK_BITS:]
            if adding.depthwise:
                sums.reach.next = reach
                sums.code.next = adding.window

    multiples = [
        field_register(clock, multiple, register, enable=advance)
        for multiple, register in zip((once, twice, thrice), sums.multiples, strict=False)
    ]
    nodes = resize, reach_two_rows, register_window, multiples
    if config.window[0] == 2:

        @always_comb
        def reach_all():
            reach.next = low_reach

        return nodes, reach_all

    @always_comb
    def multiply():
        twice.next = once << 1
        thrice.next = (once << 1) + once

    @always_comb
    def reach_four_rows():
        reach.next = low_reach
        if adding.window[rows_of_four]:
            reach.next = low_reach + (pitch << 1)

    return nodes, multiply, reach_four_rows

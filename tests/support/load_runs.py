"""Where the elements of a LOAD go, spelled out element by element (vta_isa.md 4.1)."""

from __future__ import annotations

from typing import Any

__all__ = ["element_runs"]


def element_runs(load: Any) -> tuple[list[int], int]:
    """Return the lengths of the runs of padding round the rows of data, and of a row.

    The scratchpad is written out as a line of elements, row after row; a row of data is cut out
    at each place it has.  Without data there is one run, everything; nothing at all without
    columns.
    """
    if not load.x_size:
        return [0], 0
    row = "." * load.x_pad_0 + "#" * load.x_size + "." * load.x_pad_1
    empty = "." * len(row)
    line = empty * load.y_pad_0 + row * load.y_size + empty * load.y_pad_1
    return [len(run) for run in line.split("#" * load.x_size)], load.x_size

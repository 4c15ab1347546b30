"""Padding with a nonzero value: LOAD pads with zeros, which further loads overwrite.

A layer whose input has a zero point needs it outside the input.  A row of constant tiles holds it
in DRAM, which a LOAD of stride 0 repeats: one for the rows above, one for those below, and one for
each gap between rows, the right end of one and the left end of the next.
"""

from __future__ import annotations

import numpy as np

from ....driver.stream.stream import StreamBuilder
from ....isa.config import Config
from ....isa.opcodes import MemoryType
from ...schedule.conv_problem import ConvShape
from ...schedule.conv_tiles import Extent

__all__ = ["border_row", "fill_border"]


def border_row(shape: ConvShape, value: int, config: Config) -> np.ndarray:
    """Return constant INP tiles, as many as the longest row of padded inputs has."""
    widest = shape.reach(1, shape.out[1], shape.kernel[1])
    return np.full((widest, config.batch, config.block_in), value, np.int64)


def fill_border(
    builder: StreamBuilder, base: int, rows: Extent, columns: Extent, row: int
) -> None:
    """Emit loads over the padding of one block of channels.

    Parameters
    ----------
    base
        Its first element on chip, padding included.
    row
        Element address of the constant tiles (:func:`border_row`).
    """
    def fill(start: int, width: int, height: int = 1) -> None:
        if width and height:
            builder.load_2d(MemoryType.INP, base + start, row, width, height, 0)

    width, inside = columns.total, rows.inside
    if not rows.inside or not columns.inside:
        fill(0, width, rows.total)
        return
    first = rows.before * width
    fill(0, width, rows.before)
    fill(first, columns.before)
    for index in range(inside - 1):
        end = first + index * width + columns.before + columns.inside
        fill(end, columns.after + columns.before)
    fill(first + (inside - 1) * width + columns.before + columns.inside, columns.after)
    fill(first + inside * width, width, rows.after)

"""Duration of the steps of a DWC instruction: the columns of tiles that each window reads.

A step reads the columns that the window before it in the instruction does not share, one per cycle
or more where rows of it are in the same bank of INP (rtl/compute/window_schedule.py).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...isa.config import Config
from ...isa.instructions import Dwc
from .timing_constants import cycles

__all__ = ["window_cycles"]

_BANKS = cycles("INP_BANKS")


def window_cycles(item: Dwc, src: NDArray[np.int64], config: Config) -> int:
    """Return the cycles of an instruction with at least one step.

    Parameters
    ----------
    item
        The instruction; ``reset`` reads nothing.
    src
        The INP tiles of its micro-ops, int64 [uop_end - uop_bgn].
    config
        Configuration, which has depthwise.
    """
    steps = len(src) * item.iter_out * item.iter_in
    if item.reset:
        return steps
    rows, columns = config.window_shape(item.window)
    banks = np.arange(rows) * item.row_pitch % _BANKS
    column = int(np.bincount(banks).max())  # cycles

    def step(distance: NDArray[np.int64] | int) -> int:
        shared = np.logical_and(np.greater_equal(distance, 0), np.less_equal(distance, columns))
        return int(np.maximum(np.where(shared, distance, columns) * column, 1).sum())

    rewind = int(src[0] - src[-1])
    inner = rewind + item.src_factor_in
    outer = rewind + item.src_factor_out - (item.iter_in - 1) * item.src_factor_in
    return (
        columns * column
        + item.iter_out * item.iter_in * step(np.diff(src))
        + item.iter_out * (item.iter_in - 1) * step(inner)
        + (item.iter_out - 1) * step(outer)
    )

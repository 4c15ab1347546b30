"""Contents of the extensions' memories: weights of DWC and tables of RQT (docs/device.md)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ...isa.config import Config
from ...isa.opcodes import LUT_ENTRIES
from ..errors import LayoutError

__all__ = ["depthwise_tile", "lookup_table"]

_MINIMUM, _MAXIMUM = -(1 << 15), (1 << 15) - 1  # of an entry


def depthwise_tile(kernel: npt.ArrayLike, config: Config) -> np.ndarray:
    """Return the WGT tile with which DWC applies one window to each lane.

    Parameters
    ----------
    kernel : array of int, shape (block, rows, columns)
        Weights of each lane; at most :attr:`~myvta.isa.config.Config.window` rows and columns.

    Returns
    -------
    int array, shape (block_out, block_in)
        Zero wherever no weight of the lane is.  A tensor of such tiles is packed like any other
        weights.

    Raises
    ------
    LayoutError
        No integers, another number of lanes, a larger window, or no ``depthwise`` in ``config``.
    """
    values = np.asarray(kernel)
    if not config.depthwise:
        raise LayoutError(f"configuration {config.name} has no depthwise")
    if values.ndim != 3 or values.dtype.kind not in "iu":
        raise LayoutError(
            f"a depthwise kernel is an integer array (lanes, rows, columns), not "
            f"{values.shape} {values.dtype}")
    lanes, rows, columns = values.shape
    most = config.window
    if lanes != config.block_out or not (1 <= rows <= most[0] and 1 <= columns <= most[1]):
        raise LayoutError(
            f"a depthwise kernel has {config.block_out} lanes, 1..{most[0]} rows and 1..{most[1]} "
            f"columns, not {lanes}, {rows} and {columns}")
    halves = config.block_in // config.taps
    tile = np.zeros((lanes, halves, *most), values.dtype)
    for half in range(halves):
        tile[half::halves, half, :rows, :columns] = values[half::halves]
    return tile.reshape(lanes, config.block_in)


def lookup_table(function: Callable[[int], int]) -> np.ndarray:
    """Return the table of a function of int8, int16 [1, 256]: entry ``v & 255`` is f(v).

    Raises
    ------
    LayoutError
        A value of the function is no integer of 16 bits.
    """
    table = np.zeros((1, LUT_ENTRIES), np.int16)
    half = LUT_ENTRIES // 2
    for value in range(-half, half):
        entry = function(value)
        if entry != int(entry) or not _MINIMUM <= entry <= _MAXIMUM:
            raise LayoutError(
                f"an entry of a table must be an integer {_MINIMUM}..{_MAXIMUM}, not {entry!r} "
                f"for {value}")
        table[0, value & LUT_ENTRIES - 1] = int(entry)
    return table

"""Depthwise kernels as windows of taps: those that one step of DWC sums (docs/device.md).

A window has at most R x C = T taps.  A larger kernel is the sum of several: at T = 8 rows 0 and 1
of a 3x3 kernel, then row 2.  Rows of a window may be any distance apart; columns are neighbours, so
the columns between those of a dilated kernel have weight zero.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

__all__ = ["TapWindow", "WindowedKernel"]

_BANKS = 4  # of INP: rows of a window in different ones are read together

Pair = tuple[int, int]


@dataclass(frozen=True)
class TapWindow:
    """Taps of a kernel: the first row and column, and the number of rows and columns of taps."""

    row: int
    column: int
    rows: int
    columns: int


@dataclass(frozen=True)
class WindowedKernel:
    """A depthwise kernel of taps (y, x), and the maximum window of a configuration."""

    kernel: Pair
    strides: Pair
    dilations: Pair
    most: Pair

    @property
    def windows(self) -> tuple[TapWindow, ...]:
        """Windows that cover every tap once, row by row."""
        return _windows(self)

    def span(self, window: TapWindow) -> Pair:
        """Return rows and columns of DWC's window: with the columns between dilated taps."""
        return window.rows, (window.columns - 1) * self.dilations[1] + 1

    def pitch(self, width: int) -> int:
        """Return a distance of rows in INP, at least ``width``, that keeps rows of a window in
        different banks if one more tile does.
        """
        return _pitch(self, width)

    def row_cycles(self, outputs: int, width: int) -> int:
        """Return the cycles of a row of outputs: a step reads the columns that are new to it.

        ``width``: the distance of rows in INP.
        """
        total = 0
        for window in self.windows:
            columns = self.span(window)[1]
            again = (outputs - 1) * min(self.strides[1], columns)
            total += (again + columns) * self.conflicts(window, width)
        return total

    def conflicts(self, window: TapWindow, width: int) -> int:
        """Return the cycles that reading a column of a window takes."""
        banks = Counter(row * width * self.dilations[0] % _BANKS for row in range(window.rows))
        return max(banks.values())


@lru_cache(maxsize=4096)
def _pitch(kernel: WindowedKernel, width: int) -> int:
    return min((width, width + 1), key=lambda pitch: sum(
        kernel.conflicts(window, pitch) for window in kernel.windows))


@lru_cache(maxsize=1024)
def _windows(kernel: WindowedKernel) -> tuple[TapWindow, ...]:
    (kh, kw), (rows, columns) = kernel.kernel, kernel.most
    columns = (columns - 1) // kernel.dilations[1] + 1  # that a window holds
    return tuple(
        TapWindow(row, column, min(rows, kh - row), min(columns, kw - column))
        for row, column in product(range(0, kh, rows), range(0, kw, columns)))

"""Contents of memory when a launch begins, as far as the static checker needs them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Intervals", "MemoryMap", "MemoryRegion", "Rows"]


@dataclass(frozen=True)
class MemoryRegion:
    """Bytes ``start .. end - 1`` and a description for messages."""

    start: int
    end: int
    name: str


@dataclass(frozen=True)
class MemoryMap:
    """Memory at the start of a launch; addresses are bytes as the device sends them.

    Attributes
    ----------
    window : (int, int) or None
        Base and size of the memory that the device may access; None: not checked.
    contents : tuple of (int, bytes, str)
        Address, constant bytes, name: weights, parameters, micro-ops.  No store may overwrite them;
        micro-ops are read from them.
    inputs : tuple of MemoryRegion or None
        Regions that hold other data.  None: all of memory may hold data.
    kept : tuple of MemoryRegion
        Data that is needed after the launch and not produced by it: no store may overwrite it.
    """

    window: tuple[int, int] | None = None
    contents: tuple[tuple[int, bytes, str], ...] = ()
    inputs: tuple[MemoryRegion, ...] | None = None
    kept: tuple[MemoryRegion, ...] = ()


@dataclass(frozen=True)
class Rows:
    """Rows of a 2-D access: ``count`` of ``size`` bytes, their starts ``pitch`` bytes apart."""

    start: int
    size: int
    pitch: int
    count: int

    @property
    def end(self) -> int:
        """End of the last row, excluded."""
        return self.start + (self.count - 1) * self.pitch + self.size

    @property
    def solid(self) -> bool:
        """Whether the rows cover every byte from the first to the last."""
        return self.count == 1 or self.pitch <= self.size

    def _starts(self) -> NDArray[np.int64]:
        return self.start + np.arange(self.count, dtype=np.int64) * self.pitch

    def overlap(self, other: Rows) -> tuple[int, int] | None:
        """Return first byte and end of a range that both address, or None."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        if start >= end:
            return None
        if self.solid and other.solid:
            return start, end
        thin, wide = (other, self) if self.solid else (self, other)
        starts = thin._starts()  # disjoint rows in ascending order
        if wide.solid:
            others, size = np.array([wide.start]), wide.end - wide.start
        else:
            others, size = wide._starts(), wide.size
        for position in (np.searchsorted(others, starts, "right") - 1,
                         np.searchsorted(others, starts, "right")):
            there = np.clip(position, 0, others.size - 1)
            shared_start = np.maximum(others[there], starts)
            shared_end = np.minimum(others[there] + size, starts + thin.size)
            hit = np.flatnonzero(shared_start < shared_end)
            if hit.size:
                return int(shared_start[hit[0]]), int(shared_end[hit[0]])
        return None

    def row_outside(self, base: int, end: int) -> int:
        """Return the address of the first row that is not inside ``base .. end - 1``."""
        starts = self._starts()
        outside = (starts < base) | (starts + self.size > end)
        return int(starts[np.argmax(outside)])


class Intervals:
    """Merged byte intervals, with tests whether one contains or overlaps a range."""

    def __init__(self, parts: Iterable[tuple[int, int]]):
        self.starts: list[int] = []
        self.ends: list[int] = []
        for start, end in sorted(part for part in parts if part[0] < part[1]):
            if self.ends and start <= self.ends[-1]:
                self.ends[-1] = max(self.ends[-1], end)
            else:
                self.starts.append(start)
                self.ends.append(end)

    def holds(self, start: int, end: int) -> bool:
        """Return whether one interval contains the whole range."""
        index = bisect_right(self.starts, start) - 1
        return index >= 0 and end <= self.ends[index]

    def meets(self, start: int, end: int) -> bool:
        """Return whether any interval overlaps the range."""
        index = bisect_right(self.starts, end - 1) - 1
        return index >= 0 and start < self.ends[index]

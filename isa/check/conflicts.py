"""Accesses of one engine that are not yet ordered before those of another engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .memory_map import Rows

__all__ = ["Access", "Pending"]


class Access(NamedTuple):
    """Tiles and memory pages that an instruction reads and writes, as sets; pages follow the tiles.

    The sets are exact for tiles; pages only determine which rows have to be compared.
    """

    position: int
    reads: int
    writes: int
    rows: Rows | None

    def conflict(self, other: Access, tiles: int) -> int | tuple[int, int] | None:
        """Return tiles (a set below ``1 << tiles``) or a byte range where the order matters."""
        both = self.writes & (other.reads | other.writes) | self.reads & other.writes
        shared = both & (1 << tiles) - 1
        if shared:
            return shared
        if both and self.rows and other.rows:
            return self.rows.overlap(other.rows)
        return None


class Pending:
    """A sliding window over one engine's accesses, first in first out, with their union.

    Two stacks maintain the union: each access is moved once, so the amortized cost is a few
    operations per access, whatever the length of the window.
    """

    def __init__(self) -> None:
        self._old: list[tuple[Access, int, int]] = []  # oldest last, with unions up to it
        self._new: list[Access] = []
        self._reads = self._writes = 0  # unions of the new accesses

    def add(self, access: Access) -> None:
        """Append the engine's next access."""
        self._new.append(access)
        self._reads |= access.reads
        self._writes |= access.writes

    def forget(self, index: int) -> None:
        """Drop every access up to an instruction, which is known to have completed."""
        old = self._old
        while old and old[-1][0].position <= index:
            old.pop()
        if old or not self._new or self._new[0].position > index:
            return
        reads = writes = 0
        for access in reversed(self._new):
            if access.position <= index:
                break
            reads |= access.reads
            writes |= access.writes
            old.append((access, reads, writes))
        self._new, self._reads, self._writes = [], 0, 0

    def meets(self, access: Access) -> bool:
        """Return whether any access in the window may conflict with another engine's."""
        reads, writes = self._reads, self._writes
        if self._old:
            reads |= self._old[-1][1]
            writes |= self._old[-1][2]
        return bool(writes & (access.reads | access.writes) | reads & access.writes)

    def latest_first(self) -> Iterator[Access]:
        """Iterate over the window from the youngest access on."""
        yield from reversed(self._new)
        for access, _, _ in self._old:
            yield access

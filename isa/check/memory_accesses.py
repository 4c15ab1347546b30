"""Rows that loads and stores address, compared with the contents of memory."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ..config import Config
from ..opcodes import INSTRUCTION_BYTES, UOP_BYTES, Module
from .findings import AddFinding, FindingKind
from .footprints import DecodedWord
from .index_sets import span
from .memory_map import Intervals, MemoryMap, MemoryRegion, Rows

__all__ = ["MemoryAccesses"]

_ANYWHERE = 1 << 62  # end of memory with an unknown window
_PAGES = 4096  # maximum number of pages, which exclude most pairs of accesses quickly


class MemoryAccesses:
    """Memory as one launch sees it.

    Pages get indices from ``first_page`` on; findings go to ``add``.
    """

    def __init__(self, memory: MemoryMap, config: Config, first_page: int, add: AddFinding):
        self._map = memory
        self._add = add
        self._grain = min(config.tile_bytes(kind) for kind in config.memory_types)
        constants = [MemoryRegion(at, at + len(data), name) for at, data, name in memory.contents]
        self._constants = sorted(memory.contents)
        self._starts = [at for at, _, _ in self._constants]
        self._kept = [*constants, *memory.kept]
        self._guard = Intervals((region.start, region.end) for region in self._kept)
        self._given: Intervals | None = None
        if memory.inputs is not None:
            self._given = Intervals(
                (region.start, region.end) for region in (*constants, *memory.inputs)
            )
        self._stores_start = self._stores_end = 0  # address range of all stores
        self._filled: NDArray[np.bool_] = np.zeros(0, bool)
        self._page, self._first = 12, first_page

    def place(self, address: int | None, count: int) -> None:
        """Protect the stream itself, and check that it is inside the window."""
        if address is None:
            return
        end = address + count * INSTRUCTION_BYTES
        self._kept.append(MemoryRegion(address, end, "the instructions"))
        self._guard = Intervals((region.start, region.end) for region in self._kept)
        if address % INSTRUCTION_BYTES:
            self._add(FindingKind.ALIGNMENT, 0, f"the stream starts at {address:#x}",
                         f"align it to {INSTRUCTION_BYTES} bytes")
        window_start, window_end = self._window()
        if not window_start <= address <= end <= window_end:
            self._add(
                FindingKind.WINDOW, 0, f"the stream at {address:#x}..{end - 1:#x} is not inside "
                f"{window_start:#x}..{window_end - 1:#x}", "move it into the window",
            )

    def prepare(self, stores: Iterable[Rows]) -> None:
        """Determine the address range of all stores of the launch."""
        bounds = [(rows.start, rows.end) for rows in stores]
        self._stores_start = min((start for start, _ in bounds), default=0)
        self._stores_end = max((end for _, end in bounds), default=0)
        window_start, window_end = self._window()
        self._stores_start = max(self._stores_start, window_start)
        self._stores_end = min(self._stores_end, window_end)
        if self._stores_end <= self._stores_start:
            self._stores_start = self._stores_end = 0
        while (self._stores_end - self._stores_start) >> self._page > _PAGES:
            self._page += 1
        if self._given is not None:
            self._filled = np.zeros((self._stores_end - self._stores_start) // self._grain, bool)
            for start, end in zip(self._given.starts, self._given.ends, strict=True):
                start, end = max(start, self._stores_start), min(end, self._stores_end)
                if start < end:
                    self._filled[self._cell(start) : self._cell(end)] = True

    def pages(self, rows: Rows) -> int:
        """Return the pages of stored memory that rows may touch, as a set from ``first_page``."""
        start, end = max(rows.start, self._stores_start), min(rows.end, self._stores_end)
        if start >= end:
            return 0
        first = (start - self._stores_start) >> self._page
        count = ((end - 1 - self._stores_start) >> self._page) - first + 1
        return span(self._first + first, count)

    def constant_words(self, rows: Rows) -> NDArray[np.uint32] | None:
        """Return the 32-bit words of rows, uint32 [rows, words], None unless all are constant."""
        index = bisect_right(self._starts, rows.start) - 1
        if index < 0:
            return None
        start, data, _ = self._constants[index]
        if rows.end > start + len(data):
            return None
        view: NDArray[np.uint32] = np.ndarray(
            (rows.count, rows.size // UOP_BYTES), "<u4", data, rows.start - start,
            (rows.pitch, UOP_BYTES),
        )
        return view

    def access(self, index: int, decoded: DecodedWord, rows: Rows) -> bool:
        """Check one access; False when it leaves the window."""
        window_start, window_end = self._window()
        if rows.start < window_start or rows.end > window_end:
            address = rows.row_outside(window_start, window_end)
            self._add(
                FindingKind.WINDOW, index,
                f"a row of {rows.size} bytes at {address:#x} is not inside "
                f"{window_start:#x}..{window_end - 1:#x}",
                "correct the address, the stride or the window",
            )
            return False
        if decoded.module == Module.STORE:
            self._store(index, rows)
        elif self._given is not None and not self._given.holds(rows.start, rows.end):
            self._load(index, rows)
        return True

    def _window(self) -> tuple[int, int]:
        if self._map.window is None:
            return 0, _ANYWHERE
        base, size = self._map.window
        return base, base + size

    def _store(self, index: int, rows: Rows) -> None:
        if self._guard.meets(rows.start, rows.end):
            for region in self._kept:
                overlap = rows.overlap(Rows(region.start, region.end - region.start, 0, 1))
                if overlap:
                    self._add(
                        FindingKind.OVERLAP, index,
                        f"it overwrites {region.name} at {overlap[0]:#x}..{overlap[1] - 1:#x}",
                        "store elsewhere: this is still needed",
                    )
                    break
        if self._given is not None:
            self._cells(rows)[...] = True

    def _load(self, index: int, rows: Rows) -> None:
        assert self._given is not None
        if self._stores_start <= rows.start and rows.end <= self._stores_end:
            if self._cells(rows).all():
                return
            cells = self._cells(rows).all(1)
            row = int(np.argmin(cells))
        else:
            row = next(
                (n for n in range(rows.count) if not self._holds_row(rows, n)), -1,
            )
            if row < 0:
                return
        address = rows.start + row * rows.pitch
        self._add(
            FindingKind.UNWRITTEN, index,
            f"it loads a row of {rows.size} bytes at {address:#x}, which holds no constant, no "
            "input of the launch and nothing stored",
            "correct the address, or name the tensor among the launch's inputs",
        )

    def _holds_row(self, rows: Rows, number: int) -> bool:
        assert self._given is not None
        start = rows.start + number * rows.pitch
        end = start + rows.size
        if self._given.holds(start, end):
            return True
        if start < self._stores_start or end > self._stores_end:
            return False
        return bool(self._filled[self._cell(start) : self._cell(end)].all())

    def _cell(self, address: int) -> int:
        return (address - self._stores_start) // self._grain

    def _cells(self, rows: Rows) -> NDArray[np.bool_]:
        """Return the cells of rows inside the stored memory, bool [rows, cells] (a view)."""
        view: NDArray[np.bool_] = np.ndarray(
            (rows.count, rows.size // self._grain), bool, self._filled.data,
            self._cell(rows.start), (rows.pitch // self._grain, 1),
        )
        return view

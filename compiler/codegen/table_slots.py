"""Lookup tables on chip: those of a launch, the slots that hold them, and where each is loaded.

Compute loads a table itself, one entry a cycle, so it should do that while it waits for a layer's
first data: at the start of the layer, unless an earlier step of the layer uses the slot.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from ...driver.stream.stream import StreamBuilder
from ...isa.opcodes import LUT_TABLES
from .scratchpad_lru import LruBuffers

__all__ = ["TableBuilder", "TableLoad", "TableSlots"]


class TableBuilder(StreamBuilder, ABC):
    """A builder of streams that loads lookup tables where steps need them."""

    @abstractmethod
    def look_up(self, table: np.ndarray) -> int:
        """Return the slot of a table, int16 [256], which is on chip in the following step."""


@dataclass(frozen=True)
class TableLoad:
    """A load of ``table``, an index among a launch's, into ``slot`` before the rest of ``step``."""

    table: int
    slot: int
    step: int


class TableSlots:
    """The slots of a launch, the least recently used one replaced first; at first all are empty.

    Attributes
    ----------
    tables
        Every different table, int16 [256].
    """

    def __init__(self) -> None:
        self.tables: list[np.ndarray] = []
        self._known: dict[bytes, int] = {}
        self._buffers = LruBuffers(0, 1, LUT_TABLES)
        self._last_step = [-1] * LUT_TABLES  # that uses each slot

    def hold(self, table: np.ndarray, start: int, step: int) -> tuple[int, TableLoad | None]:
        """Return the slot that holds a table in a step, and its load if it is not on chip.

        Parameters
        ----------
        start
            The first step of the layer.
        step
            The step that uses the table; steps come in order.
        """
        key = self._known.setdefault(table.tobytes(), len(self.tables))
        if key == len(self.tables):
            self.tables.append(table)
        slot, load = self._buffers.find(key), None
        if slot is None:
            slot = self._buffers.take(key)
            free = self._last_step[slot.base] < start
            load = TableLoad(key, slot.base, start if free else step)
        self._last_step[slot.base] = step
        return slot.base, load

"""Scratchpad slots: what lies where."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

__all__ = ["Slot", "LruBuffers"]


@dataclass(eq=False)
class Slot:
    """A part of a scratchpad that holds ``key``; ``turn`` says when it was last used."""

    base: int
    key: Hashable = None
    turn: int = 0


class LruBuffers:
    """``count`` equal slots of ``size`` elements from ``base``; the one idle longest is reused."""

    def __init__(self, base: int, size: int, count: int = 2):
        self.slots = [Slot(base + index * size) for index in range(count)]
        self._turn = 0

    def find(self, key: Hashable) -> Slot | None:
        """Return the slot that holds ``key``, and count it as used now."""
        self._turn += 1
        for slot in self.slots:
            if slot.key == key:
                slot.turn = self._turn
                return slot
        return None

    def take(self, key: Hashable) -> Slot:
        """Give the slot idle longest to ``key``."""
        self._turn += 1
        slot = min(self.slots, key=lambda slot: slot.turn)
        slot.key, slot.turn = key, self._turn
        return slot

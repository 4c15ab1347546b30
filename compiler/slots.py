"""Scratchpad slots: what lies where, and which step must have ended before a slot is reused."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

__all__ = ["Slot", "SlotPool"]


@dataclass(eq=False)
class Slot:
    """A part of a scratchpad: ``filled`` wrote its contents, ``used`` last touched them."""

    base: int
    key: Hashable = None
    filled: int | None = None
    used: int | None = None
    turn: int = 0


class SlotPool:
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

    def take(self, key: Hashable) -> tuple[Slot, int | None]:
        """Give the slot idle longest to ``key``; return it and the step that last used it."""
        self._turn += 1
        slot = min(self.slots, key=lambda slot: slot.turn)
        before = slot.used
        slot.key, slot.turn, slot.filled, slot.used = key, self._turn, None, None
        return slot, before

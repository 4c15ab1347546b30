"""Slots of a scratchpad, the least recently used one replaced first."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

__all__ = ["Slot", "LruBuffers"]


@dataclass(eq=False)
class Slot:
    """A part of a scratchpad that holds ``key``; ``last_used`` counts accesses."""

    base: int
    key: Hashable = None
    last_used: int = 0


class LruBuffers:
    """``count`` equal slots of ``size`` elements from ``base``, the oldest replaced first."""

    def __init__(self, base: int, size: int, count: int = 2):
        self.slots = [Slot(base + index * size) for index in range(count)]
        self._clock = 0

    def find(self, key: Hashable) -> Slot | None:
        """Return the slot that holds ``key``, and count it as used now."""
        self._clock += 1
        for slot in self.slots:
            if slot.key == key:
                slot.last_used = self._clock
                return slot
        return None

    def take(self, key: Hashable) -> Slot:
        """Assign the least recently used slot to ``key``."""
        self._clock += 1
        slot = min(self.slots, key=lambda slot: slot.last_used)
        slot.key, slot.last_used = key, self._clock
        return slot

"""The cost of a schedule: cycles, and the memory traffic it takes them for."""

from __future__ import annotations

from dataclasses import dataclass

from ...isa.config import Config

__all__ = ["Cost"]

_CYCLES_PER_BEAT = 1 / 16  # for a beat of memory traffic that nothing waits for


@dataclass(frozen=True)
class Cost:
    """Cycles, and bytes moved between memory and scratchpads."""

    cycles: float
    moved: float

    def total(self, config: Config) -> float:
        """Return both as one number, in cycles: memory is shared, and traffic takes energy."""
        return self.cycles + _CYCLES_PER_BEAT * self.moved / config.bus_bytes

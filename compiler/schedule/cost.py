"""The cost of a schedule: cycles and memory traffic."""

from __future__ import annotations

from dataclasses import dataclass

from ...isa.config import Config

__all__ = ["Cost"]

_CYCLES_PER_BEAT = 1 / 16  # cost of a beat of memory traffic that delays nothing


@dataclass(frozen=True)
class Cost:
    """Cycles, and bytes moved between memory and scratchpads."""

    cycles: float
    moved: float

    def total(self, config: Config) -> float:
        """Return both as one number, in cycles: memory is shared, and traffic costs energy."""
        return self.cycles + _CYCLES_PER_BEAT * self.moved / config.bus_bytes

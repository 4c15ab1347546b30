"""Findings of the static checker: one value for each defect of a stream, with its fix."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

__all__ = ["AddFinding", "Finding", "FindingKind"]


class FindingKind(Enum):
    """Kinds of defect; the last three do not change a result and are warnings."""

    ILLEGAL = "illegal instruction"
    BOUNDS = "out of bounds"
    WINDOW = "outside the window"
    ALIGNMENT = "misaligned base pointer"
    MICRO_OPS = "unknown micro-ops"
    UNWRITTEN = "uninitialized read"
    RACE = "data race"
    OVERLAP = "store over live data"
    DEADLOCK = "deadlock"
    FINISH = "missing FINISH"
    TOKENS = "unbalanced tokens"
    UNREACHABLE = "never executed"
    PORTABLE = "not portable"


_WARNINGS = frozenset({FindingKind.TOKENS, FindingKind.UNREACHABLE, FindingKind.PORTABLE})


@dataclass(frozen=True)
class Finding:
    """One defect of a stream.

    Attributes
    ----------
    kind : FindingKind
    index : int
        Position in the stream of the instruction concerned.
    listing : str
        That instruction as the disassembler writes it; ``""`` if there is none.
    text : str
        The defect.
    fix : str
        A change that removes it.
    other : int or None
        RACE: position of the other instruction.
    """

    kind: FindingKind
    index: int
    listing: str
    text: str
    fix: str
    other: int | None = None

    @property
    def warning(self) -> bool:
        """Whether it leaves the launch's result unchanged: reported but not refused."""
        return self.kind in _WARNINGS

    def __str__(self) -> str:
        line = f" ({self.listing})" if self.listing else ""
        return f"{self.kind.value} at instruction {self.index}{line}: {self.text}; {self.fix}"


class AddFinding(Protocol):
    """Records a finding; False when there is no room for more."""

    def __call__(
        self, kind: FindingKind, index: int, text: str, fix: str, other: int | None = None
    ) -> bool: ...

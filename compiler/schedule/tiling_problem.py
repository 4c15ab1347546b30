"""Scheduling problems and tilings: the types that every kind of layer has of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

__all__ = ["MapTiling", "Problem", "Tiling"]


class Problem:
    """The base of scheduling problems.

    A problem is a frozen dataclass of whole numbers, truth values, words, and tuples or dataclasses
    of them: everything that decides which tilings of a layer fit.  Equal problems have the same
    tilings, and nearly the same costs; it is the key of a tuned schedule.

    Attributes
    ----------
    kind
        Its name in files (:mod:`.problem_kinds`).
    """

    kind: ClassVar[str]


class Tiling:
    """The base of tilings: frozen dataclasses of sizes, none of them below 1."""


@dataclass(frozen=True)
class MapTiling(Tiling):
    """The outputs computed at once: blocks of channels, rows and columns."""

    blocks: int
    oh: int
    ow: int

    @property
    def tiles(self) -> int:
        """Tiles of ACC that hold them."""
        return self.blocks * self.oh * self.ow

"""The scheduling problem of operators that copy pixels: Pad and Resize."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import ClassVar

from ...isa.config import Config
from ...isa.fields import MAX_ITERATIONS
from ...isa.opcodes import MemoryType
from .conv_problem import even_splits
from .tiling_problem import MapTiling, Problem

__all__ = ["CopyProblem"]

Pair = tuple[int, int]


@dataclass(frozen=True)
class CopyProblem(Problem):
    """Every pixel of a feature map repeated, in a border.

    Attributes
    ----------
    operator
        Name of the operator.
    size, out
        Rows and columns of the input and of the output.
    before
        Rows above and columns to the left of the first copy; negative ones crop.
    copies
        Copies of each pixel (y, x).
    filled
        Whether the border has a value other than zero.
    """

    kind: ClassVar[str] = "Copy"
    operator: str
    groups: int
    blocks: int
    size: Pair
    out: Pair
    before: Pair = (0, 0)
    copies: Pair = (1, 1)
    filled: bool = False

    def fits(self, tiling: MapTiling, config: Config) -> bool:
        """Return whether the buffers hold a tile, its inputs, and the micro-ops of its loops."""
        loops, inputs = [tiling.blocks], tiling.blocks
        for outputs, times in zip((tiling.oh, tiling.ow), self.copies, strict=True):
            loops += [max(1, outputs // times), min(outputs, times)]
            inputs *= loops[-2]
        written_out = prod(sorted(loops)[:-2])
        return (
            tiling.tiles <= min(config.depth(MemoryType.ACC) // 2, MAX_ITERATIONS)
            and inputs <= config.depth(MemoryType.INP) // 2
            and written_out <= config.depth(MemoryType.UOP) // 2
        )

    def tilings(self, config: Config) -> Iterator[MapTiling]:
        """Yield the tilings that fit, the largest first."""
        sizes = product(even_splits(self.blocks), self._lengths(0), self._lengths(1))
        fitting = [t for t in (MapTiling(*size) for size in sizes) if self.fits(t, config)]
        yield from sorted(fitting, key=lambda t: (t.tiles, t.ow, t.oh), reverse=True)

    def _lengths(self, axis: int) -> list[int]:
        """Return rows or columns of tiles: copies of whole inputs, or a part of those of one."""
        copies = self.copies[axis]
        if copies == 1:
            return even_splits(self.out[axis])
        return [
            *(copies * size for size in even_splits(self.size[axis])), *even_splits(copies)[1:]]

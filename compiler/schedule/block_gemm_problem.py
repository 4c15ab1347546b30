"""The scheduling problem of block GEMMs: sums of input blocks times small matrices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import ClassVar

from ...isa.config import Config
from ...isa.fields import MAX_ITERATIONS
from ...isa.opcodes import MemoryType
from .conv_problem import even_splits, parameter_tiles
from .tiling_problem import Problem, Tiling

__all__ = ["BlockGemmProblem", "BlockGemmTiling", "RunRows", "RunShape"]


@dataclass(frozen=True)
class RunShape:
    """Neighbouring output blocks with the same pattern of terms.

    Attributes
    ----------
    own_weights
        Whether each block has different weights.
    whole
        Whether the blocks are the whole output, and every input has the same number of blocks.
    """

    blocks: int
    terms: int
    own_weights: bool
    whole: bool


@dataclass(frozen=True)
class RunRows:
    """A run as rows of neighbouring tiles: ``groups`` times ``count`` rows of ``tiles``."""

    groups: int
    count: int
    tiles: int

    def cut(self, tiling: BlockGemmTiling) -> tuple[int, int]:
        """Return the number of rows computed at once, and of tiles of each."""
        if self.tiles > tiling.tiles:
            return 1, tiling.tiles
        return min(self.count, tiling.tiles // self.tiles, tiling.blocks), self.tiles


@dataclass(frozen=True)
class BlockGemmTiling(Tiling):
    """The parts that are computed at once.

    Attributes
    ----------
    tiles
        Output tiles.
    terms
        Terms of their sums.
    blocks
        Maximum number of output blocks with different weights or parameters.
    """

    tiles: int
    terms: int
    blocks: int


@dataclass(frozen=True)
class BlockGemmProblem(Problem):
    """Runs of output blocks, each a sum of terms.

    Attributes
    ----------
    operator
        Name of the operator.
    groups, blocks, pixels
        Of the output.
    requantized, per_channel
        Whether sums are requantized, and whether with parameters for each channel.
    accumulators
        Sums that an output tile needs.
    """

    kind: ClassVar[str] = "BlockGemm"
    operator: str
    groups: int
    blocks: int
    pixels: int
    runs: tuple[RunShape, ...]
    requantized: bool = False
    per_channel: bool = False
    accumulators: int = 1

    def parameters(self, tiling: BlockGemmTiling, config: Config) -> int:
        """Return the tiles of ACC that hold parameters."""
        if not self.requantized:
            return 0
        return parameter_tiles(config) * (tiling.blocks if self.per_channel else 1)

    def rows(self, run: RunShape) -> RunRows:
        """Return the rows of a run.

        Blocks with the same weights and parameters are one row, and so are the groups of images
        if they are contiguous in memory.
        """
        if run.own_weights or self.per_channel:
            return RunRows(self.groups, run.blocks, self.pixels)
        if run.whole:
            return RunRows(1, 1, self.groups * run.blocks * self.pixels)
        return RunRows(self.groups, 1, run.blocks * self.pixels)

    def fits(self, tiling: BlockGemmTiling, config: Config) -> bool:
        """Return whether the buffers hold two of each: one is filled while the other is used."""
        t, kept = tiling, self.parameters(tiling, config)
        return (
            t.tiles <= MAX_ITERATIONS
            and t.tiles * t.terms <= config.depth(MemoryType.INP) // 2
            and t.blocks * t.terms <= config.depth(MemoryType.WGT) // 2
            and kept + 2 * self.accumulators * t.tiles <= config.depth(MemoryType.ACC)
        )

    def tilings(self, config: Config) -> Iterator[BlockGemmTiling]:
        """Yield the tilings that fit: the largest that the buffers hold, then even parts."""
        largest = self._largest(config)
        yield largest
        longest = max(rows.count * rows.tiles for rows in map(self.rows, self.runs))
        for terms, blocks, tiles in product(
            even_splits(largest.terms), even_splits(largest.blocks), even_splits(longest),
        ):
            tiling = BlockGemmTiling(tiles, terms, blocks)
            if tiling != largest and self.fits(tiling, config):
                yield tiling

    def _largest(self, config: Config) -> BlockGemmTiling:
        inp, wgt = config.depth(MemoryType.INP) // 2, config.depth(MemoryType.WGT) // 2
        terms = min(max(run.terms for run in self.runs), inp, wgt)
        apart = max(rows.count for rows in map(self.rows, self.runs))
        blocks = min(apart, wgt // terms)
        if self.per_channel:  # a quarter of ACC for parameters
            held = max(1, config.depth(MemoryType.ACC) // (4 * parameter_tiles(config)))
            blocks = min(self.blocks, held, wgt // terms)
        kept = self.parameters(BlockGemmTiling(1, terms, blocks), config)
        acc = (config.depth(MemoryType.ACC) - kept) // (2 * self.accumulators)
        return BlockGemmTiling(min(inp // terms, acc, MAX_ITERATIONS), terms, blocks)

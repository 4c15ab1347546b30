"""The scheduling problems of MaxPool, AveragePool and GlobalAveragePool, and their tilings.

Half of INP holds the inputs of a tile and half of ACC its outputs, so that the next tile's are
loaded while this one's are computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import ClassVar

from ...isa.config import Config
from ...isa.fields import MAX_ITERATIONS
from ...isa.opcodes import MemoryType
from .conv_problem import ConvShape, even_splits, mean_tiles
from .tiling_problem import MapTiling, Problem, Tiling

__all__ = [
    "AveragePoolProblem", "AverageTiling", "GlobalAverageProblem", "GlobalTiling", "MaxPoolProblem",
    "WindowProblem",
]

Pair = tuple[int, int]


@dataclass(frozen=True)
class WindowProblem(Problem):
    """Windows over a feature map of ``blocks`` channel blocks; pairs (y, x).

    ``before``: padding above and to the left.
    """

    groups: int
    blocks: int
    size: Pair
    out: Pair
    kernel: Pair
    strides: Pair
    dilations: Pair
    before: Pair


class MaxPoolProblem(WindowProblem):
    """ACC holds a copy of the inputs besides the outputs."""

    kind: ClassVar[str] = "MaxPool"

    def fits(self, tiling: MapTiling, config: Config) -> bool:
        """Return whether the buffers hold a tile."""
        area = tiling.blocks
        for axis, outputs in enumerate((tiling.oh, tiling.ow)):
            taps = self.dilations[axis] * (self.kernel[axis] - 1) + 1
            area *= (outputs - 1) * self.strides[axis] + taps
        return (
            area <= min(config.depth(MemoryType.INP) // 2, MAX_ITERATIONS)
            and area + tiling.tiles <= config.depth(MemoryType.ACC) // 2
        )

    def tilings(self, config: Config) -> Iterator[MapTiling]:
        """Yield the tilings that fit, the largest first."""
        sizes = product(*map(even_splits, (self.blocks, *self.out)))
        fitting = [t for t in (MapTiling(*size) for size in sizes) if self.fits(t, config)]
        yield from sorted(fitting, key=lambda t: (t.tiles, t.ow, t.oh), reverse=True)


@dataclass(frozen=True)
class AverageTiling(MapTiling):
    """The outputs computed at once, and the rows and columns of taps that are summed at once."""

    kh: int
    kw: int


class AveragePoolProblem(WindowProblem):
    """Sums of taps, requantized."""

    kind: ClassVar[str] = "AveragePool"

    @property
    def shape(self) -> ConvShape:
        """The convolution with the same windows."""
        return ConvShape(
            groups=self.groups, ci=self.blocks, co=self.blocks, size=self.size, out=self.out,
            kernel=self.kernel, strides=self.strides, dilations=self.dilations, before=self.before,
        )

    def fits(self, tiling: AverageTiling, config: Config) -> bool:
        """Return whether the buffers hold a tile, and its micro-ops."""
        t, shape = tiling, self.shape
        area = shape.reach(0, t.oh, t.kh) * shape.reach(1, t.ow, t.kw)
        loops = sorted((t.blocks, t.oh, t.ow, t.kh, t.kw))
        return (
            t.blocks * area <= min(config.depth(MemoryType.INP) // 2, MAX_ITERATIONS)
            and t.tiles <= mean_tiles(config)
            and 2 * loops[0] * loops[1] * loops[2] <= config.depth(MemoryType.UOP) // 2
        )

    def tilings(self, config: Config) -> Iterator[AverageTiling]:
        """Yield the tilings that fit: the most taps first, then the most outputs."""
        for kh, kw in product(*map(even_splits, self.kernel)):
            sizes = product(*map(even_splits, (self.blocks, *self.out)))
            listed = (AverageTiling(blocks, oh, ow, kh, kw) for blocks, oh, ow in sizes)
            fitting = [t for t in listed if self.fits(t, config)]
            yield from sorted(fitting, key=lambda t: (t.tiles, t.ow, t.oh), reverse=True)


@dataclass(frozen=True)
class GlobalTiling(Tiling):
    """The channel blocks whose pixels are summed at once, and how many pixels of each."""

    blocks: int
    pixels: int


@dataclass(frozen=True)
class GlobalAverageProblem(Problem):
    """The sums of all ``pixels`` of each of ``blocks``: those of all groups of images."""

    kind: ClassVar[str] = "GlobalAveragePool"
    blocks: int
    pixels: int

    def fits(self, tiling: GlobalTiling, config: Config) -> bool:
        """Return whether the buffers hold the pixels and the sums."""
        return (
            tiling.blocks * tiling.pixels <= config.depth(MemoryType.INP) // 2
            and tiling.blocks <= min(mean_tiles(config), MAX_ITERATIONS)
            and tiling.pixels <= MAX_ITERATIONS
        )

    def tilings(self, config: Config) -> Iterator[GlobalTiling]:
        """Yield the tilings that fit: as much as the buffers hold, then even parts."""
        room = config.depth(MemoryType.INP) // 2
        largest = GlobalTiling(
            max(1, min(self.blocks, room // self.pixels, mean_tiles(config), MAX_ITERATIONS)),
            min(self.pixels, room, MAX_ITERATIONS))
        yield largest
        for pixels, blocks in product(even_splits(self.pixels), even_splits(self.blocks)):
            tiling = GlobalTiling(blocks, pixels)
            if tiling != largest and self.fits(tiling, config):
                yield tiling

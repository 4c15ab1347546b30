"""The parts a convolution is computed in: tiles of outputs, chunks of their sums."""

from __future__ import annotations

from dataclasses import dataclass

from .schedule import ConvShape

__all__ = ["Chunk", "Part", "Tile", "extent", "parts_of"]


@dataclass(frozen=True)
class Part:
    """A range along one dimension."""

    start: int
    count: int


def parts_of(total: int, size: int) -> list[Part]:
    """Cut a dimension into parts of ``size``, the last one what is left."""
    return [Part(start, min(size, total - start)) for start in range(0, total, size)]


@dataclass(frozen=True)
class Chunk:
    """A part of the sum: input blocks, window rows, window columns."""

    ci: Part
    kh: Part
    kw: Part

    @property
    def first(self) -> bool:
        """Whether it is the first part of every sum."""
        return self.ci.start == self.kh.start == self.kw.start == 0


@dataclass(frozen=True)
class Tile:
    """A part of the output of one group of images: channel blocks, rows, columns."""

    group: int
    co: Part
    oh: Part
    ow: Part

    @property
    def pixels(self) -> int:
        """Pixels of one block."""
        return self.oh.count * self.ow.count


def extent(shape: ConvShape, axis: int, outputs: Part, taps: Part) -> tuple[int, int, int, int]:
    """Return (first input inside, inputs inside, padding before, inputs and padding)."""
    start = (outputs.start * shape.strides[axis] + taps.start * shape.dilations[axis]
             - shape.before[axis])
    total = shape.reach(axis, outputs.count, taps.count)
    first, end = max(start, 0), min(start + total, shape.size[axis])
    return first, max(end - first, 0), min(max(-start, 0), total), total

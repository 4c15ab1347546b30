"""The parts a convolution is computed in: tiles of outputs, chunks of their sums."""

from __future__ import annotations

from dataclasses import dataclass

from .schedule import ConvShape

__all__ = ["Chunk", "Extent", "Part", "Tile", "extent", "parts_of"]


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


@dataclass(frozen=True)
class Extent:
    """Inputs along one axis that a range of outputs needs, and how they lie on chip."""

    first: int  # first input inside
    inside: int  # how many are inside
    before: int  # padding ahead of them
    total: int  # with all padding
    step: int  # from one to the next in DRAM
    move: int  # from one output's to the next output's, on chip

    @property
    def after(self) -> int:
        """Padding behind them."""
        return self.total - self.before - self.inside


def extent(shape: ConvShape, axis: int, outputs: Part, taps: Part) -> Extent:
    """Return which inputs ``outputs`` need for the given taps."""
    stride, size = shape.strides[axis], shape.size[axis]
    start = outputs.start * stride + taps.start * shape.dilations[axis] - shape.before[axis]
    total = shape.reach(axis, outputs.count, taps.count)
    step, move = (stride, 1) if shape.skips(axis, taps.count) else (1, stride)
    inside = [index for index in range(total) if 0 <= start + index * step < size]
    if not inside:
        return Extent(0, 0, 0, total, step, move)
    return Extent(start + inside[0] * step, len(inside), inside[0], total, step, move)

"""The parts a convolution is computed in: tiles of outputs, chunks of their sums."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import gcd

from .schedule import ConvShape

__all__ = ["Chunk", "Extent", "Part", "Phase", "Tile", "extent", "inputs_of", "parts_of", "phases"]


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

    @property
    def products(self) -> int:
        """Products of every sum, weight tiles of a block of channels."""
        return self.ci.count * self.kh.count * self.kw.count


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

    def cut(self, part: Part) -> Tile:
        """Return some of its channel blocks, counted from its first."""
        return Tile(self.group, Part(self.co.start + part.start, part.count), self.oh, self.ow)


@dataclass(frozen=True)
class Extent:
    """Inputs along one axis that a range of outputs needs, and how they lie on chip."""

    first: int  # first input inside
    inside: int  # how many are inside
    before: int  # padding ahead of them
    total: int  # with all padding
    step: int  # from one to the next in DRAM

    @property
    def after(self) -> int:
        """Padding behind them."""
        return self.total - self.before - self.inside


@dataclass(frozen=True)
class Phase:
    """Outputs of a tile along one axis that meet the same taps, evenly spaced, and those taps.

    Output ``first + i * step`` of the tile meets tap ``tap + j * tap_step`` of the chunk at the
    input that lies at ``source + i * move + j * tap_move`` of the extent.
    """

    first: int
    count: int
    step: int
    tap: int
    taps: int
    tap_step: int
    source: int
    move: int
    tap_move: int


@lru_cache(maxsize=4096)
def extent(shape: ConvShape, axis: int, outputs: Part, taps: Part) -> Extent:
    """Return which inputs ``outputs`` need for the given taps."""
    size = shape.size[axis]
    start = -(-_start(shape, axis, outputs, taps) // shape.up[axis])
    total = shape.reach(axis, outputs.count, taps.count)
    step = shape.strides[axis] if shape.skips(axis, taps.count) else 1
    inside = [index for index in range(total) if 0 <= start + index * step < size]
    if not inside:
        return Extent(0, 0, 0, total, step)
    return Extent(start + inside[0] * step, len(inside), inside[0], total, step)


@lru_cache(maxsize=4096)
def phases(shape: ConvShape, axis: int, outputs: Part, taps: Part) -> tuple[Phase, ...]:
    """Return the phases of a tile: one, or ``up`` where inputs lie apart; some have no taps."""
    stride, dilation, up = shape.strides[axis], shape.dilations[axis], shape.up[axis]
    start = _start(shape, axis, outputs, taps)
    base = -(-start // up)
    move = 1 if shape.skips(axis, taps.count) else stride * up // gcd(stride, up) // up
    every, tap_every = up // gcd(stride, up), up // gcd(dilation, up)
    found = []
    for first in range(min(every, outputs.count)):
        at = start + first * stride
        tap = next((k for k in range(tap_every) if (at + k * dilation) % up == 0), taps.count)
        found.append(Phase(
            first, -(-(outputs.count - first) // every), every, tap,
            max(0, -(-(taps.count - tap) // tap_every)), tap_every,
            (at + tap * dilation) // up - base, move, tap_every * dilation // up,
        ))
    return tuple(found)


def inputs_of(shape: ConvShape, tile: Tile, chunk: Chunk) -> Part:
    """Return the input blocks a tile needs for a chunk of its sums."""
    if not shape.leads:
        return chunk.ci
    first, last = shape.leads[tile.co.start], shape.leads[tile.co.start + tile.co.count - 1]
    return Part(first + chunk.ci.start, last - first + chunk.ci.count)


def _start(shape: ConvShape, axis: int, outputs: Part, taps: Part) -> int:
    """Return where the first tap of the first output lies, in the spread input."""
    return (outputs.start * shape.strides[axis] + taps.start * shape.dilations[axis]
            - shape.before[axis])

"""The parts of a convolution: tiles of outputs, chunks of their sums."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from math import gcd

from .conv_problem import ConvShape

__all__ = [
    "Extent", "Layout", "OutputTile", "Phase", "Range", "ReductionChunk", "extent", "inputs_of",
    "phases", "ranges_of", "split", "tile_of",
]


@dataclass(frozen=True)
class Range:
    """A range along one dimension."""

    start: int
    count: int


def ranges_of(total: int, size: int) -> list[Range]:
    """Divide a dimension into parts of ``size``, the last one the remainder."""
    return [Range(start, min(size, total - start)) for start in range(0, total, size)]


@dataclass(frozen=True)
class ReductionChunk:
    """A part of the sum: input blocks, window rows, window columns."""

    ci: Range
    kh: Range
    kw: Range

    @property
    def first(self) -> bool:
        """Whether it is the first part of every sum."""
        return self.ci.start == self.kh.start == self.kw.start == 0


@dataclass(frozen=True)
class Layout:
    """The layout of the outputs of one block of channels in ACC.

    All outputs that the windows cover have a place, also those outside; the first inside is at
    ``first``.  Outputs ``strides`` apart are neighbours, phase by phase: the inputs of one tap
    in all windows form one box, and the pooled values another.
    """

    rows: int
    columns: int
    strides: tuple[int, int] = (1, 1)
    first: tuple[int, int] = (0, 0)

    @property
    def size(self) -> int:
        """Tiles of a block."""
        return self.rows * self.columns

    def width(self, column: int) -> int:
        """Return the number of columns of a column's phase: the distance of its rows."""
        return -(-(self.columns - column % self.strides[1]) // self.strides[1])

    def at(self, row: int, column: int) -> int:
        """Return the place of an output, counted from the first that windows cover."""
        (sy, sx), (down, y), (right, x) = (
            self.strides, divmod(row, self.strides[0]), divmod(column, self.strides[1]))
        above = sum(-(-(self.rows - phase) // sy) for phase in range(y))
        left = sum(-(-(self.columns - phase) // sx) for phase in range(x))
        tall = -(-(self.rows - y) // sy)
        return above * self.columns + tall * left + down * self.width(column) + right


@dataclass(frozen=True)
class OutputTile:
    """A part of the output of one group of images: channel blocks, rows, columns.

    ``rows`` and ``columns`` are the stored part.
    """

    group: int
    co: Range
    oh: Range
    ow: Range
    rows: Range
    columns: Range
    layout: Layout

    @property
    def pixels(self) -> int:
        """Tiles of one block in ACC."""
        return self.layout.size

    def cut(self, part: Range) -> OutputTile:
        """Return some of its channel blocks, counted from its first."""
        return replace(self, co=Range(self.co.start + part.start, part.count))


@dataclass(frozen=True)
class Extent:
    """Inputs along one axis that a range of outputs needs, and their layout on chip."""

    first: int  # first input inside
    inside: int  # number of inputs inside
    before: int  # padding before them
    total: int  # with all padding
    step: int  # stride in DRAM

    @property
    def after(self) -> int:
        """Padding after them."""
        return self.total - self.before - self.inside


@dataclass(frozen=True)
class Phase:
    """Evenly spaced outputs of a tile along one axis that have the same taps, and those taps.

    Output ``first + i * step`` of the tile reads with tap ``tap + j * tap_step`` of the chunk the
    input at ``source + i * move + j * tap_move`` of the extent.
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
def extent(shape: ConvShape, axis: int, outputs: Range, taps: Range) -> Extent:
    """Return the inputs that ``outputs`` need for ``taps``."""
    size = shape.size[axis]
    start = -(-_start(shape, axis, outputs, taps) // shape.up[axis])
    total = shape.reach(axis, outputs.count, taps.count)
    step = shape.strides[axis] if shape.skips(axis, taps.count) else 1
    inside = [index for index in range(total) if 0 <= start + index * step < size]
    if not inside:
        return Extent(0, 0, 0, total, step)
    return Extent(start + inside[0] * step, len(inside), inside[0], total, step)


@lru_cache(maxsize=4096)
def phases(shape: ConvShape, axis: int, outputs: Range, taps: Range) -> tuple[Phase, ...]:
    """Return the phases of a tile: one, or ``up`` for upsampled inputs; some have no taps."""
    stride, dilation, up = shape.strides[axis], shape.dilations[axis], shape.up[axis]
    start = _start(shape, axis, outputs, taps)
    base = -(-start // up)
    move = 1 if shape.skips(axis, taps.count) else stride * up // gcd(stride, up) // up
    every, tap_every = up // gcd(stride, up), up // gcd(dilation, up)
    result = []
    for first in range(min(every, outputs.count)):
        at = start + first * stride
        tap = next((k for k in range(tap_every) if (at + k * dilation) % up == 0), taps.count)
        result.append(Phase(
            first, -(-(outputs.count - first) // every), every, tap,
            max(0, -(-(taps.count - tap) // tap_every)), tap_every,
            (at + tap * dilation) // up - base, move, tap_every * dilation // up,
        ))
    return tuple(result)


def split(tile_phases: tuple[Phase, ...], step: int) -> list[Phase]:
    """Return the phases divided into ones whose outputs are multiples of ``step`` apart."""
    if step == 1:
        return list(tile_phases)
    return [
        replace(
            phase, first=phase.first + index * phase.step, count=-(-(phase.count - index) // every),
            step=phase.step * every, source=phase.source + index * phase.move,
            move=phase.move * every,
        )
        for phase in tile_phases
        for every in (step // gcd(phase.step, step),)
        for index in range(min(every, phase.count))
    ]


def tile_of(shape: ConvShape, group: int, co: Range, rows: Range, columns: Range) -> OutputTile:
    """Return the tile that produces the stored rows and columns."""
    if shape.epilogue is None:
        layout = Layout(rows.count, columns.count)
        return OutputTile(group, co, rows, columns, rows, columns, layout)
    inside, spans, firsts = [], [], []
    for axis, stored in enumerate((rows, columns)):
        begin = stored.start * shape.epilogue.strides[axis] - shape.epilogue.before[axis]
        spans.append(shape.span(axis, stored.count))
        start, end = max(begin, 0), min(begin + spans[-1], shape.out[axis])
        inside.append(Range(start, end - start))
        firsts.append(start - begin)
    layout = Layout(spans[0], spans[1], shape.epilogue.strides, (firsts[0], firsts[1]))
    return OutputTile(group, co, inside[0], inside[1], rows, columns, layout)


def inputs_of(shape: ConvShape, tile: OutputTile, chunk: ReductionChunk) -> Range:
    """Return the input blocks a tile needs for a chunk of its sums."""
    if not shape.leads:
        return chunk.ci
    first, last = shape.leads[tile.co.start], shape.leads[tile.co.start + tile.co.count - 1]
    return Range(first + chunk.ci.start, last - first + chunk.ci.count)


def _start(shape: ConvShape, axis: int, outputs: Range, taps: Range) -> int:
    """Return the position of the first output's first tap in the upsampled input."""
    return (outputs.start * shape.strides[axis] + taps.start * shape.dilations[axis]
            - shape.before[axis])

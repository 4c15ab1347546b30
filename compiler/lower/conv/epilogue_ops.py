"""Operations on the outputs of a convolution in the accumulator, as ALU steps on its tiles."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from ....driver.stream.stream import StreamBuilder
from ....isa.opcodes import AluOpcode
from ...codegen.loop_nest import Loop, LoopNest, nest
from ...codegen.tile_ops import clamp_tiles, multiply_tiles, requantize_tiles, reset_tiles
from ...ir.fixed_point import Requant
from ...schedule.conv_problem import EpilogueSpec
from ...schedule.conv_tiles import OutputTile

__all__ = ["Field", "clamp_field", "gather", "result", "scale"]


@dataclass(frozen=True)
class Field:
    """Tiles of ACC: ``blocks`` runs of ``run`` neighbours, ``apart`` from start to start."""

    base: int
    blocks: int
    run: int
    apart: int

    @property
    def tiles(self) -> int:
        """How many."""
        return self.blocks * self.run


def result(spec: EpilogueSpec | None, tile: OutputTile, base: int) -> tuple[Field, int]:
    """Return the field of a tile's pooled values, and the distance from row to row in it.

    Tiles between the rows may hold intermediate values.
    """
    row, column = (0, 0) if spec is None else (tap for tap, _ in _kept_taps(spec, tile))
    width = tile.layout.width(column)
    run = (tile.rows.count - 1) * width + tile.columns.count
    return Field(base + tile.layout.at(row, column), tile.co.count, run, tile.pixels), width


def _kept_taps(spec: EpilogueSpec, tile: OutputTile) -> list[tuple[int, bool]]:
    """Return, for each axis, the tap whose place a window's value takes, and whether alone.

    Alone: no other window of the tile reads that tap.
    """
    taps = []
    for stored, kernel, stride in zip(
        (tile.rows, tile.columns), spec.kernel, spec.strides, strict=True
    ):
        apart = kernel <= 2 * stride - 1
        taps.append((max(0, kernel - stride) if apart else 0, apart or stored.count == 1))
    return taps


def gather(
    builder: StreamBuilder, opcode: AluOpcode, spec: EpilogueSpec, tile: OutputTile, base: int
) -> None:
    """Emit the maximum or sum of every window of a tile, into where :func:`result` says."""
    _fill_outside(builder, tile, base)
    layout, (high, wide) = tile.layout, spec.kernel
    (row, alone_down), (column, alone_along) = _kept_taps(spec, tile)
    channels = Loop(tile.co.count, layout.size, layout.size)
    if layout.size == high * wide and layout.strides == (1, 1):  # one window of everything
        _fold(builder, opcode, base, layout.size, channels)
        return

    def meet(
        y: int, x: int, taps: list[tuple[int, int]], columns: int, alone: bool
    ) -> None:
        """Emit some taps, those of a phase of columns at a time, into the place of one."""
        into, width = base + layout.at(y, x), layout.width(x)
        for phase in range(layout.strides[1]):
            places = [base + layout.at(*tap) for tap in taps if tap[1] % layout.strides[1] == phase]
            loops = [
                channels, Loop(tile.rows.count, width, layout.width(phase)), Loop(columns, 1, 1)]
            _meet(builder, opcode, into, places, loops, alone)

    if not spec.by_axis:
        taps = [tap for tap in product(range(high), range(wide)) if tap != (row, column)]
        meet(row, column, taps, tile.columns.count, alone_down and alone_along)
        return
    for phase in range(min(layout.strides[1], layout.columns)):
        down = [(y, phase) for y in range(high) if y != row]
        meet(row, phase, down, layout.width(phase), alone_down)
    along = [(row, x) for x in range(wide) if x != column]
    meet(row, column, along, tile.columns.count, alone_along)


def _fold(
    builder: StreamBuilder, opcode: AluOpcode, base: int, tiles: int, channels: Loop
) -> None:
    """Emit the maximum or sum of neighbouring tiles into the first: halves onto halves.

    An ALU step waits for the one that writes its tile, so one after another they would all wait.
    """
    while tiles > 1:
        half = tiles // 2
        tiles -= half
        nest((base, base + tiles, 0), [channels, Loop(half, 1, 1)]).alu(builder, opcode)


def _meet(
    builder: StreamBuilder, opcode: AluOpcode, into: int, places: list[int], loops: list[Loop],
    alone: bool,
) -> None:
    """Emit the values at ``places`` into those at ``into``, tap by tap.

    Unless these are alone, value by value in ascending order: no later one reads an overwritten
    value.
    """
    if alone or len(places) == 1:
        for place in places:
            nest((into, place, 0), loops).alu(builder, opcode)
    elif places:
        steps = nest((into, 0, 0), loops)
        each = np.array([[0, place, 0] for place in places])
        uops = (steps.uops[:, None, :] + each[None, :, :]).reshape(-1, 3)
        LoopNest(uops, steps.outer, steps.inner).alu(builder, opcode)


def _fill_outside(builder: StreamBuilder, tile: OutputTile, base: int) -> None:
    """Write the minimum value where windows reach outside the outputs."""
    layout, blocks = tile.layout, tile.co.count
    (top, left), (sy, sx) = layout.first, layout.strides
    lines = [
        (layout.at(row, phase), layout.width(phase), 1)
        for row in range(layout.rows) if not top <= row < top + tile.oh.count
        for phase in range(min(sx, layout.columns))
    ]
    lines += [
        (layout.at(phase, column), -(-(layout.rows - phase) // sy), layout.width(column))
        for column in range(layout.columns) if not left <= column < left + tile.ow.count
        for phase in range(min(sy, layout.rows))
    ]
    minimum = -(1 << 15)  # an immediate's
    for at, count, step in lines:
        loops = [Loop(blocks, layout.size, layout.size), Loop(count, step, step)]
        padding = nest((base + at, base + at, 0), loops)
        reset_tiles(builder, base + at, loops)
        padding.alu(builder, AluOpcode.MIN, minimum)
        padding.alu(builder, AluOpcode.SHR, 16 - builder.config.acc_width)


def clamp_field(builder: StreamBuilder, lower: int, upper: int, field: Field) -> None:
    """Emit ``min(max(x, lower), upper)`` on every value."""
    clamp_tiles(builder, lower, upper, field.base, field.run, field.blocks, field.apart)


def scale(
    builder: StreamBuilder, factor: int, rule: Requant, field: Field, scratch: int, table: int
) -> None:
    """Emit the product of sums with a factor, requantized; scratch tiles and parameters in ACC."""
    multiply_tiles(builder, factor, field.base, scratch, [
        Loop(field.blocks, field.apart, field.run), Loop(field.run, 1, 1)])
    requantize_tiles(builder, rule, field.base, field.blocks, field.run, table, 0, field.apart)

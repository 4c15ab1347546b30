"""What is done to the outputs of a convolution in the accumulator, as ALU steps on tiles there."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from ..driver.stream import StreamBuilder
from ..isa.opcodes import AluOpcode
from .arithmetic import Requant, limits
from .conv_tiles import Tile
from .emit import bound_tiles, every_tile, requantize_tiles, reset_tiles
from .loops import Loop, Nest, nest
from .quantized import QuantizedNode
from .schedule import After

__all__ = ["Field", "bounds_of", "gather", "leaky", "quick_leaky", "result", "scale", "within"]


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


def result(after: After | None, tile: Tile, base: int) -> tuple[Field, int]:
    """Return where the windows of a tile leave their values, and from row to row there.

    Between the rows may lie tiles that mean nothing.
    """
    row, column = (0, 0) if after is None else _lone_tap(after, tile) or (0, 0)
    width = tile.layout.width(column)
    run = (tile.rows.count - 1) * width + tile.columns.count
    return Field(base + tile.layout.at(row, column), tile.co.count, run, tile.pixels), width


def _lone_tap(after: After, tile: Tile) -> tuple[int, int] | None:
    """Return a tap whose outputs no other window of a tile meets, None if there is none."""
    found = []
    for stored, kernel, stride in zip(
        (tile.rows, tile.columns), after.kernel, after.strides, strict=True
    ):
        if kernel <= 2 * stride - 1:
            found.append(max(0, kernel - stride))
        elif stored.count == 1:
            found.append(0)
        else:
            return None
    return found[0], found[1]


def gather(
    builder: StreamBuilder, opcode: AluOpcode, after: After, tile: Tile, base: int
) -> None:
    """Emit the maximum or sum of every window of a tile, into where :func:`result` says.

    Where windows overlap so that each output is met by several, they are made one by one in the
    order in which they lie: what is overwritten is in no later window.
    """
    _fill_outside(builder, tile, base)
    layout, blocks = tile.layout, tile.co.count
    alone = _lone_tap(after, tile)
    row, column = alone or (0, 0)
    into, width = base + layout.at(row, column), layout.width(column)
    channels = Loop(blocks, layout.size, layout.size)
    taps = [tap for tap in product(*map(range, after.kernel)) if tap != (row, column)]
    if not taps:
        return
    if layout.size == len(taps) + 1 and layout.strides == (1, 1):  # one window of everything
        nest((into, into + 1, 0), [Loop(len(taps), 0, 1), channels]).alu(builder, opcode)
        return
    if alone is not None:
        down = [y for y in range(after.kernel[0]) if y != row]
        if after.by_axis:
            for phase, y in product(range(min(layout.strides[1], layout.columns)), down):
                wide = layout.width(phase)
                places = base + layout.at(row, phase), base + layout.at(y, phase), 0
                nest(places, [
                    channels, Loop(tile.rows.count, wide, wide), Loop(wide, 1, 1),
                ]).alu(builder, opcode)
            taps = [(row, x) for x in range(after.kernel[1]) if x != column]
        for y, x in taps:
            nest((into, base + layout.at(y, x), 0), [
                channels, Loop(tile.rows.count, width, layout.width(x)),
                Loop(tile.columns.count, 1, 1),
            ]).alu(builder, opcode)
        return
    for phase in range(layout.strides[1]):  # taps in columns of like width
        mine = [tap for tap in taps if tap[1] % layout.strides[1] == phase]
        if not mine:
            continue
        found = nest((into, 0, 0), [
            channels, Loop(tile.rows.count, width, layout.width(phase)),
            Loop(tile.columns.count, 1, 1),
        ])
        places = np.array([[0, base + layout.at(y, x), 0] for y, x in mine])
        uops = (found.uops[:, None, :] + places[None, :, :]).reshape(-1, 3)
        Nest(uops, found.outer, found.inner).alu(builder, opcode)


def _fill_outside(builder: StreamBuilder, tile: Tile, base: int) -> None:
    """Put the least number where windows cover what is outside."""
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
    least = -(1 << 15)  # an immediate's
    for at, count, step in lines:
        loops = [Loop(blocks, layout.size, layout.size), Loop(count, step, step)]
        found = nest((base + at, base + at, 0), loops)
        reset_tiles(builder, base + at, loops)
        found.alu(builder, AluOpcode.MIN, least)
        found.alu(builder, AluOpcode.SHR, 16 - builder.config.acc_width)


def leaky(
    builder: StreamBuilder, node: QuantizedNode, field: Field, beside: int, table: int
) -> None:
    """Emit a LeakyRelu; as many tiles from ``beside`` on hold a copy, its parameters ``table``."""
    rule, config = node.requant, builder.config
    assert rule is not None
    blocks = Loop(field.blocks, field.run, field.apart)
    copy = nest((beside, field.base, 0), [blocks, Loop(field.run, 1, 1)])
    back = nest((field.base, beside, 0), [
        Loop(field.blocks, field.apart, field.run), Loop(field.run, 1, 1)])
    reset_tiles(builder, beside, [Loop(field.tiles, 1)])
    copy.alu(builder, AluOpcode.ADD)
    if quick_leaky(node, config.out_width):
        requantize_tiles(builder, rule, beside, 1, field.tiles, table, 0)
        back.alu(builder, AluOpcode.MAX)
        return
    if node.attrs["slope"]:
        every_tile(builder, AluOpcode.SHR, -node.attrs["slope"], field.base, field.run,
                   field.blocks, field.apart)
    back.alu(builder, AluOpcode.MAX)
    requantize_tiles(
        builder, rule, field.base, field.blocks, field.run, table, 0, field.apart)


def quick_leaky(node: QuantizedNode, width: int) -> bool:
    """Return whether positive values stay as they are: the maximum may come after rounding."""
    rule = node.requant
    assert rule is not None
    return (
        rule.multiplier is None and not rule.bias.any() and rule.zero_point == 0
        and rule.uniform_shift == node.attrs["slope"] and rule.bounds(width) == limits(width)
    )


def bounds_of(node: QuantizedNode, width: int) -> tuple[int, int]:
    """Return the least and the greatest value a Relu or a Clip lets through."""
    if node.op == "Relu":
        return 0, limits(width)[1]
    return node.attrs["low"], node.attrs["high"]


def within(builder: StreamBuilder, node: QuantizedNode, field: Field) -> None:
    """Emit a Relu or a Clip."""
    bound_tiles(
        builder, *bounds_of(node, builder.config.inp_width), field.base, field.run, field.blocks,
        field.apart)


def scale(
    builder: StreamBuilder, factor: int, rule: Requant, field: Field, table: int
) -> None:
    """Emit the product of sums with a factor, requantized."""
    if factor != 1:
        every_tile(
            builder, AluOpcode.MUL, factor, field.base, field.run, field.blocks, field.apart)
    requantize_tiles(builder, rule, field.base, field.blocks, field.run, table, 0, field.apart)

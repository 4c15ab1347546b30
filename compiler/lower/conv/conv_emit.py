"""The device calls of a convolution: loads, products, stores of one tile, chunk and part."""

from __future__ import annotations

from itertools import product

from ....driver.stream.stream import StreamBuilder
from ....isa.opcodes import MemoryType
from ...codegen.loop_nest import Loop
from ...codegen.lowering_context import Activation
from ...codegen.tile_ops import accumulate, requantize_tiles, reset_tiles, scale_up
from ...schedule.conv_tiles import (
    OutputTile,
    Phase,
    Range,
    ReductionChunk,
    extent,
    inputs_of,
    phases,
    split,
)
from ...schedule.group_blocks import StridedRun, runs
from ..depthwise.window_steps import multiply_windows
from .conv_constants import ConvConstants
from .epilogue_ops import Field
from .fusion_group import ConvProblem
from .residual import Residual
from .zero_point_padding import fill_border

__all__ = ["ConvCalls"]


class ConvCalls:
    """Emits the instructions of a problem whose constants are in memory.

    ``stride``: parameter tiles of a block of channels.
    """

    def __init__(self, problem: ConvProblem, constants: ConvConstants, stride: int):
        assert problem.conv.requant is not None
        self.shape, self.source, self.target = problem.shape, problem.source, problem.target
        self.rule, self.stride = problem.conv.requant, stride
        self.weights, self.border = constants.weights, constants.border

    def load_other(
        self, builder: StreamBuilder, base: int, other: Activation, tile: OutputTile
    ) -> None:
        """Load the tiles of another activation that are added to a tile."""
        first = other.at(tile.group, tile.co.start, tile.oh.start, tile.ow.start)
        if tile.ow.count == other.layout.columns:  # whole rows
            builder.load_2d(
                MemoryType.INP, base, first, tile.pixels, tile.co.count, other.pixels)
            return
        for index in range(tile.co.count):
            builder.load_2d(
                MemoryType.INP, base + index * tile.pixels, first + index * other.pixels,
                tile.ow.count, tile.oh.count, other.layout.columns,
            )

    def add_other(
        self, builder: StreamBuilder, residual: Residual, tile: OutputTile, field: Field,
        others: tuple[int, int], table: int,
    ) -> None:
        """Add another activation to the outputs of a tile, by an identity, and requantize."""
        count, layout = field.tiles, tile.layout
        scale_up(builder, residual.own_gain, field.base, count)
        (sy, sx), (other, one) = layout.strides, others
        for y, x in product(range(min(sy, layout.rows)), range(min(sx, layout.columns))):
            places = field.base + layout.at(y, x), other + y * layout.columns + x, one
            tall, wide = -(-(layout.rows - y) // sy), layout.width(x)
            accumulate(builder, places, [
                Loop(tile.co.count, layout.size, layout.size),
                Loop(tall, wide, sy * layout.columns), Loop(wide, 1, sx),
            ], [], False)
        assert residual.add.requant is not None
        requantize_tiles(builder, residual.add.requant, field.base, 1, count, table, 0)

    def requantize(self, builder: StreamBuilder, field: Field, table: int) -> None:
        """Requantize the sums of a part; its parameters are at ``table``."""
        requantize_tiles(
            builder, self.rule, field.base, field.blocks, field.run, table, self.stride,
            field.apart)

    def load_inputs(
        self, builder: StreamBuilder, base: int, tile: OutputTile, chunk: ReductionChunk
    ) -> None:
        self.load_padded(builder, base, tile, chunk)
        if self.border is None:
            return
        rows = extent(self.shape, 0, tile.oh, chunk.kh)
        columns = extent(self.shape, 1, tile.ow, chunk.kw)
        for index in range(inputs_of(self.shape, tile, chunk).count):
            start = base + index * rows.total * columns.total
            fill_border(builder, start, rows, columns, self.border)

    def load_padded(
        self, builder: StreamBuilder, base: int, tile: OutputTile, chunk: ReductionChunk
    ) -> None:
        rows = extent(self.shape, 0, tile.oh, chunk.kh)
        columns = extent(self.shape, 1, tile.ow, chunk.kw)
        blocks = inputs_of(self.shape, tile, chunk)
        area, source = rows.total * columns.total, self.source
        if rows.inside == 0 or columns.inside == 0:  # nothing but padding
            builder.load_2d(MemoryType.INP, base, 0, blocks.count * area, 0, y_pad=(1, 0))
            return
        whole = (rows.inside, columns.inside) == (rows.total, source.layout.columns)
        if whole and columns.total == columns.inside and rows.step == 1:  # one run per block
            builder.load_2d(
                MemoryType.INP, base, source.at(tile.group, blocks.start, rows.first), area,
                blocks.count, source.pixels,
            )
            return
        for index in range(blocks.count):
            builder.load_2d(
                MemoryType.INP, base + index * area,
                source.at(tile.group, blocks.start + index, rows.first, columns.first),
                columns.inside, rows.inside, source.layout.columns * rows.step,
                x_pad=(columns.before, columns.after), y_pad=(rows.before, rows.after),
            )

    def load_weights(
        self, builder: StreamBuilder, base: int, tile: OutputTile, chunk: ReductionChunk
    ) -> None:
        (kh, kw), ci = self.shape.kernel, self.shape.ci
        window = chunk.kh.count * chunk.kw.count
        size = self.shape.weight_tiles(chunk.ci.count, chunk.kh.count, chunk.kw.count)
        every = self.shape.weight_tiles(ci, kh, kw)
        start = self.weights + tile.co.start * every + chunk.ci.start * kh * kw
        if (chunk.kh.count, chunk.kw.count) == (kh, kw):
            builder.load_2d(MemoryType.WGT, base, start, size, tile.co.count, every)
            return
        for index, block in product(range(tile.co.count), range(chunk.ci.count)):
            builder.load_2d(
                MemoryType.WGT, base + index * size + block * window,
                start + (index * ci + block) * kh * kw + chunk.kh.start * kw + chunk.kw.start,
                chunk.kw.count, chunk.kh.count, kw,
            )

    def multiply(
        self, builder: StreamBuilder, tile: OutputTile, part: Range, chunk: ReductionChunk,
        bases: tuple[int, int, int],
    ) -> None:
        if self.shape.window is not None:
            multiply_windows(builder, self.shape, tile, part, bases)
            return
        width = extent(self.shape, 1, tile.ow, chunk.kw).total
        area = extent(self.shape, 0, tile.oh, chunk.kh).total * width
        held = inputs_of(self.shape, tile, chunk).start - chunk.ci.start
        rows = split(phases(self.shape, 0, tile.oh, chunk.kh), tile.layout.strides[0])
        columns = split(phases(self.shape, 1, tile.ow, chunk.kw), tile.layout.strides[1])
        for run in runs(self.shape.leads, tile.co.start + part.start, part.count):
            inp = bases[1] + (run.lead - held) * area
            for axes in product(rows, columns):
                self.multiply_phase(
                    builder, tile, chunk, (bases[0], inp, bases[2]), run, axes, (width, area))

    def multiply_phase(
        self, builder: StreamBuilder, tile: OutputTile, chunk: ReductionChunk,
        bases: tuple[int, int, int], run: StridedRun, axes: tuple[Phase, Phase],
        extents: tuple[int, int],
    ) -> None:
        (v, h), (acc, inp, wgt), (width, area) = axes, bases, extents
        window = chunk.kh.count * chunk.kw.count
        block = run.start - tile.co.start
        layout = tile.layout
        row, column = layout.first[0] + v.first, layout.first[1] + h.first
        acc += block * tile.pixels + layout.at(row, column)
        inp += v.source * width + h.source
        wgt += block * chunk.ci.count * window + v.tap * chunk.kw.count + h.tap
        weights = chunk.ci.count * window  # of an output block
        kept = [
            Loop(run.repeats, run.count * tile.pixels, run.jump * area, run.count * weights),
            Loop(run.count, dst=tile.pixels, wgt=weights),
            Loop(v.count, v.step // layout.strides[0] * layout.width(column), v.move * width),
            Loop(h.count, h.step // layout.strides[1], h.move),
        ]
        if not v.taps or not h.taps:  # outputs between the taps hold the bias alone
            if chunk.first:
                reset_tiles(builder, acc, kept)
            return
        summed = [
            Loop(chunk.ci.count, src=area, wgt=window),
            Loop(v.taps, src=v.tap_move * width, wgt=v.tap_step * chunk.kw.count),
            Loop(h.taps, src=h.tap_move, wgt=h.tap_step),
        ]
        accumulate(builder, (acc, inp, wgt), kept, summed, chunk.first)

    def store(self, builder: StreamBuilder, tile: OutputTile, base: int, width: int) -> None:
        """Store the tiles from ``base`` on, their rows ``width`` apart."""
        target, rows, columns = self.target, tile.rows, tile.columns
        tight = width == columns.count or rows.count == 1
        if columns.count == target.layout.columns and tile.pixels == rows.count * columns.count:
            builder.store_2d(
                base, target.at(tile.group, tile.co.start, rows.start), tile.pixels,
                tile.co.count, target.pixels,
            )
            return
        for index, part in product(
            range(tile.co.count),
            [rows] if tight else [Range(rows.start + row, 1) for row in range(rows.count)],
        ):
            builder.store_2d(
                base + index * tile.pixels + (part.start - rows.start) * width,
                target.at(tile.group, tile.co.start + index, part.start, columns.start),
                columns.count, part.count, target.layout.columns,
            )

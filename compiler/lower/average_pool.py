"""AveragePool: sums of taps by GEMM with the identity, times a factor, requantized.

The factor replaces the division (:func:`~.quantization_rules.mean_factors`); windows that count
different numbers of values have factors of their own, one ALU MUL for each rectangle of outputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np

from ...driver.stream.stream import StreamBuilder
from ...isa.config import Config
from ...isa.opcodes import AluOpcode, MemoryType
from ..codegen.loop_nest import ITERATIONS, Loop, nest
from ..codegen.lowering_context import Activation, LoweringContext, load_run
from ..codegen.scratchpad_lru import LruBuffers
from ..codegen.tile_ops import accumulate, parameters, requantize_tiles
from ..ir.attributes import AveragePoolAttributes
from ..ir.quantized_graph import QuantizedNode
from ..schedule.conv_problem import ConvShape, even_splits, parameter_tiles
from ..schedule.conv_tiles import Extent, Range, extent, ranges_of
from .block_gemm import scaled_identity

__all__ = ["lower_average_pool"]


@dataclass(frozen=True)
class _Tiling:
    """Outputs and taps of one step: channel blocks, rows and columns, window rows and columns."""

    blocks: int
    oh: int
    ow: int
    kh: int
    kw: int


@dataclass(frozen=True)
class _Piece:
    """Outputs of one step, and the taps of a part of their sums."""

    group: int
    blocks: Range
    oh: Range
    ow: Range
    kh: Range
    kw: Range

    @property
    def pixels(self) -> int:
        """Outputs of one block."""
        return self.oh.count * self.ow.count


def lower_average_pool(
    ctx: LoweringContext, node: QuantizedNode[AveragePoolAttributes]
) -> None:
    """Lower the mean over windows; padding is zeros that count or do not."""
    source, target = ctx.activations[node.inputs[0]], ctx.activations[node.outputs[0]]
    window = node.attrs.window
    shape = ConvShape(
        groups=source.groups, ci=source.blocks, co=target.blocks, size=source.layout[1:],
        out=target.layout[1:], kernel=window.kernel, strides=window.strides,
        dilations=window.dilations, before=window.pads[:2],
    )
    config, rule, factors = ctx.config, node.rule, node.attrs.factors
    kept = parameter_tiles(config)
    tiling = _tiling(shape, config)
    weights = ctx.constants(f"{node.name}.weights", scaled_identity(config, 0)[0], MemoryType.WGT)
    table = ctx.constants(
        f"{node.name}.parameters", parameters(rule, config, uniform=True), MemoryType.ACC
    )
    ctx.compute(partial(load_run, memory_type=MemoryType.ACC, sram=0, dram=table, count=kept))
    inp = ctx.pool(MemoryType.INP, config.depth(MemoryType.INP) // 2, 2)
    acc = LruBuffers(kept, (config.depth(MemoryType.ACC) - kept) // 2)

    def load_identity(builder: StreamBuilder, base: int) -> None:
        builder.load_2d(MemoryType.WGT, base, weights, 1)

    def load(builder: StreamBuilder, base: int, piece: _Piece) -> None:
        rows, columns = _extents(shape, piece)
        for index in range(piece.blocks.count):
            _load_block(
                builder, base + index * rows.total * columns.total, source, piece.group,
                piece.blocks.start + index, rows, columns,
            )

    def compute(
        builder: StreamBuilder, bases: tuple[int, int, int], piece: _Piece, last: bool
    ) -> None:
        _sum(builder, shape, bases, piece)
        if last:
            _scale(builder, bases[0], piece, factors)
            requantize_tiles(
                builder, rule, bases[0], 1, piece.blocks.count * piece.pixels, 0, 0
            )

    def store(builder: StreamBuilder, out: int, piece: _Piece) -> None:
        for index in range(piece.blocks.count):
            builder.store_2d(
                out + index * piece.pixels,
                target.at(piece.group, piece.blocks.start + index, piece.oh.start, piece.ow.start),
                piece.ow.count, piece.oh.count, target.layout.columns,
            )

    windows = list(product(ranges_of(shape.kernel[0], tiling.kh),
                           ranges_of(shape.kernel[1], tiling.kw)))
    for group, blocks, oh, ow in product(
        range(shape.groups), ranges_of(shape.co, tiling.blocks), ranges_of(shape.out[0], tiling.oh),
        ranges_of(shape.out[1], tiling.ow),
    ):
        slot = acc.take((group, blocks, oh, ow))
        for taps in windows:
            piece = _Piece(group, blocks, oh, ow, *taps)
            one = ctx.fill_weights((node.name, "identity"), load_identity)
            data = ctx.fill(inp, piece, partial(load, piece=piece))
            ctx.compute(partial(
                compute, bases=(slot.base, data.base, one.base), piece=piece,
                last=taps is windows[-1],
            ))
        ctx.store(partial(store, out=slot.base, piece=piece))


def _tiling(shape: ConvShape, config: Config) -> _Tiling:
    """Return the largest tile that fits, the whole window at a time where that is possible."""
    inp = min(config.depth(MemoryType.INP) // 2, ITERATIONS)
    acc = (config.depth(MemoryType.ACC) - parameter_tiles(config)) // 2
    uops = config.depth(MemoryType.UOP) // 2

    def fits(t: _Tiling) -> bool:
        area = shape.reach(0, t.oh, t.kh) * shape.reach(1, t.ow, t.kw)
        loops = sorted((t.blocks, t.oh, t.ow, t.kh, t.kw))
        return bool(t.blocks * area <= inp and t.blocks * t.oh * t.ow <= acc
                    and 2 * loops[0] * loops[1] * loops[2] <= uops)

    for kh, kw in product(even_splits(shape.kernel[0]), even_splits(shape.kernel[1])):
        fitting = [
            t for t in (_Tiling(*size, kh, kw) for size in product(
                even_splits(shape.co), even_splits(shape.out[0]), even_splits(shape.out[1])))
            if fits(t)
        ]
        if fitting:
            return max(fitting, key=lambda t: (t.blocks * t.oh * t.ow, t.ow, t.oh))
    raise AssertionError("a single tap of a single output always fits")


def _extents(shape: ConvShape, piece: _Piece) -> tuple[Extent, Extent]:
    return extent(shape, 0, piece.oh, piece.kh), extent(shape, 1, piece.ow, piece.kw)


def _load_block(
    builder: StreamBuilder, base: int, source: Activation, group: int, block: int, rows: Extent,
    columns: Extent,
) -> None:
    """Load a piece's inputs of one block of channels, zeros around them."""
    if rows.inside == 0 or columns.inside == 0:  # nothing but padding
        builder.load_2d(MemoryType.INP, base, 0, rows.total * columns.total, 0, y_pad=(1, 0))
        return
    builder.load_2d(
        MemoryType.INP, base, source.at(group, block, rows.first, columns.first), columns.inside,
        rows.inside, source.layout.columns * rows.step, x_pad=(columns.before, columns.after),
        y_pad=(rows.before, rows.after),
    )


def _sum(
    builder: StreamBuilder, shape: ConvShape, bases: tuple[int, int, int], piece: _Piece
) -> None:
    rows, columns = _extents(shape, piece)
    width = columns.total
    down = 1 if shape.skips(0, piece.kh.count) else shape.strides[0]  # rows on chip
    kept = [
        Loop(piece.blocks.count, dst=piece.pixels, src=rows.total * width),
        Loop(piece.oh.count, dst=piece.ow.count, src=down * width),
        Loop(piece.ow.count, dst=1, src=shape.strides[1]),
    ]
    summed = [
        Loop(piece.kh.count, src=shape.dilations[0] * width),
        Loop(piece.kw.count, src=shape.dilations[1]),
    ]
    accumulate(builder, bases, kept, summed, piece.kh.start == piece.kw.start == 0)


def _scale(builder: StreamBuilder, out: int, piece: _Piece, factors: np.ndarray) -> None:
    """Multiply sums with their factors, rectangle by rectangle."""
    mine = factors[piece.oh.start :, piece.ow.start :][: piece.oh.count, : piece.ow.count]
    for top, bottom in _alike(mine):
        for left, right in _alike(mine[top].reshape(1, -1).T):
            factor = int(mine[top, left])
            if factor == 1:
                continue
            at = out + top * piece.ow.count + left
            nest((at, at, 0), [
                Loop(piece.blocks.count, piece.pixels, piece.pixels),
                Loop(bottom - top, piece.ow.count, piece.ow.count), Loop(right - left, 1, 1),
            ]).alu(builder, AluOpcode.MUL, factor)


def _alike(rows: np.ndarray) -> list[tuple[int, int]]:
    """Return ranges of equal neighbouring rows."""
    changes = [index for index in range(1, len(rows)) if (rows[index] != rows[index - 1]).any()]
    return list(zip([0, *changes], [*changes, len(rows)], strict=True))

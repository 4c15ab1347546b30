"""AveragePool: sums of taps by GEMM with the identity, times a factor, requantized.

The factor replaces the division (:func:`~.quantization_rules.mean_factors`); windows that count
different numbers of values have different factors, with one product for each rectangle of outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np

from ...driver.stream.stream import StreamBuilder
from ...isa.config import Config
from ...isa.opcodes import MemoryType
from ..codegen.loop_nest import Loop
from ..codegen.lowering_context import Activation, Constants, Fill, LoweringContext, load_run
from ..codegen.scratchpad_lru import LruBuffers
from ..codegen.tile_ops import accumulate, multiply_tiles, parameters, requantize_tiles
from ..ir.attributes import AveragePoolAttributes
from ..ir.quantized_graph import QuantizedNode
from ..schedule.conv_problem import ConvShape, mean_tiles, parameter_tiles
from ..schedule.conv_tiles import Extent, Range, extent, ranges_of
from ..schedule.pool_problems import AveragePoolProblem, AverageTiling
from ..schedule.tiling_problem import Problem
from .map_tiles import place_identity, store_map
from .tiled_layer import EmitTiling, TiledLayer
from .tiled_loop import Chunk, Inputs, Part, Tile, TiledLoop

__all__ = ["average_pool_layer", "mean_layer"]


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


def average_pool_layer(
    node: QuantizedNode[AveragePoolAttributes], activations: Mapping[str, Activation],
    config: Config,
) -> TiledLayer:
    """Return the layer of the mean over windows; zeros in the padding count or do not."""
    source, target = activations[node.inputs[0]], activations[node.outputs[0]]
    window = node.attrs.window
    problem = AveragePoolProblem(
        source.groups, source.blocks, source.layout[1:], target.layout[1:], window.kernel,
        window.strides, window.dilations, window.pads[:2])
    pool = _AveragePool(node, problem.shape, source, target)
    return mean_layer(node, problem, config, pool.emit)


def mean_layer(
    node: QuantizedNode, problem: Problem, config: Config, emit: Callable[..., None]
) -> TiledLayer:
    """Return the layer of a mean, ``emit(ctx, tiling, load_identity, table)``.

    ``load_identity`` loads the weight tile that sums are taken with; ``table`` is the element
    address of the parameters of its requantization.
    """

    def place(constants: Constants) -> EmitTiling:
        load_identity = place_identity(node, config, constants)
        table = constants(
            f"{node.name}.parameters", parameters(node.rule, config, uniform=True), MemoryType.ACC)
        return partial(emit, load_identity=load_identity, table=table)

    return TiledLayer(node, problem, place)


@dataclass(frozen=True, eq=False)
class _AveragePool:
    node: QuantizedNode[AveragePoolAttributes]
    shape: ConvShape
    source: Activation
    target: Activation

    def emit(
        self, ctx: LoweringContext, tiling: AverageTiling, load_identity: Fill, table: int
    ) -> None:
        config, shape = ctx.config, self.shape
        kept = parameter_tiles(config)
        ctx.compute(partial(load_run, memory_type=MemoryType.ACC, sram=0, dram=table, count=kept))
        inp = ctx.pool(MemoryType.INP, config.depth(MemoryType.INP) // 2, 2)
        sums = mean_tiles(config)
        acc = LruBuffers(kept, sums)
        windows = list(product(
            ranges_of(shape.kernel[0], tiling.kh), ranges_of(shape.kernel[1], tiling.kw)))

        def chunk(piece: _Piece) -> Chunk:
            part = Part(partial(_sum, shape=shape, piece=piece), load_identity)
            inputs = Inputs(piece, partial(self.load, piece=piece))
            return Chunk([part], (self.node.name, "identity"), inputs)

        def tile(group: int, blocks: Range, oh: Range, ow: Range) -> Tile:
            pieces = [_Piece(group, blocks, oh, ow, kh, kw) for kh, kw in windows]

            def finish(_: int, base: int) -> None:
                ctx.compute(partial(
                    self.mean, base=base, copy=kept + 2 * sums, piece=pieces[-1]))
                ctx.store(partial(
                    store_map, base=base, target=self.target, group=group, box=(blocks, oh, ow)))

            return Tile((group, blocks, oh, ow), list(map(chunk, pieces)), finish)

        TiledLoop(ctx, inp, acc).run({
            "group": range(shape.groups), "blocks": ranges_of(shape.co, tiling.blocks),
            "oh": ranges_of(shape.out[0], tiling.oh), "ow": ranges_of(shape.out[1], tiling.ow),
        }, tile)

    # -- device calls ----------------------------------------------------------------------------
    def load(self, builder: StreamBuilder, base: int, piece: _Piece) -> None:
        """Load a piece's inputs, zeros around them."""
        rows, columns = _extents(self.shape, piece)
        for index in range(piece.blocks.count):
            _load_block(
                builder, base + index * rows.total * columns.total, self.source, piece.group,
                piece.blocks.start + index, rows, columns,
            )

    def mean(self, builder: StreamBuilder, base: int, copy: int, piece: _Piece) -> None:
        """Convert the sums of a tile to outputs."""
        _scale(builder, base, copy, piece, self.node.attrs.factors)
        requantize_tiles(
            builder, self.node.rule, base, 1, piece.blocks.count * piece.pixels, 0, 0)


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
    builder: StreamBuilder, bases: tuple[int, int, int], shape: ConvShape, piece: _Piece
) -> None:
    """Add the products of a piece's taps to its sums."""
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


def _scale(
    builder: StreamBuilder, out: int, copy: int, piece: _Piece, factors: np.ndarray
) -> None:
    """Multiply sums by their factors, rectangle by rectangle."""
    mine = factors[piece.oh.start :, piece.ow.start :][: piece.oh.count, : piece.ow.count]
    for top, bottom in _alike(mine):
        for left, right in _alike(mine[top].reshape(1, -1).T):
            start = top * piece.ow.count + left
            multiply_tiles(builder, int(mine[top, left]), out + start, copy + start, [
                Loop(piece.blocks.count, piece.pixels, piece.pixels),
                Loop(bottom - top, piece.ow.count, piece.ow.count), Loop(right - left, 1, 1),
            ])


def _alike(rows: np.ndarray) -> list[tuple[int, int]]:
    """Return ranges of equal neighbouring rows."""
    changes = [index for index in range(1, len(rows)) if (rows[index] != rows[index - 1]).any()]
    return list(zip([0, *changes], [*changes, len(rows)], strict=True))

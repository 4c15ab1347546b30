"""Convolutions, and dense layers as convolutions whose window is the whole input.

    for every tile of outputs (channel blocks x rows x columns)     a slot of ACC
        for every chunk of the sum (input blocks x window rows x window columns)
            load inputs unless a slot holds them                     a slot of INP
            for every part of the tile's channel blocks
                load weights unless a slot holds them                a slot of WGT
                GEMM
                after the last chunk: requantize, store
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import product
from math import prod
from typing import Any

from ....isa.config import Config
from ....isa.opcodes import MemoryType
from ...codegen.lowering_context import Activation, Constants, LoweringContext, load_run
from ...codegen.scratchpad_lru import LruBuffers
from ...schedule.conv_problem import ConvTiling, parameter_tiles
from ...schedule.conv_tiles import OutputTile, Range, ReductionChunk, inputs_of, ranges_of, tile_of
from ...schedule.tiling_space import buffers_of
from ..tiled_layer import EmitTiling, TiledLayer
from ..tiled_loop import Chunk, Inputs, Part, Produced, Tile, TiledLoop
from .conv_constants import ConvConstants, place_constants
from .conv_emit import ConvCalls
from .epilogue_emitter import EpilogueEmitter, Values
from .epilogue_ops import result
from .forward_emitter import ForwardEmitter
from .fusion_group import ConvProblem, FusionGroup, conv_problem

__all__ = ["group_layer"]


def group_layer(
    group: FusionGroup, activations: Mapping[str, Activation], config: Config
) -> TiledLayer:
    """Return the layer of a fusion group: a convolution with any number of groups, a transposed
    one, or a dense layer, and the layers computed with it.
    """
    problem = conv_problem(group, activations, config)

    def place(constants: Constants) -> EmitTiling:
        placed = place_constants(group, problem, config, constants)

        def emit(ctx: LoweringContext, tiling: ConvTiling) -> None:
            _ConvEmitter(ctx, group, problem, placed, tiling).run()

        return emit

    return TiledLayer(group.nodes[0], problem.shape, place)


class _ConvEmitter:
    """Records the steps of one group with one tiling."""

    def __init__(
        self, ctx: LoweringContext, group: FusionGroup, problem: ConvProblem,
        constants: ConvConstants, tiling: ConvTiling,
    ):
        self.ctx, self.constants, self.tiling = ctx, constants, tiling
        self.shape = shape = problem.shape
        self.stride = parameter_tiles(ctx.config)
        self.calls = ConvCalls(problem, constants, self.stride)
        buffers = buffers_of(shape, tiling, ctx.config)
        assert buffers is not None, "a tiling that fits"
        # first block of the parameters on chip, and their resident parts
        self.resident: tuple[int, set[Range]] = (0, set())
        count, size = buffers.other
        self.ahead = None
        if problem.ahead is not None:
            assert constants.ahead is not None
            self.ahead = ForwardEmitter(ctx, problem.ahead, constants.ahead, buffers)
            inp = self.ahead.slots
        else:
            inp = ctx.pool(MemoryType.INP, buffers.inp[1], buffers.inp[0], count * size)
        self.loop = TiledLoop(
            ctx, inp, LruBuffers(buffers.kept, buffers.acc[1], buffers.acc[0]),
            ctx.pool(MemoryType.WGT, buffers.wgt[1], buffers.wgt[0],
                     int(shape.residual) + buffers.ahead.wgt))
        self.residual = group.residual
        if self.residual is not None:
            self.other = ctx.activations[self.residual.other]
            self.added = LruBuffers(ctx.config.depth(MemoryType.INP) - count * size, size, count)
            self.one = ctx.config.depth(MemoryType.WGT) - 1  # address of the identity
            self.table_of_sums = buffers.kept - self.stride
            self.sums_resident = False
            assert constants.identity is not None
            ctx.load(partial(
                load_run, memory_type=MemoryType.WGT, sram=self.one, dram=constants.identity,
                count=1))
        self.epilogue = None
        if group.epilogue is not None:
            blocks = shape.co if tiling.all_parameters else tiling.co
            self.epilogue = EpilogueEmitter(
                ctx, group.epilogue, constants.epilogue, blocks * self.stride,
                buffers.kept - self.stride * shape.residual)

    def run(self) -> None:
        t, shape = self.tiling, self.shape
        chunks = [ReductionChunk(*parts) for parts in product(
            ranges_of(shape.ci, t.ci), ranges_of(shape.kernel[0], t.kh),
            ranges_of(shape.kernel[1], t.kw),
        )]
        axes: dict[str, Sequence[Any]] = {
            "group": range(shape.groups), "rows": ranges_of(shape.stored[0], t.oh),
            "columns": ranges_of(shape.stored[1], t.ow)}
        blocks = {"co": ranges_of(shape.co, t.co)}
        axes = {**blocks, **axes} if t.dataflow == "weight-stationary" else {**axes, **blocks}
        last = self.position(**{name: places[-1] for name, places in axes.items()})
        # weights are loaded while the previous layer ends
        self.loop.run(
            axes, lambda **position: self.tile(self.position(**position), chunks),
            self.ctx.slack_before * self.ctx.config.bus_bytes)
        chunk = chunks[-1]
        steps = shape.weight_tiles(chunk.ci.count, chunk.kh.count, chunk.kw.count)
        self.ctx.slack = last.co.count * last.pixels * steps // prod(shape.up)

    def position(self, group: int, co: Range, rows: Range, columns: Range) -> OutputTile:
        return tile_of(self.shape, group, co, rows, columns)

    def tile(self, tile: OutputTile, chunks: list[ReductionChunk]) -> Tile:
        parts = ranges_of(tile.co.count, self.tiling.part)

        def finish(index: int, base: int) -> None:
            self.conclude(tile, parts[index], base + parts[index].start * tile.pixels)

        return Tile(tile, [self.chunk(tile, chunk, parts) for chunk in chunks], finish)

    def chunk(self, tile: OutputTile, chunk: ReductionChunk, parts: list[Range]) -> Chunk:
        unit = self.ctx.config.tile_bytes(MemoryType.WGT)
        each = self.shape.weight_tiles(chunk.ci.count, chunk.kh.count, chunk.kw.count)
        return Chunk(
            [Part(
                partial(self.calls.multiply, tile=tile, part=part, chunk=chunk),
                partial(self.calls.load_weights, tile=tile.cut(part), chunk=chunk),
                part.start * each, part.count * each * unit)
             for part in parts],
            (tile.co, chunk), self.inputs(tile, chunk))

    def inputs(self, tile: OutputTile, chunk: ReductionChunk) -> Inputs | Produced:
        key = tile.group, tile.oh, tile.ow, inputs_of(self.shape, tile, chunk), chunk
        if self.ahead is not None:
            return Produced(key, partial(self.ahead.produce, tile=tile, blocks=chunk.ci))
        return Inputs(key, partial(self.calls.load_inputs, tile=tile, chunk=chunk))

    def conclude(self, tile: OutputTile, part: Range, base: int) -> None:
        """Convert the sums of a part to outputs, and store them.

        Their operands are loaded while the last products are accumulated.
        """
        added = self.load_other(tile.cut(part))
        table = self.hold_parameters(tile, part)
        if self.residual is not None and not self.sums_resident:
            self.sums_resident = True
            assert self.constants.sum_parameters is not None
            self.ctx.compute(partial(
                load_run, memory_type=MemoryType.ACC, sram=self.table_of_sums,
                dram=self.constants.sum_parameters, count=self.stride))
        tile = tile.cut(part)
        steps: list[Values] = [partial(self.calls.requantize, table=table)]
        if self.residual is not None:
            steps.append(partial(
                self.calls.add_other, residual=self.residual, tile=tile,
                others=(added, self.one), table=self.table_of_sums))
        field, width = result(self.shape.epilogue, tile, base)
        if self.epilogue is not None:
            self.epilogue.conclude(tile, base, steps)
        else:
            for step in steps:
                self.ctx.compute(partial(step, field=field))
        self.ctx.store(partial(self.calls.store, tile=tile, base=field.base, width=width))

    def load_other(self, tile: OutputTile) -> int:
        """Load the other operand of the Add for a tile; return its base index in INP."""
        if self.residual is None:
            return 0
        base = self.added.take(tile).base
        self.ctx.load(partial(self.calls.load_other, base=base, other=self.other, tile=tile))
        return base

    def hold_parameters(self, tile: OutputTile, part: Range) -> int:
        """Ensure the parameters of a part are resident in ACC; return their base index."""
        first = 0 if self.tiling.all_parameters else tile.co.start
        wanted = Range(tile.co.start + part.start, part.count)
        table = (wanted.start - first) * self.stride
        if first != self.resident[0]:
            self.resident = first, set()
        if wanted not in self.resident[1]:
            self.resident[1].add(wanted)
            self.ctx.compute(partial(
                load_run, memory_type=MemoryType.ACC, sram=table,
                dram=self.constants.parameters + wanted.start * self.stride,
                count=wanted.count * self.stride,
            ))
        return table

"""Lower a :class:`~.block_gemm.BlockGemm`: load runs of tiles, multiply, post-op, store.

    for every run of output blocks with the same pattern of terms
        for every tile of it                                     a slot of ACC
            for every chunk of the terms                         a slot of INP, of WGT
                load each input block once, GEMM term by term
            post-op, requantize, store
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ...driver.stream.stream import StreamBuilder
from ...isa.config import Config
from ...isa.opcodes import MemoryType
from ..codegen.loop_nest import Loop
from ..codegen.lowering_context import Activation, Constants, LoweringContext, load_run
from ..codegen.scratchpad_lru import LruBuffers
from ..codegen.tile_ops import accumulate, parameters, requantize_tiles, shift_left
from ..ir.quantized_graph import QuantizedNode
from ..schedule.block_gemm_problem import BlockGemmProblem, BlockGemmTiling, RunShape
from ..schedule.conv_problem import parameter_tiles
from ..schedule.conv_tiles import Range, ranges_of
from .block_gemm import BlockGemm, BlockRun
from .tiled_layer import EmitTiling, TiledLayer
from .tiled_loop import Chunk, Inputs, Part, Tile, TiledLoop

__all__ = ["block_gemm_layer"]


def block_gemm_layer(
    node: QuantizedNode, activations: Mapping[str, Activation], config: Config,
    block_gemm: BlockGemm, constant: np.ndarray | None = None,
) -> TiledLayer:
    """Return the layer of a block GEMM of a node's inputs.

    ``constant``: INP tiles ``[blocks, rows, columns, batch, lanes]`` of an additional source, which
    all groups of images share.
    """
    sources = [activations[name] for name in node.inputs]
    if constant is not None:
        sources.append(replace(sources[0], dram=0, groups=1))
    target = activations[node.outputs[0]]
    table, runs = block_gemm.runs()
    problem = _problem(node, sources, target, block_gemm, runs)

    def place(constants: Constants) -> EmitTiling:
        placed = list(sources)
        if constant is not None:
            dram = constants(f"{node.name}.constant", constant, MemoryType.INP)
            placed[-1] = replace(placed[-1], dram=dram)
        first = constants(f"{node.name}.weights", table, MemoryType.WGT)
        moved = [replace(run, table=first + run.table) for run in runs]
        rows = 0
        if block_gemm.rule is not None:
            rows = constants(
                f"{node.name}.parameters",
                parameters(block_gemm.rule, config, uniform=not problem.per_channel),
                MemoryType.ACC)
        emitter = _Emitter(node, problem, block_gemm, placed, target)
        return partial(emitter.emit, runs=moved, table=rows)

    return TiledLayer(node, problem, place)


def _problem(
    node: QuantizedNode, sources: list[Activation], target: Activation, block_gemm: BlockGemm,
    runs: list[BlockRun],
) -> BlockGemmProblem:
    def whole(run: BlockRun) -> bool:
        """Return whether the whole activation is one row of tiles, in and out."""
        return run.blocks == target.blocks and all(
            (sources[term.source].groups, sources[term.source].blocks)
            == (target.groups, target.blocks) for term in run.terms)

    rule = block_gemm.rule
    return BlockGemmProblem(
        node.op, target.groups, target.blocks, target.pixels,
        tuple(RunShape(run.blocks, len(run.terms), run.step > 0, whole(run)) for run in runs),
        requantized=rule is not None, per_channel=rule is not None and not rule.uniform,
        accumulators=block_gemm.accumulators,
    )


@dataclass(frozen=True, eq=False)
class _Area:
    """Tiles of a run that are computed at once: a range of each of some of its rows.

    ``pitch``: tiles from row to row.
    """

    run: BlockRun
    group: int
    part: Range
    row: Range
    pitch: int

    @property
    def start(self) -> int:
        """The first tile, counted from the first of the run."""
        return self.part.start * self.pitch + self.row.start

    @property
    def size(self) -> int:
        """Tiles."""
        return self.part.count * self.row.count


class _Parameters:
    """The parameters of blocks in ACC, ``each`` tiles a block; in DRAM they are at ``table``."""

    def __init__(self, ctx: LoweringContext, table: int, each: int):
        self._ctx, self._table, self._each = ctx, table, each
        self._resident: Range | None = None

    def hold(self, wanted: Range) -> None:
        """Ensure that the parameters of some blocks are on chip."""
        if self._resident != wanted:
            self._ctx.compute(partial(
                load_run, memory_type=MemoryType.ACC, sram=0,
                dram=self._table + wanted.start * self._each, count=wanted.count * self._each,
            ))
            self._resident = wanted


@dataclass(frozen=True, eq=False)
class _Emitter:
    """Records the steps of a block GEMM."""

    node: QuantizedNode
    problem: BlockGemmProblem
    block_gemm: BlockGemm
    sources: list[Activation]
    target: Activation

    def emit(
        self, ctx: LoweringContext, tiling: BlockGemmTiling, runs: list[BlockRun], table: int
    ) -> None:
        problem, held = self.problem, _Parameters(ctx, table, parameter_tiles(ctx.config))
        inp = ctx.pool(MemoryType.INP, tiling.tiles * tiling.terms, 2)
        loop = TiledLoop(ctx, inp, LruBuffers(
            problem.parameters(tiling, ctx.config), tiling.tiles * problem.accumulators))
        for run, shape in zip(runs, problem.runs, strict=True):
            rows = problem.rows(shape)
            count, tiles = rows.cut(tiling)

            def tile(
                group: int, part: Range, row: Range, run: BlockRun = run, pitch: int = rows.tiles
            ) -> Tile:
                area = _Area(run, group, part, row, pitch)
                return self.tile(ctx, held, area, tiling.terms)

            loop.run({
                "group": range(rows.groups), "part": ranges_of(rows.count, count),
                "row": ranges_of(rows.tiles, tiles),
            }, tile)

    def tile(self, ctx: LoweringContext, held: _Parameters, area: _Area, terms: int) -> Tile:
        """Describe a tile whose sums are computed by chunks of ``terms`` terms."""
        run, problem = area.run, self.problem
        out = self.target.at(area.group, run.first) + area.start

        def prepare() -> None:
            if problem.per_channel:
                held.hold(Range(run.first + area.part.start, area.part.count))
            elif problem.requantized:
                held.hold(Range(0, 1))

        def finish(_: int, base: int) -> None:
            ctx.compute(partial(
                self.finish, base=base, area=area, parameters=parameter_tiles(ctx.config)))
            ctx.store(partial(self.store, base=base, out=out, area=area))

        chunks = [
            self.chunk(area, out, part) for part in ranges_of(len(run.terms), terms)]
        return Tile(out, chunks, finish, prepare)

    def chunk(self, area: _Area, out: int, terms: Range) -> Chunk:
        """Describe the part of a tile's sums over some terms."""
        run = area.run
        chosen = run.terms[terms.start : terms.start + terms.count]
        origins = list(dict.fromkeys((term.source, term.block) for term in chosen))
        key = (self.node.name, run.first, *((area.part, terms) if run.step else (terms,)))
        return Chunk(
            [Part(
                partial(self.multiply, area=area, terms=terms, origins=origins),
                partial(_load_weights, area=area, terms=terms))],
            key, Inputs((out, terms), partial(self.load, area=area, origins=origins)))

    # -- device calls ----------------------------------------------------------------------------
    def load(
        self, builder: StreamBuilder, base: int, area: _Area, origins: list[tuple[int, int]]
    ) -> None:
        """Load a tile of each of some input blocks."""
        for index, (source, block) in enumerate(origins):
            activation = self.sources[source]
            first = activation.at(area.group if activation.groups > 1 else 0, block)
            builder.load_2d(
                MemoryType.INP, base + index * area.size, first + area.start, area.row.count,
                area.part.count, area.pitch)

    def multiply(
        self, builder: StreamBuilder, bases: tuple[int, int, int], area: _Area, terms: Range,
        origins: list[tuple[int, int]],
    ) -> None:
        """Add the products of some terms to their sums."""
        (out, inp, wgt), run, size = bases, area.run, area.size
        for index in range(terms.count):
            position = terms.start + index
            term = run.terms[position]
            accumulator = out + term.accumulator * size
            count, row = area.part.count, area.row.count
            loops = [Loop(count, row, row, terms.count if run.step else 0), Loop(row, 1, 1)]
            at = (accumulator, inp + origins.index((term.source, term.block)) * size, wgt + index)
            before = [t for t in run.terms[:position] if t.accumulator == term.accumulator]
            after = [t for t in run.terms[position + 1 :] if t.accumulator == term.accumulator]
            accumulate(builder, at, loops, [], not before)
            amount = term.shift - (after[0].shift if after else 0)
            if amount:
                shift_left(builder, amount, accumulator, size)

    def finish(self, builder: StreamBuilder, base: int, area: _Area, parameters: int) -> None:
        """Convert the sums of a tile to outputs; ``parameters``: parameter tiles of a block."""
        if self.block_gemm.post_op is not None:
            self.block_gemm.post_op(builder, base, area.size, area.size)
        if self.block_gemm.rule is not None:
            requantize_tiles(
                builder, self.block_gemm.rule, base, area.part.count, area.row.count, 0,
                parameters if self.problem.per_channel else 0)

    def store(self, builder: StreamBuilder, base: int, out: int, area: _Area) -> None:
        builder.store_2d(base, out, area.row.count, area.part.count, area.pitch)


def _load_weights(builder: StreamBuilder, base: int, area: _Area, terms: Range) -> None:
    run = area.run
    first = run.table + area.part.start * run.step + terms.start
    rows = area.part.count if run.step else 1
    builder.load_2d(MemoryType.WGT, base, first, terms.count, rows, max(run.step, terms.count))

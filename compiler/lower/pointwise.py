"""Lower a :class:`~.block_gemm.BlockGemm`: load runs of tiles, multiply, post-op, store.

    for every run of output blocks whose terms are alike
        for every chunk of it that fits                        a slot of ACC
            for every part of the terms                        a slot of INP, of WGT
                load each input block once, GEMM term by term
            post-op, requantize, store
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ...driver.stream.stream import StreamBuilder
from ...isa.opcodes import MemoryType
from ..codegen.loop_nest import ITERATIONS, Loop
from ..codegen.lowering_context import Activation, LoweringContext, load_run
from ..codegen.scratchpad_lru import LruBuffers, Slot
from ..codegen.tile_ops import accumulate, parameters, requantize_tiles, shift_left
from ..ir.quantized_graph import QuantizedNode
from ..schedule.conv_problem import parameter_tiles
from ..schedule.conv_tiles import Range, ranges_of
from .block_gemm import BlockGemm, BlockRun

__all__ = ["lower_block_gemm"]


def lower_block_gemm(
    ctx: LoweringContext, node: QuantizedNode, sources: list[Activation], block_gemm: BlockGemm
) -> None:
    """Lower a block GEMM; a source of one group serves every group of images."""
    _BlockGemmEmitter(ctx, node, sources, ctx.activations[node.outputs[0]], block_gemm).run()


class _BlockGemmEmitter:
    def __init__(
        self, ctx: LoweringContext, node: QuantizedNode, sources: list[Activation],
        target: Activation, block_gemm: BlockGemm,
    ):
        self.ctx, self.node, self.sources, self.target = ctx, node, sources, target
        self.block_gemm, self.config = block_gemm, ctx.config
        rule, config = block_gemm.rule, ctx.config
        self.varies = rule is not None and not rule.uniform
        tiles, runs = block_gemm.runs()
        table = ctx.constants(f"{node.name}.weights", tiles, MemoryType.WGT)
        self.runs = [replace(run, table=table + run.table) for run in runs]
        inp, wgt = config.depth(MemoryType.INP) // 2, config.depth(MemoryType.WGT) // 2
        most = max(len(run.terms) for run in self.runs)
        self.at_once = min(most, inp, wgt)  # terms
        self.each = parameter_tiles(config) if rule is not None else 0
        held = max(1, config.depth(MemoryType.ACC) // (4 * max(1, self.each)))
        self.held = min(target.blocks, held, wgt // self.at_once) if self.varies else 1
        kept = self.each * self.held
        self.size = min(
            inp // self.at_once,
            (config.depth(MemoryType.ACC) - kept) // (2 * block_gemm.accumulators), ITERATIONS,
        )
        self.inp = ctx.pool(MemoryType.INP, self.size * self.at_once, 2)
        self.acc = LruBuffers(kept, self.size * block_gemm.accumulators)
        self.resident: Range | None = None
        self.parameters = 0
        if rule is not None:
            rows = parameters(rule, config, uniform=not self.varies)
            self.parameters = ctx.constants(f"{node.name}.parameters", rows, MemoryType.ACC)

    def run(self) -> None:
        for run in self.runs:
            if self._flat(run):
                everything = self.target.tiles
                self._chunks(replace(run, blocks=1), 0, everything)
                continue
            for group in range(self.target.groups):
                if run.step == 0 and not self.varies:  # its blocks are one long row of tiles
                    self._chunks(
                        replace(run, blocks=1), group, run.blocks * self.target.pixels
                    )
                else:
                    self._chunks(run, group, self.target.pixels)

    def _flat(self, run: BlockRun) -> bool:
        """Return whether the whole activation is one row of tiles, in and out."""
        target = self.target
        return run.step == 0 and not self.varies and run.blocks == target.blocks and all(
            self.sources[term.source].groups == target.groups
            and self.sources[term.source].blocks == target.blocks
            for term in run.terms
        )

    def _chunks(self, run: BlockRun, group: int, pixels: int) -> None:
        """Do the blocks of a run for one group, ``pixels`` tiles each."""
        wgt = self.config.depth(MemoryType.WGT) // 2
        blocks = 1
        if pixels <= self.size:
            blocks = min(run.blocks, self.size // pixels, max(1, wgt // self.at_once))
            blocks = min(blocks, self.held) if self.varies else blocks
        for part in ranges_of(run.blocks, blocks):
            for row in ranges_of(pixels, self.size if blocks == 1 else pixels):
                self._chunk(run, group, pixels, part, row)

    def _chunk(self, run: BlockRun, group: int, pixels: int, part: Range, row: Range) -> None:
        self._hold(Range(run.first + part.start, part.count) if self.varies else Range(0, 1))
        out = self.target.at(group, run.first) + part.start * pixels + row.start
        slot = self.acc.take(out)
        for terms in ranges_of(len(run.terms), self.at_once):
            chosen = run.terms[terms.start : terms.start + terms.count]
            origins = list(dict.fromkeys((term.source, term.block) for term in chosen))
            starts = [self._origin(source, block, group) + part.start * pixels + row.start
                      for source, block in origins]
            wgt = self.ctx.fill_weights(
                (self.node.name, run.first, part, terms) if run.step else
                (self.node.name, run.first, terms),
                partial(self._load_weights, run=run, part=part, terms=terms),
            )
            inp = self.ctx.fill(
                self.inp, (out, terms),
                partial(self._load, starts=starts, part=part, row=row, pixels=pixels),
            )
            self.ctx.compute(partial(
                self._compute, run=run, terms=terms, origins=origins, part=part, row=row,
                bases=(slot.base, inp.base, wgt.base),
            ))
        self._store(slot, out, part, row, pixels)

    def _origin(self, source: int, block: int, group: int) -> int:
        activation = self.sources[source]
        return activation.at(group if activation.groups > 1 else 0, block)

    def _hold(self, wanted: Range) -> None:
        """Have the parameters of some blocks on chip."""
        if self.each and self.resident != wanted:
            self.ctx.compute(partial(
                load_run, memory_type=MemoryType.ACC, sram=0,
                dram=self.parameters + wanted.start * self.each, count=wanted.count * self.each,
            ))
            self.resident = wanted

    # -- device calls ----------------------------------------------------------------------------
    def _load_weights(
        self, builder: StreamBuilder, base: int, run: BlockRun, part: Range, terms: Range
    ) -> None:
        first = run.table + part.start * run.step + terms.start
        rows = part.count if run.step else 1
        builder.load_2d(MemoryType.WGT, base, first, terms.count, rows, max(run.step, terms.count))

    def _load(
        self, builder: StreamBuilder, base: int, starts: list[int], part: Range, row: Range,
        pixels: int,
    ) -> None:
        size = part.count * row.count
        for index, start in enumerate(starts):
            builder.load_2d(
                MemoryType.INP, base + index * size, start, row.count, part.count, pixels
            )

    def _compute(
        self, builder: StreamBuilder, run: BlockRun, terms: Range, origins: list[tuple[int, int]],
        part: Range, row: Range, bases: tuple[int, int, int],
    ) -> None:
        out, inp, wgt = bases
        size = part.count * row.count
        for index in range(terms.count):
            position = terms.start + index
            term = run.terms[position]
            accumulator = out + term.accumulator * size
            loops = [
                Loop(part.count, row.count, row.count, terms.count if run.step else 0),
                Loop(row.count, 1, 1),
            ]
            at = (accumulator, inp + origins.index((term.source, term.block)) * size, wgt + index)
            before = [t for t in run.terms[:position] if t.accumulator == term.accumulator]
            after = [t for t in run.terms[position + 1 :] if t.accumulator == term.accumulator]
            accumulate(builder, at, loops, [], not before)
            amount = term.shift - (after[0].shift if after else 0)
            if amount:
                shift_left(builder, amount, accumulator, size)
        if terms.start + terms.count < len(run.terms):
            return
        if self.block_gemm.post_op is not None:
            self.block_gemm.post_op(builder, out, size, size)
        if self.block_gemm.rule is not None:
            stride = self.each if self.varies else 0
            requantize_tiles(builder, self.block_gemm.rule, out, part.count, row.count, 0, stride)

    def _store(self, slot: Slot, out: int, part: Range, row: Range, pixels: int) -> None:
        def store(builder: StreamBuilder) -> None:
            builder.store_2d(slot.base, out, row.count, part.count, pixels)

        self.ctx.store(store)

"""GlobalAveragePool: sums of all pixels by GEMM with the identity, times a factor, requantized."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from ...driver.stream.stream import StreamBuilder
from ...isa.config import Config
from ...isa.opcodes import MemoryType
from ..codegen.loop_nest import Loop
from ..codegen.lowering_context import Activation, Fill, LoweringContext, load_run
from ..codegen.scratchpad_lru import LruBuffers
from ..codegen.tile_ops import accumulate, multiply_tiles, requantize_tiles
from ..ir.attributes import GlobalAverageAttributes
from ..ir.quantized_graph import QuantizedNode
from ..schedule.conv_problem import parameter_tiles
from ..schedule.conv_tiles import Range, ranges_of
from ..schedule.pool_problems import GlobalAverageProblem, GlobalTiling
from .average_pool import mean_layer
from .tiled_layer import TiledLayer
from .tiled_loop import Chunk, Inputs, Part, Tile, TiledLoop

__all__ = ["global_average_layer"]


def global_average_layer(
    node: QuantizedNode[GlobalAverageAttributes], activations: Mapping[str, Activation],
    config: Config,
) -> TiledLayer:
    """Return the layer of the mean over all pixels of each channel."""
    source, target = activations[node.inputs[0]], activations[node.outputs[0]]
    problem = GlobalAverageProblem(source.groups * source.blocks, source.pixels)
    mean = _GlobalAverage(node, problem, source, target)
    return mean_layer(node, problem, config, mean.emit)


@dataclass(frozen=True, eq=False)
class _GlobalAverage:
    node: QuantizedNode[GlobalAverageAttributes]
    problem: GlobalAverageProblem
    source: Activation
    target: Activation

    def emit(
        self, ctx: LoweringContext, tiling: GlobalTiling, load_identity: Fill, table: int
    ) -> None:
        kept = parameter_tiles(ctx.config)
        inp = LruBuffers(0, ctx.config.depth(MemoryType.INP) // 2)
        acc = LruBuffers(kept, tiling.blocks)
        ctx.compute(partial(load_run, memory_type=MemoryType.ACC, sram=0, dram=table, count=kept))
        runs = ranges_of(self.problem.pixels, tiling.pixels)

        def tile(blocks: Range) -> Tile:
            chunks = [
                Chunk(
                    [Part(partial(_sum, blocks=blocks, pixels=pixels), load_identity)],
                    (self.node.name, "identity"),
                    Inputs((blocks, pixels), partial(self.load, blocks=blocks, pixels=pixels)))
                for pixels in runs
            ]

            def finish(_: int, base: int) -> None:
                ctx.compute(partial(
                    self.mean, base=base, copy=kept + 2 * tiling.blocks, count=blocks.count))
                ctx.store(partial(self.store, base=base, blocks=blocks))

            return Tile(blocks, chunks, finish)

        TiledLoop(ctx, inp, acc).run(
            {"blocks": ranges_of(self.problem.blocks, tiling.blocks)}, tile)

    # -- device calls ----------------------------------------------------------------------------
    def load(self, builder: StreamBuilder, base: int, blocks: Range, pixels: Range) -> None:
        pitch = self.problem.pixels
        builder.load_2d(
            MemoryType.INP, base, self.source.dram + blocks.start * pitch + pixels.start,
            pixels.count, blocks.count, pitch,
        )

    def mean(self, builder: StreamBuilder, base: int, copy: int, count: int) -> None:
        multiply_tiles(builder, self.node.attrs.factor, base, copy, [Loop(count, 1, 1)])
        requantize_tiles(builder, self.node.rule, base, 1, count, 0, 0)

    def store(self, builder: StreamBuilder, base: int, blocks: Range) -> None:
        builder.store_2d(base, self.target.dram + blocks.start, blocks.count)


def _sum(
    builder: StreamBuilder, bases: tuple[int, int, int], blocks: Range, pixels: Range
) -> None:
    accumulate(
        builder, bases, [Loop(blocks.count, 1, pixels.count)], [Loop(pixels.count, 0, 1)],
        pixels.start == 0)

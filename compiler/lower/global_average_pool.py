"""GlobalAveragePool: sums of all pixels by GEMM with the identity, times a factor, requantized."""

from __future__ import annotations

from functools import partial

from ...driver.stream.stream import StreamBuilder
from ...isa.opcodes import AluOpcode, MemoryType
from ..codegen.loop_nest import ITERATIONS, Loop
from ..codegen.lowering_context import LoweringContext, load_run
from ..codegen.scratchpad_lru import LruBuffers
from ..codegen.tile_ops import accumulate, every_tile, parameters, requantize_tiles
from ..ir.attributes import GlobalAverageAttributes
from ..ir.quantized_graph import QuantizedNode
from ..schedule.conv_problem import parameter_tiles
from .block_gemm import scaled_identity

__all__ = ["lower_global_average"]


def lower_global_average(
    ctx: LoweringContext, node: QuantizedNode[GlobalAverageAttributes]
) -> None:
    """Lower the mean over all pixels of each channel."""
    source, target = ctx.activations[node.inputs[0]], ctx.activations[node.outputs[0]]
    config, rule, factor = ctx.config, node.rule, node.attrs.factor
    weights = ctx.constants(f"{node.name}.weights", scaled_identity(config, 0)[0], MemoryType.WGT)
    table = ctx.constants(
        f"{node.name}.parameters", parameters(rule, config, uniform=True), MemoryType.ACC
    )
    kept = parameter_tiles(config)
    room = config.depth(MemoryType.INP) // 2
    blocks = max(1, min(
        source.groups * source.blocks, room // source.pixels,
        (config.depth(MemoryType.ACC) - kept) // 2, ITERATIONS,
    ))
    size = min(source.pixels, room, ITERATIONS)
    inp, acc = LruBuffers(0, room), LruBuffers(kept, blocks)
    ctx.compute(partial(
        load_run, memory_type=MemoryType.ACC, sram=0, dram=table, count=kept
    ))

    def load_identity(builder: StreamBuilder, base: int) -> None:
        builder.load_2d(MemoryType.WGT, base, weights, 1)

    def load(builder: StreamBuilder, base: int, start: int, count: int, pixel: int, part: int
             ) -> None:
        builder.load_2d(
            MemoryType.INP, base, source.dram + start * source.pixels + pixel, part, count,
            source.pixels,
        )

    def compute(
        builder: StreamBuilder, bases: tuple[int, int, int], count: int, pixel: int, part: int
    ) -> None:
        accumulate(
            builder, bases, [Loop(count, 1, part)], [Loop(part, 0, 1)], pixel == 0
        )
        if pixel + part == source.pixels:
            if factor != 1:
                every_tile(builder, AluOpcode.MUL, factor, bases[0], count)
            requantize_tiles(builder, rule, bases[0], 1, count, 0, 0)

    def store(builder: StreamBuilder, out: int, start: int, count: int) -> None:
        builder.store_2d(out, target.dram + start, count)

    everything = source.groups * source.blocks
    for start in range(0, everything, blocks):
        count = min(blocks, everything - start)
        slot = acc.take(start)
        for pixel in range(0, source.pixels, size):
            part = min(size, source.pixels - pixel)
            one = ctx.fill_weights((node.name, "identity"), load_identity)
            data = ctx.fill(
                inp, (start, pixel),
                partial(load, start=start, count=count, pixel=pixel, part=part),
            )
            ctx.compute(partial(
                compute, bases=(slot.base, data.base, one.base), count=count, pixel=pixel,
                part=part,
            ))
        ctx.store(partial(store, out=slot.base, start=start, count=count))

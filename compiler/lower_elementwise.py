"""Add and Relu: every tile on its own, so an activation is one run of neighbouring tiles.

Operands reach the accumulator through GEMM with a scaled identity as weight: that works for every
operand width, moves the left shift of the coarser operand into the weight, and keeps the loads on
the load engine, where they overlap with the step before.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from ..driver.stream import StreamBuilder
from ..isa.config import Config
from ..isa.opcodes import AluOpcode, MemoryType
from .emit import accumulate, every_tile, parameters, requantize_tiles, shift_left
from .loops import Loop
from .lowering import Lowering, load_run
from .quantized import QuantizedNode
from .schedule import parameter_tiles
from .slots import SlotPool

__all__ = ["identity", "lower_add", "lower_relu"]

Finish = Callable[[StreamBuilder, int, int], None]
"""``finish(builder, first tile, tiles)`` turns sums into outputs, in place."""


def identity(config: Config, *shifts: int) -> np.ndarray:
    """Return weight tiles that multiply by ``2^shift``, one for each."""
    unit = np.eye(config.block_in, dtype=np.int64)
    return np.stack([unit << shift for shift in shifts])


def lower_relu(low: Lowering, node: QuantizedNode) -> None:
    """Lower ``max(x, 0)``: the scale stays."""
    def finish(builder: StreamBuilder, base: int, count: int) -> None:
        every_tile(builder, AluOpcode.MAX, 0, base, count)

    _lower(low, node, (0,), finish)


def lower_add(low: Lowering, node: QuantizedNode) -> None:
    """Lower the sum of two activations with scales of their own."""
    rule, config = node.requant, low.config
    assert rule is not None
    table = low.constants(
        f"{node.name}.parameters", parameters(rule, config, uniform=True), MemoryType.ACC
    )
    size = parameter_tiles(config)
    low.compute(partial(
        load_run, memory_type=MemoryType.ACC, sram=0, dram=table, count=size
    ))

    def finish(builder: StreamBuilder, base: int, count: int) -> None:
        requantize_tiles(builder, rule, base, 1, count, 0, 0)

    _lower(low, node, node.shifts, finish, kept=size)


def _lower(
    low: Lowering, node: QuantizedNode, shifts: tuple[int, ...], finish: Finish, kept: int = 0
) -> None:
    """Sum the inputs, shifted left, tile by tile; then ``finish`` and store."""
    config = low.config
    order = sorted(range(len(shifts)), key=lambda index: -shifts[index])  # coarsest first
    widest = config.wgt_width - 2  # greatest shift a weight can hold
    by_weight = [min(shifts[index], widest) for index in order]
    remaining = [shifts[index] - shift for index, shift in zip(order, by_weight, strict=True)]
    assert not any(remaining[1:]), "the finest operand is not shifted"
    tiles = identity(config, *by_weight)
    weights = low.constants(f"{node.name}.weights", tiles, MemoryType.WGT)
    sources = [low.activations[node.inputs[index]] for index in order]
    target = low.activations[node.outputs[0]]
    operands = len(sources)
    size = min(
        config.depth(MemoryType.INP) // (2 * operands),
        (config.depth(MemoryType.ACC) - kept) // 2,
    )
    inp, acc = SlotPool(0, size * operands), SlotPool(kept, size)

    def load_identities(builder: StreamBuilder, base: int) -> None:
        builder.load_2d(MemoryType.WGT, base, weights, operands)

    def load(builder: StreamBuilder, base: int, start: int, count: int) -> None:
        for index, source in enumerate(sources):
            builder.load_2d(MemoryType.INP, base + index * size, source.dram + start, count)

    def compute(
        builder: StreamBuilder, out: int, base: int, one: int, count: int
    ) -> None:
        for index in range(operands):
            bases = (out, base + index * size, one + index)
            accumulate(builder, bases, [Loop(count, 1, 1)], [], index == 0)
            if remaining[index]:
                shift_left(builder, remaining[index], out, count)
        finish(builder, out, count)

    def store(builder: StreamBuilder, out: int, start: int, count: int) -> None:
        builder.store_2d(out, target.dram + start, count)

    for start in range(0, target.tiles, size):
        count = min(size, target.tiles - start)
        one = low.fill_weights((node.name, "identities"), load_identities)
        data = low.fill(inp, start, partial(load, start=start, count=count))
        slot, drained = acc.take(start)
        done = low.compute(
            partial(compute, out=slot.base, base=data.base, one=one.base, count=count),
            data.filled, one.filled, drained,
        )
        data.used = one.used = done
        slot.used = low.store(partial(store, out=slot.base, start=start, count=count), done)

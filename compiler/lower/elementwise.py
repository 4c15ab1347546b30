"""Operators that treat every value on its own, and those that choose channels, as mixes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...driver.program.tensor_layout import tile_tensor
from ...driver.stream.stream import StreamBuilder
from ...isa.opcodes import AluOpcode, MemoryType
from ..codegen.loop_nest import Loop, nest
from ..codegen.lowering_context import Activation, LoweringContext
from ..codegen.tile_ops import clamp_tiles, every_tile
from ..ir.fixed_point import limits
from ..ir.quantized_graph import DROPPED, QuantizedNode
from .block_gemm import BlockGemm, Term, scaled_identity
from .pointwise import lower_block_gemm

__all__ = [
    "lower_add", "lower_affine", "lower_clip", "lower_concat", "lower_leaky", "lower_relu",
    "lower_slice", "lower_tanh",
]


@dataclass(frozen=True)
class _Range:
    """Channels ``start .. start + count`` of an input that become output channels from ``at``."""

    source: int
    start: int
    at: int
    count: int
    shift: int = 0


def lower_relu(ctx: LoweringContext, node: QuantizedNode) -> None:
    """Lower ``max(x, 0)``: the scale stays."""
    _bounded(ctx, node, 0, limits(ctx.config.inp_width)[1])


def lower_clip(ctx: LoweringContext, node: QuantizedNode) -> None:
    """Lower ``min(max(x, low), high)``: the scale stays."""
    _bounded(ctx, node, node.attrs["low"], node.attrs["high"])


def _bounded(ctx: LoweringContext, node: QuantizedNode, least: int, most: int) -> None:
    def post_op(builder: StreamBuilder, base: int, count: int, distance: int) -> None:
        clamp_tiles(builder, least, most, base, count)

    source = ctx.activations[node.inputs[0]]
    blocks = _each(ctx, source.blocks, [(0, 0, 0)])
    lower_block_gemm(ctx, node, [source], BlockGemm(blocks, post_op=post_op))


def lower_leaky(ctx: LoweringContext, node: QuantizedNode) -> None:
    """Lower the maximum of ``x << slope`` and ``x``, two sums, requantized."""
    def post_op(builder: StreamBuilder, base: int, count: int, distance: int) -> None:
        nest((base, base + distance, 0), [Loop(count, 1, 1)]).alu(builder, AluOpcode.MAX)

    source = ctx.activations[node.inputs[0]]
    blocks = _each(ctx, source.blocks, [(0, node.attrs["slope"], 0), (0, 0, 1)])
    lower_block_gemm(ctx, node, [source], BlockGemm(blocks, node.requant, post_op, accumulators=2))


def lower_tanh(ctx: LoweringContext, node: QuantizedNode) -> None:
    """Lower a sum of clipped lines, requantized: each clips further what the one before left."""
    lines = node.attrs["lines"]

    def post_op(builder: StreamBuilder, base: int, count: int, distance: int) -> None:
        for index, bound in enumerate(lines.bounds):
            at, tiles = (base + distance, count) if index else (base, distance + count)
            every_tile(builder, AluOpcode.MIN, bound, at, tiles)
            every_tile(builder, AluOpcode.MAX, -bound, at, tiles)
            if index:
                nest((base, base + distance, 0), [Loop(count, 1, 1)]).alu(builder, AluOpcode.ADD)

    source = ctx.activations[node.inputs[0]]
    blocks = _each(ctx, source.blocks, [(0, lines.fine, 0), (0, lines.fine, 1)])
    lower_block_gemm(ctx, node, [source], BlockGemm(blocks, node.requant, post_op, accumulators=2))


def lower_add(ctx: LoweringContext, node: QuantizedNode) -> None:
    """Lower the sum of two operands with scales of their own; one may be a constant."""
    sources = [ctx.activations[name] for name in node.inputs]
    if node.constant is not None:
        sources.append(_constant(ctx, node, sources[0]))
    order = sorted(range(len(sources)), key=lambda index: -node.shifts[index])
    kept = [(index, node.shifts[index], 0) for index in order if node.shifts[index] != DROPPED]
    target = ctx.activations[node.outputs[0]]
    lower_block_gemm(ctx, node, sources, BlockGemm(_each(ctx, target.blocks, kept), node.requant))


def lower_affine(ctx: LoweringContext, node: QuantizedNode) -> None:
    """Lower a factor and an offset for each channel."""
    source, block = ctx.activations[node.inputs[0]], ctx.config.block_in
    assert node.constant is not None
    factors = np.zeros(source.blocks * block, np.int64)
    same = bool((node.constant == node.constant[0]).all())  # then whatever its channels are
    factors[: source.view[0]] = node.constant[0] if same else node.constant
    diagonals = [np.diag(factors[b * block : (b + 1) * block]) for b in range(source.blocks)]
    blocks = [[Term(0, index, tile)] for index, tile in enumerate(diagonals)]
    lower_block_gemm(ctx, node, [source], BlockGemm(blocks, node.requant))


def lower_concat(ctx: LoweringContext, node: QuantizedNode) -> None:
    """Lower joining along the channels, scales aligned."""
    sources, ranges, at = [ctx.activations[name] for name in node.inputs], [], 0
    for index, (source, shift) in enumerate(zip(sources, node.shifts, strict=True)):
        ranges.append(_Range(index, 0, at, source.view[0], shift))
        at += source.view[0]
    lower_block_gemm(ctx, node, sources, BlockGemm(_chosen(ctx, at, ranges), node.requant))


def lower_slice(ctx: LoweringContext, node: QuantizedNode) -> None:
    """Lower a range of channels: the scale stays."""
    start, stop = node.attrs["start"], node.attrs["stop"]
    chosen = _chosen(ctx, stop - start, [_Range(0, start, 0, stop - start)])
    lower_block_gemm(ctx, node, [ctx.activations[node.inputs[0]]], BlockGemm(chosen))


def _each(ctx: LoweringContext, blocks: int, terms: list[tuple[int, int, int]]) -> list[list[Term]]:
    """Return terms (source, shift, accumulator) by identities, block by block."""
    tiles = [scaled_identity(ctx.config, shift) for _, shift, _ in terms]
    return [
        [Term(source, block, tile, rest, accumulator)
         for (source, _, accumulator), (tile, rest) in zip(terms, tiles, strict=True)]
        for block in range(blocks)
    ]


def _chosen(ctx: LoweringContext, channels: int, ranges: list[_Range]) -> list[list[Term]]:
    """Return terms that put ranges of channels where they belong."""
    config = ctx.config
    size, blocks = config.block_out, []
    for first in range(0, channels, size):
        terms = []
        for part in ranges:
            begin, end = max(first, part.at), min(first + size, part.at + part.count)
            if begin >= end:
                continue
            held = min(part.shift, config.wgt_width - 2) if part.shift != DROPPED else 0
            value = 0 if part.shift == DROPPED else 1 << held
            origin = part.start + begin - part.at
            for block in range(origin // size, (origin + end - begin - 1) // size + 1):
                tile = np.zeros((size, size), np.int64)
                for channel in range(begin, end):
                    lane = part.start + channel - part.at - block * size
                    if 0 <= lane < size:
                        tile[channel - first, lane] = value
                terms.append(Term(part.source, block, tile, max(0, part.shift - held)))
        blocks.append(sorted(terms, key=lambda term: -term.shift))
    return blocks


def _constant(ctx: LoweringContext, node: QuantizedNode, like: Activation) -> Activation:
    """Place a constant operand as an activation that every group of images shares."""
    assert node.constant is not None
    values = node.constant.reshape(1, *like.view).repeat(ctx.config.batch, 0)
    tiles = tile_tensor(values, MemoryType.INP, ctx.config)
    dram = ctx.constants(f"{node.name}.constant", tiles, MemoryType.INP)
    return Activation(dram, 1, like.blocks, like.view)

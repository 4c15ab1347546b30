"""Pad, crop and nearest-neighbour Resize: GEMM with the identity copies each pixel.

Pixels of the border that Pad adds are cleared and, if the value is not zero, set by one ALU
ADD.  The scale stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from ...driver.stream.stream import StreamBuilder
from ...isa.config import Config
from ...isa.opcodes import AluOpcode, MemoryType
from ..codegen.loop_nest import Loop, nest
from ..codegen.lowering_context import Activation, Constants, Fill, LoweringContext
from ..codegen.scratchpad_lru import LruBuffers
from ..codegen.tile_ops import accumulate
from ..ir.quantized_graph import QuantizedNode
from ..schedule.conv_tiles import Range, ranges_of
from ..schedule.copy_problem import CopyProblem
from ..schedule.tiling_problem import MapTiling
from .map_tiles import load_map, place_identity, store_map
from .tiled_layer import EmitTiling, TiledLayer
from .tiled_loop import Chunk, Inputs, Part, Tile, TiledLoop

__all__ = ["pad_layer", "resize_layer"]


@dataclass(frozen=True)
class _Span:
    """Neighbouring outputs along one axis and the inputs they repeat.

    Each of ``inputs`` is repeated ``copies`` times from output ``at`` of the span on; the other
    ``outputs``, before and after, are border.
    """

    outputs: Range
    inputs: Range
    at: int = 0
    copies: int = 1

    @property
    def inside(self) -> tuple[int, int]:
        """The range of outputs that repeat an input."""
        return self.at, self.at + self.inputs.count * self.copies


def pad_layer(
    node: QuantizedNode, activations: Mapping[str, Activation], config: Config,
    pads: tuple[int, int, int, int], fill: int,
) -> TiledLayer:
    """Return the layer of a border of one value, pads (top, left, bottom, right).

    Negative pads crop.
    """
    source, target = activations[node.inputs[0]], activations[node.outputs[0]]
    problem = CopyProblem(
        node.op, source.groups, source.blocks, source.layout[1:], target.layout[1:],
        before=pads[:2], filled=fill != 0)
    return _layer(_Copier(node, problem, source, target, fill), config)


def resize_layer(
    node: QuantizedNode, activations: Mapping[str, Activation], config: Config,
    factors: tuple[int, int],
) -> TiledLayer:
    """Return the layer of repeating every pixel ``factors`` (y, x) times."""
    source, target = activations[node.inputs[0]], activations[node.outputs[0]]
    problem = CopyProblem(
        node.op, source.groups, source.blocks, source.layout[1:], target.layout[1:], copies=factors)
    return _layer(_Copier(node, problem, source, target), config)


def _layer(copier: _Copier, config: Config) -> TiledLayer:
    def place(constants: Constants) -> EmitTiling:
        return partial(
            copier.emit, load_identity=place_identity(copier.node, config, constants))

    return TiledLayer(copier.node, copier.problem, place)


def _spans(problem: CopyProblem, axis: int, size: int) -> list[_Span]:
    """Divide an axis into spans of ``size`` outputs."""
    copies, have, before = problem.copies[axis], problem.size[axis], problem.before[axis]
    if copies == 1:
        result = []
        for part in ranges_of(problem.out[axis], size):
            begin = min(max(part.start - before, 0), have)
            end = min(max(part.start + part.count - before, 0), have)
            result.append(_Span(
                part, Range(begin, end - begin),
                begin + before - part.start if end > begin else 0))
        return result
    if size >= copies:
        return [
            _Span(Range(p.start * copies, p.count * copies), p, 0, copies)
            for p in ranges_of(have, size // copies)]
    return [
        _Span(Range(pixel * copies + part.start, part.count), Range(pixel, 1), 0, part.count)
        for pixel in range(have) for part in ranges_of(copies, size)
    ]


@dataclass(frozen=True, eq=False)
class _Copier:
    node: QuantizedNode
    problem: CopyProblem
    source: Activation
    target: Activation
    fill: int = 0

    def emit(self, ctx: LoweringContext, tiling: MapTiling, load_identity: Fill) -> None:
        inp = ctx.pool(MemoryType.INP, ctx.config.depth(MemoryType.INP) // 2, 2)
        acc = LruBuffers(0, ctx.config.depth(MemoryType.ACC) // 2)

        def chunk(group: int, blocks: Range, v: _Span, h: _Span) -> Chunk:
            if not (v.inputs.count and h.inputs.count):
                return Chunk([Part(partial(self.border, blocks=blocks, v=v, h=h))])
            read = blocks, v.inputs, h.inputs
            return Chunk(
                [Part(partial(self.copy, blocks=blocks, v=v, h=h), load_identity)],
                (self.node.name, "identity"),
                Inputs((group, *read), partial(
                    load_map, source=self.source, group=group, box=read)))

        def tile(group: int, blocks: Range, v: _Span, h: _Span) -> Tile:
            def finish(_: int, base: int) -> None:
                ctx.store(partial(
                    store_map, base=base, target=self.target, group=group,
                    box=(blocks, v.outputs, h.outputs)))

            return Tile((group, blocks, v, h), [chunk(group, blocks, v, h)], finish)

        TiledLoop(ctx, inp, acc).run({
            "group": range(self.problem.groups),
            "blocks": ranges_of(self.problem.blocks, tiling.blocks),
            "v": _spans(self.problem, 0, tiling.oh), "h": _spans(self.problem, 1, tiling.ow),
        }, tile)

    # -- device calls ----------------------------------------------------------------------------
    def copy(
        self, builder: StreamBuilder, bases: tuple[int, int, int], blocks: Range, v: _Span,
        h: _Span,
    ) -> None:
        """Write every copy of a tile's inputs, and the border around them."""
        out, inp, one = bases
        width, row = h.outputs.count, h.inputs.count
        accumulate(
            builder, (out + v.at * width + h.at, inp, one),
            [
                Loop(blocks.count, v.outputs.count * width, v.inputs.count * row),
                Loop(v.inputs.count, v.copies * width, row), Loop(v.copies, width),
                Loop(row, h.copies, 1), Loop(h.copies, 1),
            ],
            [], True,
        )
        self.border(builder, bases, blocks, v, h)

    def border(
        self, builder: StreamBuilder, bases: tuple[int, int, int], blocks: Range, v: _Span,
        h: _Span,
    ) -> None:
        """Fill the border: above, below, left and right of the outputs that repeat an input."""
        (top, bottom), (left, right) = v.inside, h.inside
        height, width = v.outputs.count, h.outputs.count
        if not (v.inputs.count and h.inputs.count):
            top, bottom = height, height
        for y, x, tall, wide in (
            (0, 0, top, width), (bottom, 0, height - bottom, width),
            (top, 0, bottom - top, left), (top, right, bottom - top, width - right),
        ):
            if not tall or not wide:
                continue
            at, area = bases[0] + y * width + x, height * width
            border = nest((at, at, 0), [
                Loop(blocks.count, area, area), Loop(tall, width, width), Loop(wide, 1, 1),
            ])
            nest((at, 0, 0), [
                Loop(blocks.count, area), Loop(tall, width), Loop(wide, 1),
            ]).gemm(builder, reset=True)
            if self.fill:
                border.alu(builder, AluOpcode.ADD, self.fill)

"""Pad, crop and nearest-neighbour Resize: GEMM with the identity puts each pixel where it belongs.

Pixels of the border that Pad adds are cleared and, where the value is not zero, one ALU ADD gives
it to them.  The scale stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import product
from math import prod

from ...driver.stream.stream import StreamBuilder
from ...isa.config import Config
from ...isa.opcodes import AluOpcode, MemoryType
from ..codegen.loop_nest import ITERATIONS, Loop, nest
from ..codegen.lowering_context import Activation, LoweringContext
from ..codegen.scratchpad_lru import LruBuffers
from ..codegen.tile_ops import accumulate
from ..ir.quantized_graph import QuantizedNode
from ..schedule.conv_problem import even_splits
from ..schedule.conv_tiles import Range, ranges_of
from .block_gemm import scaled_identity

__all__ = ["lower_pad", "lower_resize"]


@dataclass(frozen=True)
class _Span:
    """Neighbouring outputs along one axis and the inputs they repeat.

    ``inputs`` from input ``first`` on appear from output ``at`` of the span on, ``copies`` times
    each; the rest of the ``count`` outputs, before and behind, is border.
    """

    start: int
    count: int
    first: int
    inputs: int
    at: int = 0
    copies: int = 1

    @property
    def inside(self) -> tuple[int, int]:
        """Outputs that repeat an input, from and to."""
        return self.at, self.at + self.inputs * self.copies


def lower_pad(
    ctx: LoweringContext, node: QuantizedNode, pads: tuple[int, int, int, int], fill: int
) -> None:
    """Lower a border of one value, pads (top, left, bottom, right); a negative one crops."""
    source, target = ctx.activations[node.inputs[0]], ctx.activations[node.outputs[0]]

    def spans(axis: int, size: int) -> list[_Span]:
        result, have = [], source.layout[1 + axis]
        for part in ranges_of(target.layout[1 + axis], size):
            begin = min(max(part.start - pads[axis], 0), have)
            end = min(max(part.start + part.count - pads[axis], 0), have)
            result.append(_Span(
                part.start, part.count, begin, end - begin,
                begin + pads[axis] - part.start if end > begin else 0,
            ))
        return result

    _Copier(ctx, node, source, target, spans, fill).run(
        even_splits(target.layout.rows), even_splits(target.layout.columns), (1, 1)
    )


def lower_resize(
    ctx: LoweringContext, node: QuantizedNode, factors: tuple[int, int]
) -> None:
    """Lower repeating every pixel ``factors`` (y, x) times."""
    source, target = ctx.activations[node.inputs[0]], ctx.activations[node.outputs[0]]

    def sizes(axis: int) -> list[int]:
        copies = factors[axis]
        sizes = even_splits(source.layout[1 + axis])
        return [*(copies * size for size in sizes), *even_splits(copies)[1:]]

    def spans(axis: int, size: int) -> list[_Span]:
        copies, have = factors[axis], source.layout[1 + axis]
        if size >= copies:
            parts = ranges_of(have, size // copies)
            return [_Span(p.start * copies, p.count * copies, p.start, p.count, 0, copies)
                    for p in parts]
        return [
            _Span(pixel * copies + part.start, part.count, pixel, 1, 0, part.count)
            for pixel in range(have) for part in ranges_of(copies, size)
        ]

    _Copier(ctx, node, source, target, spans, 0).run(sizes(0), sizes(1), factors)


class _Copier:
    def __init__(
        self, ctx: LoweringContext, node: QuantizedNode, source: Activation, target: Activation,
        spans: Callable[[int, int], list[_Span]], fill: int,
    ):
        self.ctx, self.node, self.source, self.target = ctx, node, source, target
        self.spans, self.fill = spans, fill
        self.weights = ctx.constants(
            f"{node.name}.weights", scaled_identity(ctx.config, 0)[0], MemoryType.WGT
        )
        config = ctx.config
        self.inp = ctx.pool(MemoryType.INP, config.depth(MemoryType.INP) // 2, 2)
        self.acc = LruBuffers(0, config.depth(MemoryType.ACC) // 2)

    def run(
        self, rows: Iterable[int], columns: Iterable[int], copies: tuple[int, int]
    ) -> None:
        """Copy in the largest tiles of the given sizes that fit."""
        blocks, tall, wide = max(
            (size for size in product(even_splits(self.source.blocks), rows, columns)
             if self._fits(size, copies, self.ctx.config)),
            key=lambda size: (size[0] * size[1] * size[2], size[2], size[1]),
        )
        for group, part, v, h in product(
            range(self.source.groups), ranges_of(self.source.blocks, blocks), self.spans(0, tall),
            self.spans(1, wide),
        ):
            self._tile(group, part, v, h)

    def _fits(
        self, size: tuple[int, int, int], copies: tuple[int, int], config: Config
    ) -> bool:
        """Return whether blocks, rows and columns of outputs fit, and the loops over them."""
        loops, inputs = [size[0]], size[0]
        for outputs, times in zip(size[1:], copies, strict=True):
            loops += [max(1, outputs // times), min(outputs, times)]
            inputs *= loops[-2]
        written_out = prod(sorted(loops)[:-2])
        return (
            prod(size) <= min(config.depth(MemoryType.ACC) // 2, ITERATIONS)
            and inputs <= config.depth(MemoryType.INP) // 2
            and written_out <= config.depth(MemoryType.UOP) // 2
        )

    def _tile(self, group: int, part: Range, v: _Span, h: _Span) -> None:
        slot = self.acc.take((group, part, v, h))
        if v.inputs and h.inputs:
            one = self.ctx.fill_weights((self.node.name, "identity"), self._load_identity)
            data = self.ctx.fill(
                self.inp, (group, part, v.first, v.inputs, h.first, h.inputs),
                partial(self._load, group=group, part=part, v=v, h=h),
            )
            self.ctx.compute(partial(
                self._copy, bases=(slot.base, data.base, one.base), part=part, v=v, h=h
            ))
        else:
            self.ctx.compute(partial(self._border, out=slot.base, part=part, v=v, h=h))
        self.ctx.store(partial(
            self._store, out=slot.base, group=group, part=part, v=v, h=h
        ))

    # -- device calls ----------------------------------------------------------------------------
    def _load_identity(self, builder: StreamBuilder, base: int) -> None:
        builder.load_2d(MemoryType.WGT, base, self.weights, 1)

    def _load(
        self, builder: StreamBuilder, base: int, group: int, part: Range, v: _Span, h: _Span
    ) -> None:
        for index in range(part.count):
            builder.load_2d(
                MemoryType.INP, base + index * v.inputs * h.inputs,
                self.source.at(group, part.start + index, v.first, h.first), h.inputs, v.inputs,
                self.source.layout.columns,
            )

    def _copy(
        self, builder: StreamBuilder, bases: tuple[int, int, int], part: Range, v: _Span, h: _Span
    ) -> None:
        out, inp, one = bases
        accumulate(
            builder, (out + v.at * h.count + h.at, inp, one),
            [
                Loop(part.count, v.count * h.count, v.inputs * h.inputs),
                Loop(v.inputs, v.copies * h.count, h.inputs), Loop(v.copies, h.count),
                Loop(h.inputs, h.copies, 1), Loop(h.copies, 1),
            ],
            [], True,
        )
        self._border(builder, out, part, v, h)

    def _border(self, builder: StreamBuilder, out: int, part: Range, v: _Span, h: _Span) -> None:
        """Fill the border: above, below, left and right of the outputs that repeat an input."""
        (top, bottom), (left, right) = v.inside, h.inside
        if not (v.inputs and h.inputs):
            top, bottom = v.count, v.count
        for y, x, tall, wide in (
            (0, 0, top, h.count), (bottom, 0, v.count - bottom, h.count),
            (top, 0, bottom - top, left), (top, right, bottom - top, h.count - right),
        ):
            if not tall or not wide:
                continue
            at = out + y * h.count + x
            area = v.count * h.count
            border = nest((at, at, 0), [
                Loop(part.count, area, area), Loop(tall, h.count, h.count), Loop(wide, 1, 1),
            ])
            nest((at, 0, 0), [
                Loop(part.count, area), Loop(tall, h.count), Loop(wide, 1),
            ]).gemm(builder, reset=True)
            if self.fill:
                border.alu(builder, AluOpcode.ADD, self.fill)

    def _store(
        self, builder: StreamBuilder, out: int, group: int, part: Range, v: _Span, h: _Span
    ) -> None:
        for index in range(part.count):
            builder.store_2d(
                out + index * v.count * h.count,
                self.target.at(group, part.start + index, v.start, h.start), h.count, v.count,
                self.target.layout.columns,
            )

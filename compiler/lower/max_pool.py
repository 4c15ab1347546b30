"""MaxPool by ALU MAX over the taps.

Inputs are loaded without padding, and each tap visits only the outputs for which it is inside:
no value has to represent minus infinity.  The first tap, moved inside where it falls into the
padding, is in every window; GEMM with the identity writes it straight into the outputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import product

from ...driver.stream.stream import StreamBuilder
from ...isa.opcodes import AluOpcode, MemoryType
from ..codegen.loop_nest import ITERATIONS, Loop, nest
from ..codegen.lowering_context import LoweringContext
from ..codegen.scratchpad_lru import LruBuffers
from ..codegen.tile_ops import accumulate
from ..ir.attributes import MaxPoolAttributes
from ..ir.quantized_graph import QuantizedNode
from ..schedule.conv_problem import even_splits
from .block_gemm import scaled_identity

__all__ = ["lower_max_pool"]


@dataclass(frozen=True)
class _Axis:
    """A range of outputs along one axis and the inputs inside that their windows touch."""

    start: int  # first output
    count: int
    first: int  # first input
    inputs: int
    offset: int  # input of the first output's first tap, relative to ``first`` (may be negative)
    stride: int
    dilation: int

    def inside(self, tap: int) -> tuple[int, int, int]:
        """Return (first output whose ``tap`` is inside, how many, input of that tap)."""
        at = [self.offset + o * self.stride + tap for o in range(self.count)]
        good = [o for o, place in enumerate(at) if 0 <= place < self.inputs]
        return (good[0], len(good), at[good[0]]) if good else (0, 0, 0)

    def first_taps(self) -> list[tuple[int, int, int]]:
        """Return (output, how many, input) runs of the first tap, moved inside if need be."""
        at = [self.offset + o * self.stride for o in range(self.count)]
        border = [(o, 1, place % self.dilation) for o, place in enumerate(at) if place < 0]
        left = self.count - len(border)
        start = len(border)
        return [*border, (start, left, self.offset + start * self.stride)] if left else border


@dataclass(frozen=True)
class _Part:
    """Outputs computed in one step: channel blocks of a group of images, rows, columns."""

    group: int
    block: int
    blocks: int
    rows: _Axis
    columns: _Axis


def _axis(start: int, count: int, size: int, kernel: int, stride: int, dilation: int,
          before: int) -> _Axis:
    at = start * stride - before
    first = max(at, 0)
    end = min(at + (count - 1) * stride + dilation * (kernel - 1) + 1, size)
    return _Axis(start, count, first, end - first, at - first, stride, dilation)


def lower_max_pool(ctx: LoweringContext, node: QuantizedNode[MaxPoolAttributes]) -> None:
    """Lower a 2-D maximum; the scale stays."""
    source, target = ctx.activations[node.inputs[0]], ctx.activations[node.outputs[0]]
    config, window = ctx.config, node.attrs.window
    (kh, kw), (sy, sx), (dy, dx), pads = (
        window.kernel, window.strides, window.dilations, window.pads)
    (height, width), (oh, ow) = source.layout[1:], target.layout[1:]

    def rows(start: int, count: int) -> _Axis:
        return _axis(start, count, height, kh, sy, dy, pads[0])

    def columns(start: int, count: int) -> _Axis:
        return _axis(start, count, width, kw, sx, dx, pads[1])

    inp_room = min(config.depth(MemoryType.INP) // 2, ITERATIONS)
    acc_room = config.depth(MemoryType.ACC) // 2

    def fits(blocks: int, y: int, x: int) -> bool:
        area = blocks * ((y - 1) * sy + dy * (kh - 1) + 1) * ((x - 1) * sx + dx * (kw - 1) + 1)
        return bool(area <= inp_room and area + blocks * y * x <= acc_room)

    choices = [
        (b, y, x)
        for b, y, x in product(even_splits(source.blocks), even_splits(oh), even_splits(ow))
        if fits(b, y, x)
    ]
    blocks, tall, wide = max(choices, key=lambda c: (c[0] * c[1] * c[2], c[2], c[1]))
    weights = ctx.constants(f"{node.name}.weights", scaled_identity(config, 0)[0], MemoryType.WGT)
    inp, acc = ctx.pool(MemoryType.INP, inp_room, 2), LruBuffers(0, acc_room)

    def load_identity(builder: StreamBuilder, base: int) -> None:
        builder.load_2d(MemoryType.WGT, base, weights, 1)

    def load(builder: StreamBuilder, base: int, part: _Part) -> None:
        v, h = part.rows, part.columns
        for index in range(part.blocks):
            builder.load_2d(
                MemoryType.INP, base + index * v.inputs * h.inputs,
                source.at(part.group, part.block + index, v.first, h.first), h.inputs, v.inputs,
                width,
            )

    def store(builder: StreamBuilder, out: int, part: _Part) -> None:
        v, h = part.rows, part.columns
        for index in range(part.blocks):
            builder.store_2d(
                out + index * v.count * h.count,
                target.at(part.group, part.block + index, v.start, h.start), h.count, v.count, ow,
            )

    for group, b, y, x in product(
        range(source.groups), range(0, source.blocks, blocks), range(0, oh, tall),
        range(0, ow, wide),
    ):
        part = _Part(
            group, b, min(blocks, source.blocks - b), rows(y, min(tall, oh - y)),
            columns(x, min(wide, ow - x)),
        )
        one = ctx.fill_weights((node.name, "identity"), load_identity)
        data = ctx.fill(inp, part, partial(load, part=part))
        slot = acc.take(part)
        ctx.compute(partial(
            _maximum, bases=(slot.base, data.base, one.base), part=part, kernel=(kh, kw),
            dilations=(dy, dx),
        ))
        ctx.store(partial(store, out=slot.base, part=part))


def _maximum(
    builder: StreamBuilder, bases: tuple[int, int, int], part: _Part, kernel: tuple[int, int],
    dilations: tuple[int, int],
) -> None:
    """Emit one tile: outputs from the first base on, then a copy of the inputs behind them.

    The columns of the copy are a stride apart: all inputs of a tap are neighbours, and two
    operands of a step never meet in a bank of the accumulator.
    """
    (out, inp, one), (blocks, v, h) = bases, (part.blocks, part.rows, part.columns)
    area, pixels = v.inputs * h.inputs, v.count * h.count
    copy = out + blocks * pixels
    for (oy, ny, iy), (ox, nx, ix) in product(v.first_taps(), h.first_taps()):
        accumulate(
            builder, (out + oy * h.count + ox, inp + iy * h.inputs + ix, one),
            [Loop(blocks, pixels, area), Loop(ny, h.count, v.stride * h.inputs),
             Loop(nx, 1, h.stride)], [], True,
        )
    if kernel == (1, 1):
        return
    widths = [-(-(h.inputs - phase) // h.stride) for phase in range(h.stride)]
    starts = [copy + blocks * v.inputs * sum(widths[:phase]) for phase in range(h.stride)]
    for phase, (start, width) in enumerate(zip(starts, widths, strict=True)):
        if width > 0:
            accumulate(
                builder, (start, inp + phase, one),
                [Loop(blocks * v.inputs, width, h.inputs), Loop(width, 1, h.stride)], [], True,
            )
    for ky, kx in product(range(kernel[0]), range(kernel[1])):
        (oy, ny, iy), (ox, nx, ix) = v.inside(ky * dilations[0]), h.inside(kx * dilations[1])
        if (ky, kx) == (0, 0) or not ny or not nx:
            continue
        start, width = starts[ix % h.stride], widths[ix % h.stride]
        loops = nest(
            (out + oy * h.count + ox, start + iy * width + ix // h.stride, 0),
            [Loop(blocks, pixels, v.inputs * width), Loop(ny, h.count, v.stride * width),
             Loop(nx, 1, 1)],
        )
        loops.alu(builder, AluOpcode.MAX)

"""Pooling: MaxPool by ALU MAX over the taps, GlobalAveragePool by summing in the GEMM unit.

MaxPool loads inputs without padding and visits, tap by tap, only the outputs whose tap lies inside:
no value stands for minus infinity.  The first tap, moved inside where it falls into the padding, is
in every window; GEMM with the identity writes it straight into the outputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from ..driver.stream import StreamBuilder
from ..isa.opcodes import AluOpcode, MemoryType
from .emit import accumulate, parameters, requantize_tiles
from .errors import CompileError
from .loops import Loop, nest
from .lower_elementwise import identity
from .lowering import Lowering
from .quantized import QuantizedNode
from .schedule import cuts, parameter_tiles
from .slots import SlotPool

__all__ = ["lower_average", "lower_max_pool"]


@dataclass(frozen=True)
class _Axis:
    """A range of outputs along one axis and the inputs inside that their windows touch."""

    start: int  # first output
    count: int
    first: int  # first input
    inputs: int
    offset: int  # input of the first output's first tap, relative to ``first`` (may be negative)
    stride: int

    def inside(self, tap: int) -> tuple[int, int, int]:
        """Return (first output whose ``tap`` lies inside, how many, input of that tap)."""
        at = [self.offset + o * self.stride + tap for o in range(self.count)]
        good = [o for o, place in enumerate(at) if 0 <= place < self.inputs]
        return (good[0], len(good), at[good[0]]) if good else (0, 0, 0)

    def first_taps(self) -> list[tuple[int, int, int]]:
        """Return (output, how many, input) runs of the first tap, moved inside if need be."""
        border = [(o, 1, 0) for o in range(self.count) if self.offset + o * self.stride < 0]
        left = self.count - len(border)
        start = len(border)
        return [*border, (start, left, self.offset + start * self.stride)] if left else border


def _axis(start: int, count: int, size: int, kernel: int, stride: int, dilation: int,
          before: int) -> _Axis:
    at = start * stride - before
    first = max(at, 0)
    end = min(at + (count - 1) * stride + dilation * (kernel - 1) + 1, size)
    return _Axis(start, count, first, end - first, at - first, stride)


def lower_max_pool(low: Lowering, node: QuantizedNode) -> None:
    """Lower a 2-D maximum; the scale stays."""
    source, target = low.activations[node.inputs[0]], low.activations[node.outputs[0]]
    config, (kh, kw) = low.config, node.attrs["kernel"]
    (sy, sx), (dy, dx), pads = node.attrs["strides"], node.attrs["dilations"], node.attrs["pads"]
    (height, width), (oh, ow) = source.view[1:], target.view[1:]

    def rows(start: int, count: int) -> _Axis:
        return _axis(start, count, height, kh, sy, dy, pads[0])

    def columns(start: int, count: int) -> _Axis:
        return _axis(start, count, width, kw, sx, dx, pads[1])

    inp_room, acc_room = config.depth(MemoryType.INP) // 2, config.depth(MemoryType.ACC) // 2

    def fits(blocks: int, y: int, x: int) -> bool:
        area = blocks * ((y - 1) * sy + dy * (kh - 1) + 1) * ((x - 1) * sx + dx * (kw - 1) + 1)
        return area <= inp_room and area + blocks * y * x <= acc_room

    choices = [
        (b, y, x) for b, y, x in product(cuts(source.blocks), cuts(oh), cuts(ow)) if fits(b, y, x)
    ]
    if not choices:
        raise CompileError(
            f"MaxPool {node.name!r}: a window of {kh}x{kw} does not fit half the buffers of "
            f"{config.name}"
        )
    blocks, tall, wide = max(choices, key=lambda c: (c[0] * c[1] * c[2], c[2], c[1]))
    weights = low.constants(f"{node.name}.weights", identity(config, 0), MemoryType.WGT)
    inp, acc, wgt = SlotPool(0, inp_room), SlotPool(0, acc_room), SlotPool(0, 1, 1)
    for group, b, y, x in product(
        range(source.groups), range(0, source.blocks, blocks), range(0, oh, tall),
        range(0, ow, wide),
    ):
        count = min(blocks, source.blocks - b)
        v, h = rows(y, min(tall, oh - y)), columns(x, min(wide, ow - x))
        one = low.fill(wgt, "identity", lambda builder, base: builder.load_2d(
            MemoryType.WGT, base, weights, 1))

        def load(
            builder: StreamBuilder, base: int, group: int = group, b: int = b, count: int = count,
            v: _Axis = v, h: _Axis = h,
        ) -> None:
            for index in range(count):
                builder.load_2d(
                    MemoryType.INP, base + index * v.inputs * h.inputs,
                    source.at(group, b + index, v.first, h.first), h.inputs, v.inputs, width,
                )

        data = low.fill(inp, (group, b, y, x), load)
        slot, drained = acc.take((group, b, y, x))
        done = low.compute(
            lambda builder, out=slot.base, base=data.base, count=count, v=v, h=h: _maximum(
                builder, out, base, count, v, h, (kh, kw), (dy, dx)
            ), data.filled, one.filled, drained,
        )
        data.used = one.used = done

        def store(
            builder: StreamBuilder, out: int = slot.base, group: int = group, b: int = b,
            count: int = count, v: _Axis = v, h: _Axis = h,
        ) -> None:
            for index in range(count):
                builder.store_2d(
                    out + index * v.count * h.count,
                    target.at(group, b + index, v.start, h.start), h.count, v.count, ow,
                )

        slot.used = low.store(store, done)


def _maximum(
    builder: StreamBuilder, out: int, inp: int, blocks: int, v: _Axis, h: _Axis,
    kernel: tuple[int, int], dilations: tuple[int, int],
) -> None:
    """Emit one tile: outputs from ACC ``out``, then a copy of the inputs behind them."""
    area, pixels = v.inputs * h.inputs, v.count * h.count
    copy = out + blocks * pixels
    for (oy, ny, iy), (ox, nx, ix) in product(v.first_taps(), h.first_taps()):
        accumulate(
            builder, (out + oy * h.count + ox, inp + iy * h.inputs + ix, 0),
            [Loop(blocks, pixels, area), Loop(ny, h.count, v.stride * h.inputs),
             Loop(nx, 1, h.stride)], [], True,
        )
    if kernel == (1, 1):
        return
    accumulate(builder, (copy, inp, 0), [Loop(blocks * area, 1, 1)], [], True)
    for ky, kx in product(range(kernel[0]), range(kernel[1])):
        (oy, ny, iy), (ox, nx, ix) = v.inside(ky * dilations[0]), h.inside(kx * dilations[1])
        if (ky, kx) == (0, 0) or not ny or not nx:
            continue
        found = nest(
            (out + oy * h.count + ox, copy + iy * h.inputs + ix, 0),
            [Loop(blocks, pixels, area), Loop(ny, h.count, v.stride * h.inputs),
             Loop(nx, 1, h.stride)],
        )
        builder.alu(found.uops, AluOpcode.MAX, **found.arguments)


def lower_average(low: Lowering, node: QuantizedNode) -> None:
    """Lower the mean over all pixels of each channel."""
    source, target = low.activations[node.inputs[0]], low.activations[node.outputs[0]]
    config, rule = low.config, node.requant
    assert rule is not None
    weights = low.constants(f"{node.name}.weights", identity(config, 0), MemoryType.WGT)
    table = low.constants(
        f"{node.name}.parameters", parameters(rule, config, uniform=True), MemoryType.ACC
    )
    kept = parameter_tiles(config)
    room = config.depth(MemoryType.INP) // 2
    blocks = max(1, min(
        source.groups * source.blocks, room // source.pixels,
        (config.depth(MemoryType.ACC) - kept) // 2,
    ))
    size = min(source.pixels, room)
    inp, wgt, acc = SlotPool(0, room), SlotPool(0, 1, 1), SlotPool(kept, blocks)
    loaded = False
    for start in range(0, source.groups * source.blocks, blocks):
        count = min(blocks, source.groups * source.blocks - start)
        slot, drained = acc.take(start)
        for pixel in range(0, source.pixels, size):
            part = min(size, source.pixels - pixel)
            one = low.fill(wgt, "identity", lambda builder, base: builder.load_2d(
                MemoryType.WGT, base, weights, 1))
            data = low.fill(
                inp, (start, pixel),
                lambda builder, base, start=start, pixel=pixel, part=part, count=count:
                builder.load_2d(
                    MemoryType.INP, base, source.dram + start * source.pixels + pixel, part,
                    count, source.pixels,
                ),
            )
            last = pixel + part == source.pixels

            def compute(
                builder: StreamBuilder, out: int = slot.base, base: int = data.base,
                count: int = count, part: int = part, first: bool = pixel == 0, last: bool = last,
            ) -> None:
                nonlocal loaded
                accumulate(
                    builder, (out, base, 0), [Loop(count, 1, part)], [Loop(part, 0, 1)], first
                )
                if not last:
                    return
                if not loaded:
                    builder.load_2d(MemoryType.ACC, 0, table, kept)
                    loaded = True
                requantize_tiles(builder, rule, out, 1, count, 0, 0)

            done = low.compute(compute, data.filled, one.filled, drained)
            data.used = one.used = done
        slot.used = low.store(
            lambda builder, out=slot.base, start=start, count=count: builder.store_2d(
                out, target.dram + start, count
            ), done,
        )

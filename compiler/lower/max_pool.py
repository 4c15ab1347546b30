"""MaxPool by ALU MAX over the taps.

Inputs are loaded without padding, and each tap visits only the outputs for which it is inside:
no value must represent minus infinity.  The first tap, moved inside where it falls into the
padding, is in every window; GEMM with the identity writes it straight into the outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product

from ...driver.stream.stream import StreamBuilder
from ...isa.config import Config
from ...isa.fields import MAX_ITERATIONS
from ...isa.opcodes import AluOpcode, MemoryType
from ..codegen.loop_nest import Loop, nest
from ..codegen.lowering_context import Activation, Constants, Fill, LoweringContext
from ..codegen.scratchpad_lru import LruBuffers
from ..codegen.tile_ops import accumulate
from ..ir.attributes import MaxPoolAttributes
from ..ir.quantized_graph import QuantizedNode
from ..schedule.conv_tiles import Range, ranges_of
from ..schedule.pool_problems import MaxPoolProblem
from ..schedule.tiling_problem import MapTiling
from .map_tiles import load_map, place_identity, store_map
from .tiled_layer import EmitTiling, TiledLayer
from .tiled_loop import Chunk, Inputs, Part, Tile, TiledLoop

__all__ = ["max_pool_layer"]


@dataclass(frozen=True)
class _Axis:
    """A range of outputs along one axis and the inputs inside that their windows read."""

    outputs: Range
    inputs: Range
    offset: int  # input of the first output's first tap, among ``inputs`` (may be negative)
    stride: int
    dilation: int

    def inside(self, tap: int) -> tuple[int, int, int]:
        """Return (first output whose ``tap`` is inside, how many, input of that tap)."""
        at = [self.offset + o * self.stride + tap for o in range(self.outputs.count)]
        good = [o for o, place in enumerate(at) if 0 <= place < self.inputs.count]
        return (good[0], len(good), at[good[0]]) if good else (0, 0, 0)

    def first_taps(self) -> list[tuple[int, int, int]]:
        """Return (output, how many, input) runs of the first tap, moved inside if necessary."""
        at = [self.offset + o * self.stride for o in range(self.outputs.count)]
        border = [(o, 1, place % self.dilation) for o, place in enumerate(at) if place < 0]
        left = self.outputs.count - len(border)
        start = len(border)
        return [*border, (start, left, self.offset + start * self.stride)] if left else border


@dataclass(frozen=True)
class _Tile:
    """Outputs computed in one step: channel blocks of a group of images, rows, columns."""

    group: int
    blocks: Range
    rows: _Axis
    columns: _Axis


def max_pool_layer(
    node: QuantizedNode[MaxPoolAttributes], activations: Mapping[str, Activation], config: Config
) -> TiledLayer:
    """Return the layer of a 2-D maximum; the scale stays."""
    source, target = activations[node.inputs[0]], activations[node.outputs[0]]
    window = node.attrs.window
    problem = MaxPoolProblem(
        source.groups, source.blocks, source.layout[1:], target.layout[1:], window.kernel,
        window.strides, window.dilations, window.pads[:2])
    pool = _MaxPool(node, problem, source, target)

    def place(constants: Constants) -> EmitTiling:
        return partial(pool.emit, load_identity=place_identity(node, config, constants))

    return TiledLayer(node, problem, place)


@dataclass(frozen=True, eq=False)
class _MaxPool:
    node: QuantizedNode
    problem: MaxPoolProblem
    source: Activation
    target: Activation

    def emit(self, ctx: LoweringContext, tiling: MapTiling, load_identity: Fill) -> None:
        inp_size = min(ctx.config.depth(MemoryType.INP) // 2, MAX_ITERATIONS)
        inp = ctx.pool(MemoryType.INP, inp_size, 2)
        acc = LruBuffers(0, ctx.config.depth(MemoryType.ACC) // 2)
        out = self.problem.out

        def tile(group: int, blocks: Range, rows: Range, columns: Range) -> Tile:
            item = _Tile(group, blocks, self.axis(0, rows), self.axis(1, columns))
            part = Part(partial(_maximum, tile=item, problem=self.problem), load_identity)
            read = blocks, item.rows.inputs, item.columns.inputs
            inputs = Inputs(item, partial(load_map, source=self.source, group=group, box=read))

            def finish(_: int, base: int) -> None:
                ctx.store(partial(
                    store_map, base=base, target=self.target, group=group,
                    box=(blocks, rows, columns)))

            return Tile(item, [Chunk([part], (self.node.name, "identity"), inputs)], finish)

        TiledLoop(ctx, inp, acc).run({
            "group": range(self.problem.groups),
            "blocks": ranges_of(self.problem.blocks, tiling.blocks),
            "rows": ranges_of(out[0], tiling.oh), "columns": ranges_of(out[1], tiling.ow),
        }, tile)

    def axis(self, axis: int, outputs: Range) -> _Axis:
        """Return the inputs of a range of outputs along an axis."""
        problem = self.problem
        stride, dilation = problem.strides[axis], problem.dilations[axis]
        at = outputs.start * stride - problem.before[axis]
        first = max(at, 0)
        reach = (outputs.count - 1) * stride + dilation * (problem.kernel[axis] - 1) + 1
        end = min(at + reach, problem.size[axis])
        return _Axis(outputs, Range(first, end - first), at - first, stride, dilation)


def _maximum(
    builder: StreamBuilder, bases: tuple[int, int, int], tile: _Tile, problem: MaxPoolProblem
) -> None:
    """Emit one tile: outputs from the first base on, followed by a copy of the inputs.

    The columns of the copy are a stride apart: all inputs of a tap are neighbours, and two
    operands of a step never meet in a bank of the accumulator.
    """
    (out, inp, one), (blocks, v, h) = bases, (tile.blocks.count, tile.rows, tile.columns)
    tall, wide, run = v.inputs.count, h.inputs.count, h.outputs.count
    area, pixels = tall * wide, v.outputs.count * run
    copy = out + blocks * pixels
    for (oy, ny, iy), (ox, nx, ix) in product(v.first_taps(), h.first_taps()):
        accumulate(
            builder, (out + oy * run + ox, inp + iy * wide + ix, one),
            [Loop(blocks, pixels, area), Loop(ny, run, v.stride * wide),
             Loop(nx, 1, h.stride)], [], True,
        )
    if problem.kernel == (1, 1):
        return
    widths = [-(-(wide - phase) // h.stride) for phase in range(h.stride)]
    starts = [copy + blocks * tall * sum(widths[:phase]) for phase in range(h.stride)]
    for phase, (start, width) in enumerate(zip(starts, widths, strict=True)):
        if width > 0:
            accumulate(
                builder, (start, inp + phase, one),
                [Loop(blocks * tall, width, wide), Loop(width, 1, h.stride)], [], True,
            )
    for ky, kx in product(*map(range, problem.kernel)):
        (oy, ny, iy), (ox, nx, ix) = (
            v.inside(ky * problem.dilations[0]), h.inside(kx * problem.dilations[1]))
        if (ky, kx) == (0, 0) or not ny or not nx:
            continue
        start, width = starts[ix % h.stride], widths[ix % h.stride]
        loops = nest(
            (out + oy * run + ox, start + iy * width + ix // h.stride, 0),
            [Loop(blocks, pixels, tall * width), Loop(ny, run, v.stride * width),
             Loop(nx, 1, 1)],
        )
        loops.alu(builder, AluOpcode.MAX)

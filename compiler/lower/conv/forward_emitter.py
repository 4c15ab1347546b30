"""Records a depthwise convolution whose outputs are forwarded into the pointwise one after it.

For a chunk of channels and the pixels of an output tile: inputs are loaded, DWC sums them in ACC,
RQT makes outputs of the sums, and a STORE copies these into a slot of INP, where the 1x1
convolution reads them (extension ``forward``).  Nothing between the two is in memory.
"""

from __future__ import annotations

from functools import partial

from ....driver.stream.stream import StreamBuilder
from ....isa.opcodes import MemoryType
from ...codegen.lowering_context import LoweringContext, load_run
from ...codegen.scratchpad_lru import LruBuffers
from ...schedule.conv_problem import parameter_tiles
from ...schedule.conv_tiles import OutputTile, Range, ReductionChunk, tile_of
from ...schedule.tiling_space import Buffers
from .conv_constants import ConvConstants
from .conv_emit import ConvCalls
from .epilogue_ops import Field
from .fusion_group import ConvProblem

__all__ = ["ForwardEmitter"]


class ForwardEmitter:
    """Records the steps that produce the inputs of a pointwise convolution.

    Parameters
    ----------
    problem, constants
        Of the depthwise convolution.
    buffers
        Of the pointwise one.

    Attributes
    ----------
    slots
        Of INP, to forward into: at its end, before the other operand of an Add.
    """

    def __init__(
        self, ctx: LoweringContext, problem: ConvProblem, constants: ConvConstants,
        buffers: Buffers,
    ):
        depth = ctx.config.depth
        self.ctx, self.shape, self.constants = ctx, problem.shape, constants
        self.stride = parameter_tiles(ctx.config)
        self.calls = ConvCalls(problem, constants, self.stride)
        (count, size), (other, each) = buffers.inp, buffers.other
        reserved = count * size + other * each
        self.slots = LruBuffers(depth(MemoryType.INP) - reserved, size, count)
        self._inputs = ctx.pool(MemoryType.INP, buffers.ahead.inp, 2, reserved)
        self._wgt = depth(MemoryType.WGT) - buffers.ahead.wgt - bool(other)
        self._parameters = depth(MemoryType.ACC) - buffers.ahead.parameters
        self._acc = self._parameters - buffers.ahead.acc
        self._resident: set[Range] = set()

    def produce(self, base: int, tile: OutputTile, blocks: Range) -> None:
        """Record the outputs of some blocks of channels for a tile, into INP from ``base`` on."""
        kernel = ReductionChunk(Range(0, 1), *(Range(0, taps) for taps in self.shape.kernel))
        own = tile_of(self.shape, tile.group, blocks, tile.oh, tile.ow)
        weights, table = self._hold(own, kernel)
        inputs = self.ctx.fill(
            self._inputs, own, partial(self.calls.load_inputs, tile=own, chunk=kernel)).base
        sums = Field(self._acc, blocks.count, own.pixels, own.pixels)
        self.ctx.compute(partial(
            self.calls.multiply, tile=own, part=Range(0, blocks.count), chunk=kernel,
            bases=(self._acc, inputs, weights)))
        self.ctx.compute(partial(self.calls.requantize, field=sums, table=table))
        self.ctx.store(partial(_forward, sums=sums, base=base))

    def _hold(self, tile: OutputTile, kernel: ReductionChunk) -> tuple[int, int]:
        """Ensure weights and parameters of a tile are resident; return their base indices."""
        first, each = tile.co.start, self.shape.weight_tiles(1, *self.shape.kernel)
        weights, table = self._wgt + first * each, self._parameters + first * self.stride
        if tile.co not in self._resident:
            self._resident.add(tile.co)
            self.ctx.load(partial(
                self.calls.load_weights, base=weights, tile=tile, chunk=kernel))
            self.ctx.compute(partial(
                load_run, memory_type=MemoryType.ACC, sram=table,
                dram=self.constants.parameters + first * self.stride,
                count=tile.co.count * self.stride))
        return weights, table


def _forward(builder: StreamBuilder, sums: Field, base: int) -> None:
    """Emit the copy of neighbouring outputs into INP."""
    builder.forward_2d(MemoryType.INP, sums.base, base, sums.tiles)

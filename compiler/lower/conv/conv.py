"""Convolutions, and dense layers as convolutions whose window is the whole input.

    for every tile of outputs (channel blocks x rows x columns)     a slot of ACC
        for every chunk of the sum (input blocks x window rows x window columns)
            load inputs unless a slot holds them                     a slot of INP
            for every part of the tile's channel blocks
                load weights unless a slot holds them                a slot of WGT
                GEMM
                after the last chunk: requantize, store
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import product
from math import prod

from ....driver.stream.stream import Stream
from ....isa.opcodes import MemoryType
from ....model.timing.predict import predict
from ...codegen.lowering_context import Lowering, load_run
from ...codegen.scratchpad_lru import Slot, SlotPool
from ...codegen.tile_ops import parameters
from ...ir.quantized_graph import QuantizedNode
from ...schedule.conv_problem import ConvTiling, parameter_tiles
from ...schedule.conv_tiles import Chunk, Part, Tile, inputs_of, parts_of, tile_of
from ...schedule.group_blocks import Blocks, weight_tiles
from ...schedule.select_tiling import LATENCY, choose
from ...schedule.tiling_space import buffers_of
from ..block_gemm import scaled_identity
from .conv_emit import ConvCalls
from .conv_shape import conv_shape, filters
from .epilogue import Following
from .epilogue_emitter import Follower, Values
from .epilogue_ops import result
from .residual import Residual
from .tile_order import in_tiles
from .zero_point_padding import border_row

__all__ = ["Convolution", "lower_conv"]


def lower_conv(
    low: Lowering, node: QuantizedNode, residual: Residual | None = None,
    follow: Following | None = None,
) -> None:
    """Lower a convolution with any number of groups, a transposed one, or a dense layer.

    With ``residual`` the Add that follows it too, and with ``follow`` what follows that.
    """
    convolution = Convolution(low, node, residual, follow)
    tiling = choose(
        convolution.shape, low.config, low.options,
        lambda tiling: convolution.predict(low, tiling),
    )
    convolution.lower(low, tiling)


class Convolution:
    """A convolution whose constants are in memory, to be lowered with any tiling."""

    def __init__(
        self, low: Lowering, node: QuantizedNode, residual: Residual | None = None,
        follow: Following | None = None,
    ):
        config, self.node, self.residual = low.config, node, residual
        source = low.activations[node.inputs[0]]
        target = low.activations[node.outputs[0]]
        if "unflatten" in node.attrs:
            node, target = in_tiles(node, target, config.block_out)
        self.shape = shape = replace(
            conv_shape(node, source, target, config), residual=residual is not None,
            after=follow.after if follow else None)
        last = follow.nodes[-1] if follow else residual.add if residual else None
        target = target if last is None else low.activations[last.outputs[0]]
        assert node.requant is not None
        tiles = weight_tiles(
            filters(node, source.view), source.view[0], Blocks(shape.ci, shape.leads), config,
        )
        weights = low.constants(f"{node.name}.weights", tiles, MemoryType.WGT)
        table = parameters(node.requant, config)
        self.table = low.constants(f"{node.name}.parameters", table, MemoryType.ACC)
        self.stride = parameter_tiles(config)
        border = None if not node.padding else low.constants(
            f"{node.name}.padding", border_row(shape, node.padding, config), MemoryType.INP
        )
        self.calls = ConvCalls(shape, source, target, node.requant, weights, self.stride, border)
        if residual is not None:
            self.other = low.activations[residual.other]
            identity, _ = scaled_identity(config, residual.other_shift)
            self.identity = low.constants(
                f"{residual.add.name}.weights", identity[None], MemoryType.WGT)
            assert residual.add.requant is not None
            self.sums = low.constants(
                f"{residual.add.name}.parameters",
                parameters(residual.add.requant, config, uniform=True), MemoryType.ACC)
        self.follower = None if follow is None else Follower(low, follow)

    def predict(self, low: Lowering, tiling: ConvTiling) -> int:
        """Return the cycles of the layer alone with a tiling."""
        stream = self.alone(low, tiling, draft=True)
        return predict(stream.instructions, stream.uops, low.config, latency=LATENCY).cycles

    def alone(self, low: Lowering, tiling: ConvTiling, *, draft: bool = False) -> Stream:
        """Return the stream of the layer alone, nothing else in the launch."""
        alone = Lowering(low.config, low.activations, low.constants, low.options)
        alone.begin(self.node)
        self.lower(alone, tiling)
        return alone.finish(draft=draft)

    def lower(self, low: Lowering, tiling: ConvTiling) -> None:
        """Record the layer."""
        self.low, self.tiling = low, tiling
        buffers = buffers_of(self.shape, tiling, low.config)
        assert buffers is not None, "a tiling that fits"
        # first block of the parameters on chip, and which parts of them are there
        self.resident: tuple[int, set[Part]] = (0, set())
        self.loaded: dict[int, set[Part]] = {}  # parts of what a slot of WGT holds
        self.acc = SlotPool(buffers.kept, buffers.acc[1], buffers.acc[0])
        count, size = buffers.other
        self.inp = low.pool(MemoryType.INP, buffers.inp[1], buffers.inp[0], count * size)
        self.wgt = low.pool(
            MemoryType.WGT, buffers.wgt[1], buffers.wgt[0], int(self.shape.residual))
        if self.residual is not None:
            self.added = SlotPool(low.config.depth(MemoryType.INP) - count * size, size, count)
            self.one = low.config.depth(MemoryType.WGT) - 1  # where the identity lies
            self.table_of_sums = buffers.kept - self.stride
            self.sums_held = False
            low.load(partial(
                load_run, memory_type=MemoryType.WGT, sram=self.one, dram=self.identity, count=1))
        if self.follower is not None:
            blocks = self.shape.co if tiling.all_parameters else tiling.co
            self.follower.begin(
                low, blocks * self.stride, buffers.kept - self.stride * self.shape.residual)
        self.run()

    def run(self) -> None:
        t, shape = self.tiling, self.shape
        chunks = [Chunk(*parts) for parts in product(
            parts_of(shape.ci, t.ci), parts_of(shape.kernel[0], t.kh),
            parts_of(shape.kernel[1], t.kw),
        )]
        tiles = list(self.tiles(t))
        self.prefetch(tiles[0], chunks)
        for tile in tiles:
            self.tile(tile, chunks)
        last = tiles[-1].co.count * tiles[-1].pixels * chunks[-1].products
        self.low.slack = last // prod(shape.up)

    def prefetch(self, tile: Tile, chunks: list[Chunk]) -> None:
        """Load weights ahead of the first inputs, as many as come in while the layer before ends.
        """
        left = self.low.slack_before * self.low.config.bus_bytes
        for chunk in chunks[:len(self.wgt.slots)]:
            for part in parts_of(tile.co.count, self.tiling.part):
                left -= part.count * chunk.products * self.low.config.tile_bytes(MemoryType.WGT)
                if left < 0:
                    return
                self.hold_weights(tile, chunk, part)

    def tiles(self, t: ConvTiling) -> Iterator[Tile]:
        spatial = list(product(
            range(self.shape.groups), parts_of(self.shape.stored[0], t.oh),
            parts_of(self.shape.stored[1], t.ow),
        ))
        outer = parts_of(self.shape.co, t.co)
        if t.order == "weights":
            return (tile_of(self.shape, g, co, *at) for co in outer for g, *at in spatial)
        return (tile_of(self.shape, g, co, *at) for g, *at in spatial for co in outer)

    def tile(self, tile: Tile, chunks: list[Chunk]) -> None:
        acc = self.acc.take(tile)
        parts = parts_of(tile.co.count, self.tiling.part)
        for chunk in chunks:
            wgt = self.hold_weights(tile, chunk, parts[0])
            inp = self.low.fill(
                self.inp, (tile.group, tile.oh, tile.ow, inputs_of(self.shape, tile, chunk), chunk),
                partial(self.calls.load_inputs, tile=tile, chunk=chunk),
            )
            bases = (acc.base, inp.base, wgt.base)
            for part in parts:
                self.hold_weights(tile, chunk, part)
                last = chunk is chunks[-1]
                self.low.compute(partial(
                    self.calls.multiply, tile=tile, part=part, chunk=chunk, bases=bases))
                if last:
                    self.conclude(tile, part, acc.base + part.start * tile.pixels)

    def conclude(self, tile: Tile, part: Part, base: int) -> None:
        """Turn the sums of a part into outputs, and store them.

        What that needs is asked for while the last products are being summed.
        """
        added = self.load_other(tile.cut(part))
        table = self.hold_parameters(tile, part)
        if self.residual is not None and not self.sums_held:
            self.sums_held = True
            self.low.compute(partial(
                load_run, memory_type=MemoryType.ACC, sram=self.table_of_sums, dram=self.sums,
                count=self.stride))
        tile = tile.cut(part)
        steps: list[Values] = [partial(self.calls.requantize, table=table)]
        if self.residual is not None:
            steps.append(partial(
                self.calls.add_other, residual=self.residual, tile=tile,
                others=(added, self.one), table=self.table_of_sums))
        field, width = result(self.shape.after, tile, base)
        if self.follower is not None:
            self.follower.conclude(tile, base, steps)
        else:
            for step in steps:
                self.low.compute(partial(step, field=field))
        self.low.store(partial(self.calls.store, tile=tile, base=field.base, width=width))

    def load_other(self, tile: Tile) -> int:
        """Load what is added to a part of a tile, if anything; return where it lies."""
        if self.residual is None:
            return 0
        base = self.added.take(tile).base
        self.low.load(partial(self.calls.load_other, base=base, other=self.other, tile=tile))
        return base

    def hold_weights(self, tile: Tile, chunk: Chunk, part: Part) -> Slot:
        """Return the slot of a chunk's weights, with those of a part in it."""
        slot = self.wgt.find((tile.co, chunk))
        if slot is None:
            slot = self.wgt.take((tile.co, chunk))
            self.loaded[slot.base] = set()
        if part not in self.loaded[slot.base]:
            self.loaded[slot.base].add(part)
            self.low.load(partial(
                self.calls.load_weights, base=slot.base + part.start * chunk.products,
                tile=tile.cut(part), chunk=chunk))
        return slot

    def hold_parameters(self, tile: Tile, part: Part) -> int:
        """Have the parameters of a part on chip; return where they lie."""
        first = 0 if self.tiling.all_parameters else tile.co.start
        wanted = Part(tile.co.start + part.start, part.count)
        table = (wanted.start - first) * self.stride
        if first != self.resident[0]:
            self.resident = first, set()
        if wanted not in self.resident[1]:
            self.resident[1].add(wanted)
            self.low.compute(partial(
                load_run, memory_type=MemoryType.ACC, sram=table,
                dram=self.table + wanted.start * self.stride, count=wanted.count * self.stride,
            ))
        return table

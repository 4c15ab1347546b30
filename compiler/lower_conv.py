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
from functools import partial
from itertools import product
from math import prod

import numpy as np

from ..driver.stream import StreamBuilder
from ..isa.opcodes import MemoryType
from ..model.timing import predict
from .conv_schedule import LATENCY, choose
from .conv_tiles import Chunk, Part, Phase, Tile, extent, inputs_of, parts_of, phases
from .emit import accumulate, parameters, requantize_tiles, reset_tiles
from .feature_tiles import in_tiles
from .grouping import Blocks, Run, blocks_of, runs, weight_tiles
from .loops import Loop
from .lowering import Activation, Lowering, load_run
from .quantized import QuantizedNode
from .schedule import ConvShape, ConvTiling, parameter_tiles
from .slots import Slot, SlotPool
from .tilings import buffers_of

__all__ = ["lower_conv", "lower_conv_transpose", "lower_gemm"]


def lower_conv(low: Lowering, node: QuantizedNode) -> None:
    """Lower a convolution with any number of groups."""
    source, target = low.activations[node.inputs[0]], low.activations[node.outputs[0]]
    assert node.weight is not None
    blocks = blocks_of(source.view[0], target.view[0], node.attrs["group"], low.config)
    shape = ConvShape(
        groups=source.groups, ci=blocks.count, co=target.blocks, size=source.view[1:],
        out=target.view[1:], kernel=node.weight.shape[2:], strides=node.attrs["strides"],
        dilations=node.attrs["dilations"], before=node.attrs["pads"][:2], leads=blocks.leads,
    )
    _Conv(low, node, node.weight, shape, source, target).run()


def lower_conv_transpose(low: Lowering, node: QuantizedNode) -> None:
    """Lower a transposed convolution: a convolution of the input with gaps, which cost nothing.

    Taps are turned round, so that inputs advance with them.
    """
    source, target = low.activations[node.inputs[0]], low.activations[node.outputs[0]]
    assert node.weight is not None
    blocks = blocks_of(source.view[0], target.view[0], node.attrs["group"], low.config)
    kernel, dilations = node.weight.shape[2:], node.attrs["dilations"]
    top, left = (
        dilations[axis] * (kernel[axis] - 1) - node.attrs["pads"][axis] for axis in range(2)
    )
    shape = ConvShape(
        groups=source.groups, ci=blocks.count, co=target.blocks, size=source.view[1:],
        out=target.view[1:], kernel=kernel, dilations=dilations, before=(top, left),
        up=node.attrs["strides"], leads=blocks.leads,
    )
    _Conv(low, node, node.weight[:, :, ::-1, ::-1], shape, source, target).run()


def lower_gemm(low: Lowering, node: QuantizedNode) -> None:
    """Lower a dense layer; a flattened input is read as the feature map it was."""
    source, target = low.activations[node.inputs[0]], low.activations[node.outputs[0]]
    if "axis" in node.attrs:  # rows of features: a convolution of single pixels
        _dense_rows(low, node, source, target)
        return
    if "unflatten" in node.attrs:
        node, target = in_tiles(node, target, low.config.block_out)
    shape = ConvShape(
        groups=source.groups, ci=source.blocks, co=target.blocks, size=source.view[1:],
        out=(1, 1), kernel=source.view[1:],
    )
    assert node.weight is not None
    filters = node.weight.reshape(len(node.weight), *source.view)
    _Conv(low, node, filters, shape, source, target).run()


def _dense_rows(
    low: Lowering, node: QuantizedNode, source: Activation, target: Activation
) -> None:
    assert node.weight is not None
    shape = ConvShape(
        groups=source.groups, ci=source.blocks, co=target.blocks, size=source.view[1:],
        out=target.view[1:], kernel=(1, 1),
    )
    _Conv(low, node, node.weight[:, :, None, None], shape, source, target).run()


class _Conv:
    """A convolution whose constants are in memory, to be lowered with any tiling."""

    def __init__(
        self, low: Lowering, node: QuantizedNode, filters: np.ndarray, shape: ConvShape,
        source: Activation, target: Activation,
    ):
        config, self.node, self.shape = low.config, node, shape
        self.source, self.target = source, target
        assert node.requant is not None
        self.rule = node.requant
        blocks = Blocks(shape.ci, shape.leads)
        tiles = weight_tiles(filters, source.view[0], blocks, config)
        self.weights = low.constants(f"{node.name}.weights", tiles, MemoryType.WGT)
        table = parameters(self.rule, config)
        self.table = low.constants(f"{node.name}.parameters", table, MemoryType.ACC)
        self.stride = parameter_tiles(config)
        tiling = choose(shape, config, low.options, partial(self.predict, low))
        self.start(low, tiling)

    def predict(self, low: Lowering, tiling: ConvTiling) -> int:
        """Return the cycles of the layer alone with a tiling."""
        alone = Lowering(low.config, low.activations, low.constants, low.options)
        alone.begin(self.node)
        self.start(alone, tiling)
        self.run()
        stream = alone.finish(draft=True)
        return predict(stream.instructions, stream.uops, low.config, latency=LATENCY).cycles

    def start(self, low: Lowering, tiling: ConvTiling) -> None:
        """Begin with empty buffers."""
        self.low, self.tiling = low, tiling
        buffers = buffers_of(self.shape, tiling, low.config)
        assert buffers is not None, "a tiling that fits"
        self.resident: Part | None = None  # channel blocks whose parameters are on chip
        self.loaded: dict[int, set[Part]] = {}  # parts of what a slot of WGT holds
        self.acc = SlotPool(buffers.kept, buffers.acc[1], buffers.acc[0])
        self.inp = low.pool(MemoryType.INP, buffers.inp[1], buffers.inp[0])
        self.wgt = low.pool(MemoryType.WGT, buffers.wgt[1], buffers.wgt[0])

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
            range(self.shape.groups), parts_of(self.shape.out[0], t.oh),
            parts_of(self.shape.out[1], t.ow),
        ))
        outer = parts_of(self.shape.co, t.co)
        if t.order == "weights":
            return (Tile(g, co, oh, ow) for co in outer for g, oh, ow in spatial)
        return (Tile(g, co, oh, ow) for g, oh, ow in spatial for co in outer)

    def tile(self, tile: Tile, chunks: list[Chunk]) -> None:
        first = self.hold_parameters(tile)
        acc = self.acc.take(tile)[0]
        parts = parts_of(tile.co.count, self.tiling.part)
        for chunk in chunks:
            wgt = self.hold_weights(tile, chunk, parts[0])
            inp = self.low.fill(
                self.inp, (tile.group, tile.oh, tile.ow, inputs_of(self.shape, tile, chunk), chunk),
                partial(self.load_inputs, tile=tile, chunk=chunk),
            )
            bases = (acc.base, inp.base, wgt.base)
            for part in parts:
                self.hold_weights(tile, chunk, part)
                last = chunk is chunks[-1]
                self.low.compute(partial(
                    self.compute, tile=tile, part=part, chunk=chunk, last=last, bases=bases,
                    first=first))
                if last:
                    self.low.store(partial(
                        self.store, tile=tile.cut(part), base=acc.base + part.start * tile.pixels))

    def hold_weights(self, tile: Tile, chunk: Chunk, part: Part) -> Slot:
        """Return the slot of a chunk's weights, with those of a part in it."""
        slot = self.wgt.find((tile.co, chunk))
        if slot is None:
            slot = self.wgt.take((tile.co, chunk))[0]
            self.loaded[slot.base] = set()
        if part not in self.loaded[slot.base]:
            self.loaded[slot.base].add(part)
            self.low.load(partial(
                self.load_weights, base=slot.base + part.start * chunk.products,
                tile=tile.cut(part), chunk=chunk))
        return slot

    def hold_parameters(self, tile: Tile) -> int:
        """Have the parameters of a tile on chip; return the first block of those that are."""
        wanted = Part(0, self.shape.co) if self.tiling.all_parameters else tile.co
        if self.resident != wanted:
            self.low.compute(partial(
                load_run, memory_type=MemoryType.ACC, sram=0,
                dram=self.table + wanted.start * self.stride, count=wanted.count * self.stride,
            ))
            self.resident = wanted
        return wanted.start

    def compute(
        self, builder: StreamBuilder, tile: Tile, part: Part, chunk: Chunk, last: bool,
        bases: tuple[int, int, int], first: int,
    ) -> None:
        self.multiply(builder, tile, part, chunk, bases)
        if last:
            requantize_tiles(
                builder, self.rule, bases[0] + part.start * tile.pixels, part.count, tile.pixels,
                (tile.co.start + part.start - first) * self.stride, self.stride,
            )

    # -- device calls ----------------------------------------------------------------------------
    def load_inputs(self, builder: StreamBuilder, base: int, tile: Tile, chunk: Chunk) -> None:
        rows = extent(self.shape, 0, tile.oh, chunk.kh)
        columns = extent(self.shape, 1, tile.ow, chunk.kw)
        blocks = inputs_of(self.shape, tile, chunk)
        area, source = rows.total * columns.total, self.source
        if rows.inside == 0 or columns.inside == 0:  # nothing but padding
            builder.load_2d(MemoryType.INP, base, 0, blocks.count * area, 0, y_pad=(1, 0))
            return
        whole = (rows.inside, columns.inside) == (rows.total, source.view[2])
        if whole and columns.total == columns.inside and rows.step == 1:  # one run a block
            builder.load_2d(
                MemoryType.INP, base, source.at(tile.group, blocks.start, rows.first), area,
                blocks.count, source.pixels,
            )
            return
        for index in range(blocks.count):
            builder.load_2d(
                MemoryType.INP, base + index * area,
                source.at(tile.group, blocks.start + index, rows.first, columns.first),
                columns.inside, rows.inside, source.view[2] * rows.step,
                x_pad=(columns.before, columns.after), y_pad=(rows.before, rows.after),
            )

    def load_weights(self, builder: StreamBuilder, base: int, tile: Tile, chunk: Chunk) -> None:
        (kh, kw), ci = self.shape.kernel, self.shape.ci
        window = chunk.kh.count * chunk.kw.count
        size = chunk.ci.count * window
        start = self.weights + (tile.co.start * ci + chunk.ci.start) * kh * kw
        if (chunk.kh.count, chunk.kw.count) == (kh, kw):
            builder.load_2d(MemoryType.WGT, base, start, size, tile.co.count, ci * kh * kw)
            return
        for index, block in product(range(tile.co.count), range(chunk.ci.count)):
            builder.load_2d(
                MemoryType.WGT, base + index * size + block * window,
                start + (index * ci + block) * kh * kw + chunk.kh.start * kw + chunk.kw.start,
                chunk.kw.count, chunk.kh.count, kw,
            )

    def multiply(
        self, builder: StreamBuilder, tile: Tile, part: Part, chunk: Chunk,
        bases: tuple[int, int, int],
    ) -> None:
        for run, rows, columns in product(
            runs(self.shape.leads, tile.co.start + part.start, part.count),
            phases(self.shape, 0, tile.oh, chunk.kh), phases(self.shape, 1, tile.ow, chunk.kw),
        ):
            self.multiply_phase(builder, tile, chunk, bases, run, (rows, columns))

    def multiply_phase(
        self, builder: StreamBuilder, tile: Tile, chunk: Chunk, bases: tuple[int, int, int],
        run: Run, axes: tuple[Phase, Phase],
    ) -> None:
        v, h = axes
        acc, inp, wgt = bases
        width = extent(self.shape, 1, tile.ow, chunk.kw).total
        area = extent(self.shape, 0, tile.oh, chunk.kh).total * width
        window = chunk.kh.count * chunk.kw.count
        block, lead = run.start - tile.co.start, run.lead - inputs_of(self.shape, tile, chunk).start
        acc += block * tile.pixels + v.first * tile.ow.count + h.first
        inp += (lead + chunk.ci.start) * area + v.source * width + h.source
        wgt += block * chunk.ci.count * window + v.tap * chunk.kw.count + h.tap
        weights = chunk.ci.count * window  # of an output block
        kept = [
            Loop(run.repeats, run.count * tile.pixels, run.jump * area, run.count * weights),
            Loop(run.count, dst=tile.pixels, wgt=weights),
            Loop(v.count, dst=v.step * tile.ow.count, src=v.move * width),
            Loop(h.count, dst=h.step, src=h.move),
        ]
        if not v.taps or not h.taps:  # outputs between the taps hold the bias alone
            if chunk.first:
                reset_tiles(builder, acc, kept)
            return
        summed = [
            Loop(chunk.ci.count, src=area, wgt=window),
            Loop(v.taps, src=v.tap_move * width, wgt=v.tap_step * chunk.kw.count),
            Loop(h.taps, src=h.tap_move, wgt=h.tap_step),
        ]
        accumulate(builder, (acc, inp, wgt), kept, summed, chunk.first)

    def store(self, builder: StreamBuilder, tile: Tile, base: int) -> None:
        target = self.target
        if tile.ow.count == target.view[2]:  # whole rows
            builder.store_2d(
                base, target.at(tile.group, tile.co.start, tile.oh.start), tile.pixels,
                tile.co.count, target.pixels,
            )
            return
        for index in range(tile.co.count):
            builder.store_2d(
                base + index * tile.pixels,
                target.at(tile.group, tile.co.start + index, tile.oh.start, tile.ow.start),
                tile.ow.count, tile.oh.count, target.view[2],
            )

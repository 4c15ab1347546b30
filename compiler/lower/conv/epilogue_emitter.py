"""Records the steps of layers that are computed in the convolution ahead of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Protocol

from ....driver.stream.stream import StreamBuilder
from ....isa.opcodes import AluOpcode, MemoryType
from ...codegen.lowering_context import Lowering, load_run
from ...codegen.tile_ops import parameters
from ...ir.quantized_graph import QuantizedNode
from ...schedule.conv_problem import parameter_tiles
from ...schedule.conv_tiles import Tile
from .epilogue import Following, factor_of
from .epilogue_ops import Field, gather, leaky, result, scale, within

__all__ = ["Follower", "Values"]


class Values(Protocol):
    """``step(builder, field=...)`` changes every value of a field of ACC."""

    def __call__(self, builder: StreamBuilder, field: Field) -> None: ...


class Follower:
    """Layers that follow a convolution, their constants in memory."""

    def __init__(self, low: Lowering, follow: Following):
        self.follow, self.each = follow, parameter_tiles(low.config)
        self.tables = {
            node.name: low.constants(
                f"{node.name}.parameters", parameters(node.requant, low.config, uniform=True),
                MemoryType.ACC)
            for node in follow.nodes if node.requant is not None
        }

    def begin(self, low: Lowering, beside: int, end: int) -> None:
        """Start: copies lie in ACC from tile ``beside`` on, parameters below ``end``."""
        first = end - self.each * len(self.tables)
        self.places = {name: first + at * self.each for at, name in enumerate(self.tables)}
        self.low, self.beside, self.held = low, beside, False

    def conclude(self, tile: Tile, base: int, steps: Sequence[Values]) -> None:
        """Record ``steps``, what the convolution does to its sums, and what follows them.

        ``base``: the first tile of ACC that holds sums.
        """
        if not self.held:
            self.held = True
            for name, place in self.places.items():
                self.low.compute(partial(
                    load_run, memory_type=MemoryType.ACC, sram=place, dram=self.tables[name],
                    count=self.each))
        follow = self.follow
        ahead = [*steps, *map(self._values, follow.ahead)]
        rest = [*map(self._values, follow.rest)]
        if not follow.after.early:
            everything = Field(base, tile.co.count, tile.pixels, tile.pixels)
            for step in ahead:
                self.low.compute(partial(step, field=everything))
            ahead = []
        if follow.window is not None:
            largest = follow.window.op == "MaxPool"
            self.low.compute(partial(
                gather, opcode=AluOpcode.MAX if largest else AluOpcode.ADD, after=follow.after,
                tile=tile, base=base))
            if not largest:
                ahead.append(self._mean(follow.window))
        field, _ = result(follow.after, tile, base)
        for step in (*ahead, *rest):
            self.low.compute(partial(step, field=field))

    def _mean(self, node: QuantizedNode) -> Values:
        assert node.requant is not None
        return partial(
            scale, factor=factor_of(node), rule=node.requant, table=self.places[node.name])

    def _values(self, node: QuantizedNode) -> Values:
        if node.op == "LeakyRelu":
            return partial(
                leaky, node=node, beside=self.beside, table=self.places[node.name])
        return partial(within, node=node)

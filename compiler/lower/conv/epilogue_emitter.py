"""Records the steps of layers that are computed in the preceding convolution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Protocol

from ....driver.stream.stream import StreamBuilder
from ....isa.opcodes import AluOpcode, MemoryType
from ...codegen.lowering_context import LoweringContext, load_run
from ...ir.attributes import LeakyReluAttributes, MaxPoolAttributes
from ...ir.quantized_graph import QuantizedNode
from ...schedule.conv_problem import parameter_tiles
from ...schedule.conv_tiles import OutputTile
from .epilogue import Epilogue, factor_of
from .epilogue_ops import Field, gather, leaky, result, scale, within

__all__ = ["EpilogueEmitter", "Values"]


class Values(Protocol):
    """``step(builder, field=...)`` changes every value of a field of ACC."""

    def __call__(self, builder: StreamBuilder, field: Field) -> None: ...


class EpilogueEmitter:
    """Records the epilogue of one convolution, tile by tile.

    Parameters
    ----------
    tables
        Addresses of the parameters in DRAM, by node name.
    scratch, end
        Scratch tiles are in ACC from tile ``scratch`` on, parameters below tile ``end``.
    """

    def __init__(
        self, ctx: LoweringContext, epilogue: Epilogue, tables: Mapping[str, int], scratch: int,
        end: int,
    ):
        self.ctx, self.epilogue, self.tables, self.scratch = ctx, epilogue, tables, scratch
        self.each, self.resident = parameter_tiles(ctx.config), False
        first = end - self.each * len(tables)
        self.places = {name: first + at * self.each for at, name in enumerate(tables)}

    def conclude(self, tile: OutputTile, base: int, steps: Sequence[Values]) -> None:
        """Record ``steps``, those of the convolution on its sums, and the epilogue.

        ``base``: the first tile of ACC that holds sums.
        """
        if not self.resident:
            self.resident = True
            for name, place in self.places.items():
                self.ctx.compute(partial(
                    load_run, memory_type=MemoryType.ACC, sram=place, dram=self.tables[name],
                    count=self.each))
        epilogue = self.epilogue
        ahead = [*steps, *map(self._values, epilogue.ahead)]
        rest = [*map(self._values, epilogue.rest)]
        if not epilogue.spec.early:
            everything = Field(base, tile.co.count, tile.pixels, tile.pixels)
            for step in ahead:
                self.ctx.compute(partial(step, field=everything))
            ahead = []
        if epilogue.window is not None:
            largest = isinstance(epilogue.window.attrs, MaxPoolAttributes)
            self.ctx.compute(partial(
                gather, opcode=AluOpcode.MAX if largest else AluOpcode.ADD, spec=epilogue.spec,
                tile=tile, base=base))
            if not largest:
                ahead.append(self._mean(epilogue.window))
        field, _ = result(epilogue.spec, tile, base)
        for step in (*ahead, *rest):
            self.ctx.compute(partial(step, field=field))

    def _mean(self, node: QuantizedNode) -> Values:
        return partial(
            scale, factor=factor_of(node), rule=node.rule, table=self.places[node.name])

    def _values(self, node: QuantizedNode) -> Values:
        if isinstance(node.attrs, LeakyReluAttributes):
            return partial(
                leaky, node=node, scratch=self.scratch, table=self.places[node.name])
        return partial(within, node=node)

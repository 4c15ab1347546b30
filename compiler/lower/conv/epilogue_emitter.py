"""Records the steps of layers that are computed in the preceding convolution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Protocol

from ....driver.stream.stream import StreamBuilder
from ....isa.opcodes import MemoryType
from ...codegen.lowering_context import LoweringContext, load_run
from ...schedule.conv_problem import parameter_tiles
from ...schedule.conv_tiles import OutputTile
from .epilogue import Epilogue
from .epilogue_ops import Field, gather, result
from .epilogue_rule import EpilogueNode, EpiloguePlaces

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
        ahead, rest = [*steps, *self._values(epilogue.ahead)], self._values(epilogue.rest)
        if not epilogue.spec.early:
            everything = Field(base, tile.co.count, tile.pixels, tile.pixels)
            for step in ahead:
                self.ctx.compute(partial(step, field=everything))
            ahead = []
        if epilogue.window is not None:
            windows = epilogue.window.rule.windows
            assert windows is not None
            self.ctx.compute(partial(
                gather, opcode=windows.opcode, spec=epilogue.spec, tile=tile, base=base))
            ahead += self._values([epilogue.window])
        field, _ = result(epilogue.spec, tile, base)
        for step in (*ahead, *rest):
            self.ctx.compute(partial(step, field=field))

    def _values(self, items: Sequence[EpilogueNode]) -> list[Values]:
        """Return the steps of layers that change values."""
        return [
            partial(item.rule.emit, node=item.node, places=EpiloguePlaces(
                self.scratch, self.places.get(item.node.name, 0)))
            for item in items if item.rule.emit is not None
        ]

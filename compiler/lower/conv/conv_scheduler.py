"""From the scheduling problem of a fusion group to the choice of its tiling.

Values go one way: group, problem, candidate tilings, their predicted costs, the choice.  A cost is
that of the group's own stream, emitted at addresses behind all activations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ....driver.stream.stream import InstructionStream
from ....isa.opcodes import MemoryType
from ...codegen.lowering_context import Activation, AddressSpace, LoweringContext
from ...codegen.stream_costs import predicted_cost
from ...codegen.tokens import synchronize
from ...ir.quantized_graph import QuantizedNode
from ...ir.target_description import TargetDescription
from ...schedule.conv_problem import ConvTiling
from ...schedule.cost import Cost
from ...schedule.select_tiling import ScheduleOptions, TilingSelector
from .conv import emit_conv
from .conv_constants import ConvConstants, place_constants
from .fusion_group import ConvProblem, FusionGroup, conv_problem

__all__ = ["ConvScheduler", "LowerNode", "PlacedGroup"]

LowerNode = Callable[[LoweringContext, QuantizedNode], None]
"""Lowers a node that is no convolution."""


@dataclass(frozen=True, eq=False)
class PlacedGroup:
    """A group, its scheduling problem, and provisional addresses of its constants.

    ``memory``: the addresses in use, those of the activations included.
    """

    group: FusionGroup
    problem: ConvProblem
    constants: ConvConstants
    memory: AddressSpace


class ConvScheduler:
    """Predicts the cost of tilings and chooses them, for one compilation.

    Parameters
    ----------
    activations
        All activations that groups read and store, in DRAM.
    """

    def __init__(
        self, target: TargetDescription, options: ScheduleOptions,
        activations: Mapping[str, Activation],
    ):
        self.target, self.options, self.activations = target, options, activations
        self._selector = TilingSelector(target.config, options)
        tiles = max((item.dram + item.tiles for item in activations.values()), default=0)
        self._end = tiles * target.config.tile_bytes(MemoryType.INP)

    def place(self, group: FusionGroup) -> PlacedGroup:
        """Return a group with addresses for its constants."""
        config, memory = self.target.config, AddressSpace(self.target.config, self._end)
        problem = conv_problem(group, self.activations, config)
        constants = place_constants(group, problem, config, memory.constants)
        return PlacedGroup(group, problem, constants, memory)

    def stream(
        self, placed: PlacedGroup, tiling: ConvTiling, *, timing_only: bool = False
    ) -> InstructionStream:
        """Return the stream of a group alone in a launch; ``timing_only``: without its bytes."""
        ctx = LoweringContext(self.target.config, self.activations, placed.memory.constants)
        self._emit(ctx, placed, tiling)
        return synchronize(ctx.finish(timing_only=timing_only), self.options.overlap)

    def predict(self, placed: PlacedGroup, tiling: ConvTiling) -> Cost:
        """Return the predicted cost of a group alone."""
        return predicted_cost(self.stream(placed, tiling, timing_only=True), self.target)

    def choose(self, placed: PlacedGroup) -> ConvTiling:
        """Return the tiling of the minimum cost, or the tuned one (errors as
        :meth:`~.TilingSelector.choose`).
        """
        return self._selector.choose(
            placed.problem.shape, lambda tiling: self.predict(placed, tiling).cycles)

    def predict_chain(
        self, group: FusionGroup, nodes: Sequence[QuantizedNode], lower: LowerNode
    ) -> Cost:
        """Return the predicted cost of a group and of single nodes behind it, in one launch."""
        placed = self.place(group)
        ctx = LoweringContext(self.target.config, self.activations, placed.memory.constants)
        self._emit(ctx, placed, self.choose(placed))
        for node in nodes:
            ctx.begin(node)
            lower(ctx, node)
        stream = synchronize(ctx.finish(timing_only=True), self.options.overlap)
        return predicted_cost(stream, self.target)

    def _emit(self, ctx: LoweringContext, placed: PlacedGroup, tiling: ConvTiling) -> None:
        ctx.begin(placed.group.conv)
        emit_conv(ctx, placed.group, placed.problem, placed.constants, tiling)

"""From the scheduling problem of a layer to the choice of its tiling.

The steps are: layer, problem, candidate tilings, their predicted costs, the choice.  A cost is that
of the layer's own stream, emitted at addresses after all activations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...driver.stream.instruction_stream import InstructionStream
from ...isa.opcodes import MemoryType
from ..codegen.lowering_context import Activation, AddressSpace, LoweringContext
from ..codegen.stream_costs import predicted_cost
from ..codegen.tokens import synchronize
from ..ir.target_description import TargetDescription
from ..schedule.cost import Cost
from ..schedule.select_tiling import ScheduleOptions, TilingSelector
from ..schedule.tiling_problem import Tiling
from .tiled_layer import EmitTiling, TiledLayer

__all__ = ["LayerScheduler", "PlacedLayer"]


@dataclass(frozen=True, eq=False)
class PlacedLayer:
    """A layer with provisional addresses of its constants.

    ``memory``: the addresses in use, those of the activations included.
    """

    layer: TiledLayer
    emit: EmitTiling
    memory: AddressSpace


class LayerScheduler:
    """Predicts the cost of tilings and chooses them, for one compilation.

    Parameters
    ----------
    activations
        All activations that layers read and store, in DRAM.
    """

    def __init__(
        self, target: TargetDescription, options: ScheduleOptions,
        activations: Mapping[str, Activation],
    ):
        self.target, self.options, self.activations = target, options, activations
        self._selector = TilingSelector(target.config, options)
        tiles = max((item.dram + item.tiles for item in activations.values()), default=0)
        self._end = tiles * target.config.tile_bytes(MemoryType.INP)

    def place(self, layer: TiledLayer) -> PlacedLayer:
        """Return a layer with addresses for its constants."""
        memory = self._memory()
        return PlacedLayer(layer, layer.place(memory.constants), memory)

    def stream(
        self, placed: PlacedLayer, tiling: Tiling, *, timing_only: bool = False
    ) -> InstructionStream:
        """Return the stream of a layer alone in a launch; ``timing_only``: without its bytes."""
        ctx = self._context(placed.memory)
        ctx.begin(placed.layer.node)
        placed.emit(ctx, tiling)
        return synchronize(ctx.finish(timing_only=timing_only), self.options.overlap)

    def predict(self, placed: PlacedLayer, tiling: Tiling) -> Cost:
        """Return the predicted cost of a layer alone."""
        return predicted_cost(self.stream(placed, tiling, timing_only=True), self.target)

    def choose(self, layer: TiledLayer) -> Tiling:
        """Return the tiling of the minimum cost, or the tuned one (errors as
        :meth:`~.TilingSelector.choose`).
        """
        placed: list[PlacedLayer] = []  # once it is needed

        def predict(tiling: Tiling) -> float:
            if not placed:
                placed.append(self.place(layer))
            return self.predict(placed[0], tiling).cycles

        return self._selector.choose(layer.problem, predict)

    def predict_chain(self, layers: Sequence[TiledLayer]) -> Cost:
        """Return the predicted cost of layers in one launch."""
        memory = self._memory()
        ctx = self._context(memory)
        for layer in layers:
            emit = layer.place(memory.constants)
            ctx.begin(layer.node)
            emit(ctx, self.choose(layer))
        stream = synchronize(ctx.finish(timing_only=True), self.options.overlap)
        return predicted_cost(stream, self.target)

    def _memory(self) -> AddressSpace:
        return AddressSpace(self.target.config, self._end)

    def _context(self, memory: AddressSpace) -> LoweringContext:
        return LoweringContext(self.target.config, self.activations, memory.constants)

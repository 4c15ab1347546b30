"""Which layers of a launch are computed in the convolution ahead of them, and where it pays.

An Add always is where it can be (:mod:`.residual`); of what else could follow (:mod:`.following`)
as much as makes no chain of them dearer, by predicted cycles and bytes moved.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ....isa.config import Config
from ....isa.opcodes import MemoryType
from ....model.timing.predict import predict
from ...codegen.lowering_context import Activation, Lowering
from ...codegen.stream_costs import stream_costs
from ...ir.layouts import View
from ...ir.quantized_graph import QuantizedNode
from ...schedule.select_tiling import LATENCY, ScheduleOptions, hopeless, price
from ...schedule.tiling_space import tilings
from .conv import lower_conv
from .conv_shape import conv_shape
from .epilogue import FOLLOWERS, Following, following
from .residual import Residual, residuals

__all__ = ["Joined", "joined"]

Lower = Callable[[Lowering, QuantizedNode], None]


@dataclass(frozen=True, eq=False)
class Joined:
    """What is computed in a convolution: an Add, then layers that follow; not nothing."""

    residual: Residual | None
    follow: Following | None

    @property
    def nodes(self) -> tuple[QuantizedNode, ...]:
        """The layers, in order."""
        add = () if self.residual is None else (self.residual.add,)
        return (*add, *(() if self.follow is None else self.follow.nodes))

    def turn(self, name: str) -> str:
        """Return the layer in whose turn convolution ``name`` is lowered: what is added is there.
        """
        return name if self.residual is None else self.residual.add.name


def joined(
    work: Sequence[QuantizedNode], alone: Collection[str], views: Mapping[str, View],
    activations: Mapping[str, Activation], config: Config, options: ScheduleOptions, lower: Lower,
) -> dict[str, Joined]:
    """Return what is computed in convolutions, by their names.

    Parameters
    ----------
    work
        Nodes of one launch, in order.
    alone
        Names of activations that one node reads, and nobody else.
    lower
        Lowers a node by itself.
    """
    if options.fuse == "off":
        return {}
    adds = residuals(work, alone, views, config)
    readers = {name: node for node in work for name in node.inputs if name in alone}
    found: dict[str, Joined] = {}
    for conv in work:
        if conv.op not in ("Conv", "ConvTranspose", "Gemm") or "unflatten" in conv.attrs:
            continue
        choice = _Choice(conv, adds.get(conv.name), activations, config, options, lower)
        residual = choice.residual
        chain, last = [], conv if residual is None else residual.add
        while (reader := readers.get(last.outputs[0])) and reader.op in FOLLOWERS:
            chain.append(reader)
            last = reader
        follow = choice.best(chain)
        if residual is not None or follow is not None:
            found[conv.name] = Joined(residual, follow)
    return found


class _Choice:
    def __init__(
        self, conv: QuantizedNode, add: Residual | None, activations: Mapping[str, Activation],
        config: Config, options: ScheduleOptions, lower: Lower,
    ):
        self.conv, self.activations, self.config = conv, dict(activations), config
        self.options, self.lower = options, lower
        source, target = (activations[name] for name in (conv.inputs[0], conv.outputs[0]))
        self.shape = replace(
            conv_shape(conv, source, target, config), residual=add is not None)
        self.residual = add
        if add is not None and next(tilings(self.shape, config), None) is None:
            self.shape, self.residual = replace(self.shape, residual=False), None

    def best(self, chain: Sequence[QuantizedNode]) -> Following | None:
        """Return the first nodes of a chain that should follow the convolution, None if none.

        As many as possible of them, if that costs no more than none.
        """
        apart: float | None = None
        for count in range(len(chain), 0, -1):
            way = following(self.conv, chain[:count], self.shape, self.activations, self.config)
            if way is None:
                continue
            shape = replace(self.shape, after=way.after)
            if next(tilings(shape, self.config), None) is None:
                continue
            if self.options.fuse == "on":
                return way
            apart = self.price(chain, None) if apart is None else apart
            if hopeless(shape, self.config, self.options, apart):
                continue
            if self.price(chain, way) <= apart:
                return way
        return None

    def price(self, chain: Sequence[QuantizedNode], way: Following | None) -> float:
        """Return the price of the convolution and a chain of which some follow it on chip."""
        low = Lowering(self.config, self.activations, _nowhere, self.options)
        low.begin(self.conv)
        lower_conv(low, self.conv, self.residual, way)
        for node in chain[0 if way is None else len(way.nodes):]:
            low.begin(node)
            self.lower(low, node)
        stream = low.finish(draft=True)
        cycles = predict(stream.instructions, stream.uops, self.config, latency=LATENCY).cycles
        moved = sum(sum(costs.bytes.values()) for costs in stream_costs(stream).values())
        return price(cycles, moved, self.config)


def _nowhere(name: str, tiles: np.ndarray, memory_type: MemoryType) -> int:
    return 0

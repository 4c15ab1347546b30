"""The stream of one node alone, with memory of its own: what schedules are compared by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from ...driver.errors import OutOfMemoryError
from ...driver.run.launch import RunReport, launch
from ...driver.stream.stream import Stream
from ...driver.target.protocol import Target
from ...isa.config import Config
from ...isa.opcodes import MemoryType
from ..codegen.lowering_context import Activation, Lowering
from ..ir.layouts import View
from ..ir.quantized_graph import QuantizedNode
from ..schedule.select_tiling import ScheduleOptions

__all__ = ["Isolated", "Isolation", "isolate", "run_alone"]

_PAGE = 4096


@dataclass(frozen=True)
class Isolated:
    """A node's stream and how much memory its addresses span, from address 0."""

    stream: Stream
    size: int


class Isolation:
    """Memory for a node alone.

    Parameters
    ----------
    views
        Channels, rows and columns of the node's inputs and outputs.
    images
        How many of them; a multiple of the configuration's batch.

    Attributes
    ----------
    size
        Bytes of memory used so far.
    """

    def __init__(
        self, node: QuantizedNode, views: Mapping[str, View], config: Config, images: int,
        options: ScheduleOptions,
    ):
        self.config, self.options, self.size = config, options, 0
        self.activations: dict[str, Activation] = {}
        for name in dict.fromkeys((*node.inputs, *node.outputs)):
            view = views[name]
            groups, blocks = images // config.batch, -(-view[0] // config.block_in)
            start = self._place(groups * blocks * view[1] * view[2], MemoryType.INP)
            self.activations[name] = Activation(start, groups, blocks, view)

    def lowering(self) -> Lowering:
        """Return a lowering of nothing yet."""
        return Lowering(self.config, self.activations, self._constants, self.options)

    def _place(self, tiles: int, memory_type: MemoryType) -> int:
        unit = self.config.tile_bytes(memory_type)
        start = -(-self.size // max(unit, _PAGE)) * max(unit, _PAGE)
        self.size = start + tiles * unit
        return start // unit

    def _constants(self, name: str, tiles: np.ndarray, memory_type: MemoryType) -> int:
        return self._place(prod(tiles.shape[:-2]), memory_type)


def isolate(
    lower: Callable[[Lowering, QuantizedNode], None], node: QuantizedNode,
    views: Mapping[str, View], config: Config, images: int = 1,
    options: ScheduleOptions | None = None,
) -> Isolated:
    """Lower a node into a stream of its own; parameters as :class:`Isolation`."""
    alone = Isolation(node, views, config, images, options or ScheduleOptions())
    low = alone.lowering()
    low.begin(node)
    lower(low, node)
    return Isolated(low.finish(), alone.size)


def run_alone(target: Target, stream: Stream, size: int, timeout: float = 300.0) -> RunReport:
    """Run a stream whose data lies in the first ``size`` bytes of a target's memory, all zero.

    Cycles do not depend on data.

    Raises
    ------
    OutOfMemoryError
        The target has too little memory.
    """
    base, room = target.window
    code = -(-size // _PAGE) * _PAGE
    uops = code + -(-len(stream.code) // _PAGE) * _PAGE
    needed = uops + len(stream.uops)
    if needed > room:
        raise OutOfMemoryError(needed, room, room)
    target.write_memory(base, bytes(code))
    target.write_memory(base + code, stream.code)
    target.write_memory(base + uops, stream.uops)
    bases = {**dict.fromkeys(MemoryType, base), MemoryType.UOP: base + uops}
    return launch(target, base + code, len(stream), bases=bases, timeout=timeout)

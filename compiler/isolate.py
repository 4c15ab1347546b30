"""The stream of one node alone, with memory of its own: what schedules are compared by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from ..driver.stream import Stream
from ..isa.config import Config
from ..isa.opcodes import MemoryType
from .lowering import Activation, Lowering
from .quantized import QuantizedNode
from .views import View

__all__ = ["Isolated", "isolate"]

_PAGE = 4096


@dataclass(frozen=True)
class Isolated:
    """A node's stream and how much memory its addresses span, from address 0."""

    stream: Stream
    size: int


def isolate(
    lower: Callable[[Lowering, QuantizedNode], None], node: QuantizedNode,
    views: Mapping[str, View], config: Config, images: int = 1,
) -> Isolated:
    """Lower a node into a stream of its own.

    Parameters
    ----------
    lower
        Its lowering.
    views
        Channels, rows and columns of its inputs and outputs.
    images
        How many of them; a multiple of the configuration's batch.
    """
    end = 0

    def place(tiles: int, memory_type: MemoryType) -> int:
        nonlocal end
        unit = config.tile_bytes(memory_type)
        start = -(-end // max(unit, _PAGE)) * max(unit, _PAGE)
        end = start + tiles * unit
        return start // unit

    def constants(name: str, tiles: np.ndarray, memory_type: MemoryType) -> int:
        return place(prod(tiles.shape[:-2]), memory_type)

    activations = {}
    for name in dict.fromkeys((*node.inputs, *node.outputs)):
        view = views[name]
        groups, blocks = images // config.batch, -(-view[0] // config.block_in)
        start = place(groups * blocks * view[1] * view[2], MemoryType.INP)
        activations[name] = Activation(start, groups, blocks, view)
    low = Lowering(config, activations, constants)
    low.begin(node)
    lower(low, node)
    return Isolated(low.finish(), end)

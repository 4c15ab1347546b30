"""The context of a lowering: the steps of one launch so far, and DRAM addresses."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import partial
from math import prod
from typing import Protocol

import numpy as np

from ...driver.stream.instruction_stream import InstructionStream
from ...driver.stream.stream import StreamBuilder
from ...isa.config import Config
from ...isa.opcodes import MemoryType
from ..ir.layouts import ChannelLayout
from ..ir.quantized_graph import QuantizedNode
from .scratchpad_lru import LruBuffers, Slot
from .step_list import Constants, Pipeline

__all__ = ["Activation", "AddressSpace", "Constants", "LoweringContext", "load_run"]

_PAGE = 4096  # alignment of programs in memory, and the limit of a burst

Emit = Callable[[StreamBuilder], None]


class Fill(Protocol):
    """``emit(builder, base=...)`` loads a slot from its first element."""

    def __call__(self, builder: StreamBuilder, base: int) -> None: ...



@dataclass(frozen=True)
class Activation:
    """An activation in DRAM: ``[groups][blocks][rows][columns]`` tiles from element ``dram``."""

    dram: int
    groups: int
    blocks: int
    layout: ChannelLayout

    @property
    def pixels(self) -> int:
        """Tiles of one block of channels of one group of images."""
        return self.layout.rows * self.layout.columns

    @property
    def tiles(self) -> int:
        """All tiles."""
        return self.groups * self.blocks * self.pixels

    def at(self, group: int, block: int, row: int = 0, column: int = 0) -> int:
        """Return the element address of a tile."""
        plane = group * self.blocks + block
        return self.dram + plane * self.pixels + row * self.layout.columns + column


class AddressSpace:
    """DRAM without contents: addresses for streams that are predicted or measured, never stored.

    ``size``: bytes allocated.
    """

    def __init__(self, config: Config, size: int = 0):
        self.config, self.size = config, size

    def place(self, tiles: int, memory_type: MemoryType) -> int:
        """Allocate tiles; return their element address."""
        unit = self.config.tile_bytes(memory_type)
        start = -(-self.size // max(unit, _PAGE)) * max(unit, _PAGE)
        self.size = start + tiles * unit
        return start // unit

    def constants(self, name: str, tiles: np.ndarray, memory_type: MemoryType) -> int:
        """Place constant tiles ``[..., rows, columns]``: :data:`Constants` of this space."""
        return self.place(prod(tiles.shape[:-2]), memory_type)


@dataclass
class LoweringContext:
    """State while the nodes of one launch are lowered one after another.

    Nodes record their steps in an order in which all could run sequentially.  Completion and the
    release of buffers are implicit: see :mod:`.step_list`.

    Attributes
    ----------
    weights
        The halves of WGT, for layers that need no more; keys must differ between layers.
    """

    config: Config
    activations: Mapping[str, Activation]
    constants: Constants
    pipeline: Pipeline = field(default_factory=Pipeline)
    layer: str = ""
    slack: int = 0  # cycles at the end of the node in which it does not use memory
    slack_before: int = 0  # those of the previous node

    def __post_init__(self) -> None:
        self._pools: dict[MemoryType, tuple[bool, bool]] = {}  # from the far end, many slots
        self.weights = LruBuffers(0, self.config.depth(MemoryType.WGT) // 2)

    def begin(self, node: QuantizedNode) -> None:
        """Start a node."""
        self.layer = node.name
        self.slack_before, self.slack = self.slack, 0
        self.pipeline.preload(node.name)

    def finish(self, *, timing_only: bool = False) -> InstructionStream:
        """Return the stream of all steps, without tokens; ``timing_only``: without its bytes."""
        return self.pipeline.build(self.config, self.constants, timing_only=timing_only)

    def compute(self, emit: Emit) -> None:
        """Record a step of the compute engine."""
        self.pipeline.step(emit, self.layer)

    def store(self, emit: Emit) -> None:
        """Record a step of the store engine."""
        self.pipeline.step(emit, self.layer)

    def load(self, emit: Emit) -> None:
        """Record a step of the load engine."""
        self.pipeline.step(emit, self.layer)

    def pool(
        self, memory_type: MemoryType, size: int, count: int, reserved: int = 0
    ) -> LruBuffers:
        """Return slots of a scratchpad for a layer, alternately from its two ends.

        So the first loads of a layer seldom wait for the last steps of the previous one.  After
        more than two slots in over half of the scratchpad they come from the same end: those that
        were filled first are free first.  ``reserved``: tiles at the end that are not used.
        """
        far, ring = self._pools.get(memory_type, (True, False))
        far = far if ring else not far
        end = self.config.depth(memory_type) - reserved
        self._pools[memory_type] = far, count > 2 and size * count > end // 2
        if not far:
            return LruBuffers(0, size, count)
        pool = LruBuffers(end - size * count, size, count)
        pool.slots.reverse()
        return pool

    def fill(self, pool: LruBuffers, key: Hashable, emit: Fill) -> Slot:
        """Return a slot that holds ``key``, loading it by ``emit(builder, base)`` if necessary."""
        slot = pool.find(key)
        if slot is None:
            slot = pool.take(key)
            self.pipeline.step(partial(emit, base=slot.base), self.layer)
        return slot


def load_run(
    builder: StreamBuilder, memory_type: MemoryType, sram: int, dram: int, count: int
) -> None:
    """Emit a load of neighbouring elements."""
    builder.load_2d(memory_type, sram, dram, count)

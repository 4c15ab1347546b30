"""What a lowering works in: the pipeline of one launch, DRAM addresses, and the layer barrier."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import numpy as np

from ..driver.stream import StreamBuilder
from ..isa.config import Config
from ..isa.opcodes import MemoryType, Module
from .pipeline import Pipeline
from .quantized import QuantizedNode
from .slots import Slot, SlotPool
from .views import View

__all__ = ["Activation", "Constants", "Lowering", "load_run"]

Emit = Callable[[StreamBuilder], None]


class Fill(Protocol):
    """``emit(builder, base=...)`` loads a slot from its first element."""

    def __call__(self, builder: StreamBuilder, base: int) -> None: ...


Constants = Callable[[str, np.ndarray, MemoryType], int]
"""``constants(name, tiles, memory type)`` places tiles in DRAM and gives their element address."""


@dataclass(frozen=True)
class Activation:
    """An activation in DRAM: ``[groups][blocks][rows][columns]`` tiles from element ``dram``."""

    dram: int
    groups: int
    blocks: int
    view: View

    @property
    def pixels(self) -> int:
        """Tiles of one block of channels of one group of images."""
        return self.view[1] * self.view[2]

    @property
    def tiles(self) -> int:
        """All tiles."""
        return self.groups * self.blocks * self.pixels

    def at(self, group: int, block: int, row: int = 0, column: int = 0) -> int:
        """Return the element address of a tile."""
        return self.dram + (group * self.blocks + block) * self.pixels + row * self.view[2] + column


@dataclass
class Lowering:
    """State while the nodes of one launch are lowered one after another.

    Between nodes every step waits for the stores of the node before (:meth:`begin`), but weights:
    they are the same whenever they are loaded, so the first ones of a node come in while the node
    before still computes.  Within a node the slots of the scratchpads say what waits for what.
    """

    config: Config
    activations: dict[str, Activation]
    constants: Constants
    pipeline: Pipeline = field(default_factory=Pipeline)
    barrier: int | None = None
    layer: str = ""
    _last_store: int | None = None

    def __post_init__(self) -> None:
        self._weights = SlotPool(0, self.config.depth(MemoryType.WGT) // 2)

    def begin(self, node: QuantizedNode) -> None:
        """Start a node: nothing of it happens before everything stored so far is in memory."""
        self.layer = node.name
        self.barrier = self._last_store
        self.pipeline.preload(node.name)

    def compute(self, emit: Emit, *after: int | None) -> int:
        """Record a step of the compute engine."""
        return self.pipeline.step(Module.COMPUTE, emit, [*after, self.barrier], self.layer)

    def store(self, emit: Emit, after: int) -> int:
        """Record a step of the store engine."""
        self._last_store = self.pipeline.step(Module.STORE, emit, [after], self.layer)
        return self._last_store

    def fill(self, pool: SlotPool, key: Hashable, emit: Fill) -> Slot:
        """Return a slot that holds ``key``, loading it by ``emit(builder, base)`` if need be."""
        return self._filled(pool, key, emit, self.barrier)

    def fill_weights(self, key: Hashable, emit: Fill) -> Slot:
        """Return a slot of half the weight buffer; ``key`` must differ between nodes."""
        return self._filled(self._weights, key, emit, None)

    def _filled(self, pool: SlotPool, key: Hashable, emit: Fill, barrier: int | None) -> Slot:
        slot = pool.find(key)
        if slot is None:
            slot, before = pool.take(key)
            slot.filled = self.pipeline.step(
                Module.LOAD, partial(emit, base=slot.base), [before, barrier], self.layer
            )
        return slot


def load_run(
    builder: StreamBuilder, memory_type: MemoryType, sram: int, dram: int, count: int
) -> None:
    """Emit a load of neighbouring elements."""
    builder.load_2d(memory_type, sram, dram, count)

"""Work of an instruction for its engine: beats, bursts, padding, steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...isa.config import Config
from ...isa.instructions import Instruction, Load, StepInstruction, Store, route
from ...isa.legality import footprint
from ...isa.opcodes import LUT_ENTRIES, MemoryType, Module
from ...isa.token_queues import TokenQueue, queues_popped, queues_pushed
from ...isa.uop_buffer import UopBuffer, UopImage
from .timing_constants import cycles
from .timing_steps import StepTiming

__all__ = ["Work", "WorkReader"]

_Queues = tuple[TokenQueue, ...]
_BURST = cycles("BURST")


@dataclass(eq=False)
class Work:
    """One instruction: ``kind`` is ``load``, ``fill`` (LOAD of compute), ``steps``, ``store``,
    ``forward`` (STORE to INP or WGT), ``finish`` or ``nothing`` (an empty transfer); the rest are
    cycles of the part it occupies.
    """

    module: Module
    kind: str
    pops: _Queues
    pushes: _Queues
    beats: int = 0
    bursts: int = 0
    slots: int = 0  # cycles of data, and of padding that does not fit in parallel
    reads: int = 0  # tiles a STORE reads, one per cycle
    steps: int = 0  # cycles of the step pipeline
    instruction: Instruction | None = None


class WorkReader:
    """Reads instructions in order: LOAD UOP determines the micro-ops of later ones."""

    def __init__(
        self, config: Config, uops: bytes, bases: Mapping[MemoryType, int] | None = None
    ):
        self.config = config
        self._uops, self._image = UopBuffer(config), UopImage(uops)
        self._bases = dict(bases or {})
        self._timing = StepTiming(config, self._uops)

    def read(self, item: Instruction) -> Work:
        """Return the work of the next instruction of the stream."""
        module = route(item)
        queues = queues_popped(module, item), queues_pushed(module, item)
        if isinstance(item, StepInstruction):
            steps = self._timing.cycles(item)
            return Work(Module.COMPUTE, "steps", *queues, steps=steps, instruction=item)
        if isinstance(item, Store):
            return self._store(item, queues)
        if isinstance(item, Load):
            return self._load(item, module, queues)
        return Work(Module.COMPUTE, "finish", *queues)

    def _store(self, item: Store, queues: tuple[_Queues, _Queues]) -> Work:
        if not item.x_size * item.y_size:
            return Work(Module.STORE, "nothing", *queues)
        reads = item.x_size * item.y_size
        if item.forwards:
            return Work(Module.STORE, "forward", *queues, reads=reads, instruction=item)
        beats, bursts = self._rows(item)
        return Work(Module.STORE, "store", *queues, beats=beats, bursts=bursts, reads=reads)

    def _load(self, item: Load, module: Module, queues: tuple[_Queues, _Queues]) -> Work:
        kind = MemoryType(item.memory_type)
        if not item.x_size:
            return Work(module, "nothing", *queues)
        beats, bursts = self._rows(item) if item.y_size else (0, 0)
        if kind == MemoryType.UOP:
            self._uops.load(item, self._image.rows(item))
        padding = footprint(item) - item.x_size * item.y_size
        slots = beats
        if kind in (MemoryType.ACC, MemoryType.ACC_8BIT):  # one tile per cycle
            slots *= max(1, self.config.bus_bytes // self.config.tile_bytes(kind))
        if kind == MemoryType.LUT:  # one entry per cycle
            slots = LUT_ENTRIES * (item.x_size * item.y_size + padding)
            padding = 0
        # elements of several beats are zeroed in parallel to the data, in two cycles, and so are
        # those of INP in banks of a window; others later
        several = self.config.tile_bytes(kind) > self.config.bus_bytes
        windows = kind == MemoryType.INP and self.config.depthwise
        hidden = beats // 2 if several or windows else 0
        slots += max(0, padding - hidden)
        name = "load" if module == Module.LOAD else "fill"
        return Work(
            module, name, *queues, beats=beats, bursts=bursts, slots=slots, instruction=item)

    def _rows(self, item: Load | Store) -> tuple[int, int]:
        """Return the beats and bursts of all rows."""
        kind = MemoryType(item.memory_type)
        unit, bus = self.config.tile_bytes(kind), self.config.bus_bytes
        block = bus * _BURST
        base, size = self._bases.get(kind, 0) + item.dram_base * unit, item.x_size * unit
        stride, rows = item.x_stride * unit, item.y_size
        if rows == 1 or not stride % block:
            last = base + size - 1
            beats, bursts = last // bus - base // bus + 1, last // block - base // block + 1
            return rows * beats, rows * bursts
        first = base + stride * np.arange(rows)
        last_of = first + size - 1
        return (
            int((last_of // bus - first // bus + 1).sum()),
            int((last_of // block - first // block + 1).sum()),
        )

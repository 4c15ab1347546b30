"""Steps of a launch, in an order in which they could run sequentially.

A step is a run of instructions of one engine.  Dependences are derived afterwards from the tiles
and the memory that the instructions touch (:mod:`.dependence`), and become tokens (:mod:`.tokens`):
none is written by hand, and layers overlap as far as their data allows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...driver.stream.instruction_stream import InstructionStream
from ...driver.stream.kernels import Kernel, make_kernel
from ...driver.stream.stream import Kernels, StreamBuilder
from ...isa.config import Config
from ...isa.instructions import Instruction
from ...isa.opcodes import AluOpcode, MemoryType
from .table_slots import TableBuilder, TableLoad, TableSlots

__all__ = ["Constants", "EngineStep", "Pipeline"]

Constants = Callable[[str, np.ndarray, MemoryType], int]
"""``constants(name, tiles, memory type)`` places tiles in DRAM and gives their element address."""
Emit = Callable[[StreamBuilder], None]
Call = Callable[[StreamBuilder], object]


@dataclass
class EngineStep:
    """One run of instructions; ``emit`` None loads the micro-ops of all steps with its note."""

    emit: Emit | None
    note: str


class _Recorder(TableBuilder):
    """Records the calls of a layer's steps, kernels encoded, to repeat them on other builders.

    ``start``, ``step``: positions of the layer's first step, and of the one that is recorded.
    """

    def __init__(self, config: Config, tables: _Tables, start: int):
        super().__init__(config)
        self.calls: list[Call] = []
        self.kernels: dict[Kernel, None] = {}
        self.tables, self.start, self.step = tables, start, start

    def look_up(self, table: np.ndarray) -> int:
        slot, load = self.tables.slots.hold(table, self.start, self.step)
        if load is not None:
            calls = self.calls if load.step == self.step else self.tables.calls[load.step]
            calls.append(self.tables.loading(load))
        return slot

    def load_2d(self, *args: Any, **options: Any) -> None:
        self.calls.append(lambda builder: builder.load_2d(*args, **options))

    def store_2d(self, *args: Any, **options: Any) -> None:
        self.calls.append(lambda builder: builder.store_2d(*args, **options))

    def forward_2d(self, *args: Any, **options: Any) -> None:
        self.calls.append(lambda builder: builder.forward_2d(*args, **options))

    def gemm(self, kernel: Kernels, **options: Any) -> None:
        encoded = self._encoded(kernel)
        self.calls.append(lambda builder: builder.gemm(encoded, **options))

    def depthwise(self, kernel: Kernels, window: tuple[int, int], **options: Any) -> None:
        encoded = self._encoded(kernel)
        self.calls.append(lambda builder: builder.depthwise(encoded, window, **options))

    def alu(self, kernel: Kernels, opcode: AluOpcode, **options: Any) -> None:
        encoded = self._encoded(kernel)
        self.calls.append(lambda builder: builder.alu(encoded, opcode, **options))

    def _encoded(self, kernel: Kernels) -> Kernel:
        encoded = kernel if isinstance(kernel, Kernel) else make_kernel(kernel, self.config)
        self.kernels[encoded] = None
        return encoded


class _Tables:
    """The tables of a launch; ``calls``: the recorded calls of each finished step."""

    def __init__(self) -> None:
        self.slots = TableSlots()
        self.calls: list[list[Call]] = []
        self.first = 0  # their address, once they are placed

    def loading(self, load: TableLoad) -> Call:
        """Return the call that loads a table, to be made when tables have been placed."""
        return lambda builder: builder.load_2d(
            MemoryType.LUT, load.slot, self.first + load.table, 1)

    def place(self, constants: Constants | None, name: str) -> None:
        """Place the tables, if there are any."""
        if self.slots.tables:
            assert constants is not None, "tables are constants in memory"
            self.first = constants(name, np.stack(self.slots.tables)[:, None], MemoryType.LUT)


class _TimingBuilder(StreamBuilder):
    """Builds a stream without its bytes: enough for the timing model."""

    def _encode(self, instruction: Instruction) -> int:
        return 0


class Pipeline:
    """Records steps; :meth:`build` makes the stream.

    A step's ``emit`` may load, store, forward, gemm, depthwise and alu.
    """

    def __init__(self) -> None:
        self.steps: list[EngineStep] = []

    def step(self, emit: Emit, note: str = "") -> None:
        """Record a step."""
        self.steps.append(EngineStep(emit, note))

    def preload(self, note: str) -> None:
        """Record a step that loads all micro-ops of the steps with a note, if they fit.

        One load replaces one for each kernel, while the first data are still being loaded.
        """
        self.steps.append(EngineStep(None, note))

    def build(
        self, config: Config, constants: Constants | None = None, *, timing_only: bool = False
    ) -> InstructionStream:
        """Return the stream, still without tokens (:func:`.tokens.synchronize`).

        With ``timing_only`` its bytes are meaningless.  ``constants`` places the lookup tables of
        steps that have some.
        """
        recorders: dict[str, _Recorder] = {}
        tables = _Tables()
        calls = tables.calls
        for position, step in enumerate(self.steps):
            recorder = recorders.get(step.note)
            if recorder is None:
                recorder = recorders[step.note] = _Recorder(config, tables, position)
            recorder.calls, recorder.step = [], position
            if step.emit is not None:
                step.emit(recorder)
            calls.append(recorder.calls)
        tables.place(constants, f"{self.steps[0].note}.tables" if self.steps else "tables")
        builder = _TimingBuilder(config) if timing_only else StreamBuilder(config)
        for step, recorded in zip(self.steps, calls, strict=True):
            builder.note(step.note)
            kernels = recorders[step.note].kernels
            if step.emit is None and sum(map(len, kernels)) <= config.depth(MemoryType.UOP):
                builder.preload(kernels)
            for call in recorded:
                call(builder)
        return builder.finish()

"""Steps of the three engines and what each waits for; tokens are derived, never written by hand.

A step is a run of instructions of one engine, recorded in an order in which everything could also
run one after another.  ``after`` names earlier steps whose results, or whose release of a buffer,
it needs.  Engines run their own steps in order, so only waits across engines need a token, and a
wait that an earlier one of the same engine implies needs none.  Every wait points backwards, hence
no legal schedule deadlocks, and every token pushed is popped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ..driver.kernels import Kernel
from ..driver.stream import Kernels, Stream, StreamBuilder
from ..isa.config import Config
from ..isa.opcodes import MemoryType, Module

__all__ = ["Pipeline", "Step"]

Emit = Callable[[StreamBuilder], None]


@dataclass
class Step:
    """One run of instructions of an engine; ``emit`` None is a step that only waits."""

    module: Module
    emit: Emit | None
    after: frozenset[int]
    note: str
    preloads: bool = False
    pops: list[Module] = field(default_factory=list)
    pushes: list[Module] = field(default_factory=list)


class _Listener(StreamBuilder):
    """Notes which kernels the instructions under each note use."""

    def __init__(self, config: Config):
        super().__init__(config)
        self.heard: dict[str, dict[Kernel, None]] = {}
        self.current = ""

    def preload(self, kernels: Iterable[Kernels]) -> list[Kernel]:
        encoded = super().preload(kernels)
        self.heard.setdefault(self.current, {}).update(dict.fromkeys(encoded))
        return encoded


class Pipeline:
    """Record steps, then :meth:`build` the stream.

    Steps are emitted twice, first to learn the micro-op kernels of each note: ``emit`` must do the
    same each time.
    """

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._relays: dict[int, int] = {}

    def step(
        self, module: Module, emit: Emit | None, after: Iterable[int | None] = (), note: str = "",
    ) -> int:
        """Record a step and return its number, for the ``after`` of later ones (None: nothing).

        Load and store have no token queue between them: such a wait goes through compute.
        """
        waits = set()
        for number in after:
            if number is None:
                continue
            source = self.steps[number].module
            if Module.COMPUTE not in (source, module) and source != module:
                if number not in self._relays:
                    self._relays[number] = self.step(Module.COMPUTE, None, [number], note)
                number = self._relays[number]
            waits.add(number)
        self.steps.append(Step(module, emit, frozenset(waits), note))
        return len(self.steps) - 1

    def preload(self, note: str) -> int:
        """Record a compute step that loads all micro-ops of the steps with a note, if they fit.

        One load instead of one for each kernel, while the first data are still on their way.
        """
        number = self.step(Module.COMPUTE, None, (), note)
        self.steps[number].preloads = True
        return number

    def resolve(self) -> None:
        """Decide which steps push and pop which tokens."""
        awaited: dict[tuple[Module, Module], int] = {}
        for step in self.steps:
            step.pops, step.pushes = [], []
        for step in self.steps:
            latest: dict[Module, int] = {}
            for number in step.after:
                source = self.steps[number].module
                if source != step.module:
                    latest[source] = max(number, latest.get(source, -1))
            for source, number in latest.items():
                if number > awaited.get((source, step.module), -1):
                    awaited[source, step.module] = number
                    step.pops.append(source)
                    self.steps[number].pushes.append(step.module)

    def build(self, config: Config) -> Stream:
        """Return the finished stream."""
        self.resolve()
        listener = _Listener(config)
        for step in self.steps:
            listener.current = step.note
            if step.emit is not None:
                step.emit(listener)
        builder = StreamBuilder(config)
        for step in self.steps:
            builder.note(step.note)
            kernels = listener.heard.get(step.note, {})
            if step.preloads and sum(map(len, kernels)) <= config.depth(MemoryType.UOP):
                builder.preload(kernels)
            for source in step.pops:
                builder.pop(source, step.module)
            if step.emit is not None:
                step.emit(builder)
            for sink in step.pushes:
                builder.push(step.module, sink)
        return builder.finish()

"""Steps of a launch, written in an order in which they could run one after another.

A step is a run of instructions of one engine.  What waits for what is found afterwards, from what
the instructions touch (:mod:`.dependences`), and becomes tokens (:mod:`.tokens`): nobody writes
them by hand, and no two layers are kept apart more than their data asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..driver.kernels import Kernel
from ..driver.stream import Kernels, Stream, StreamBuilder
from ..isa.config import Config
from ..isa.opcodes import MemoryType
from .tokens import one_at_a_time, with_tokens

__all__ = ["Pipeline", "Step"]

Emit = Callable[[StreamBuilder], None]


@dataclass
class Step:
    """One run of instructions; ``emit`` None loads the micro-ops of all steps with its note."""

    emit: Emit | None
    note: str


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

    def step(self, emit: Emit, note: str = "") -> None:
        """Record a step."""
        self.steps.append(Step(emit, note))

    def preload(self, note: str) -> None:
        """Record a step that loads all micro-ops of the steps with a note, if they fit.

        One load instead of one for each kernel, while the first data are still on their way.
        """
        self.steps.append(Step(None, note))

    def build(self, config: Config, *, overlap: bool = True) -> Stream:
        """Return the finished stream; without ``overlap`` one engine runs at a time."""
        listener = _Listener(config)
        for step in self.steps:
            listener.current = step.note
            if step.emit is not None:
                step.emit(listener)
        builder = StreamBuilder(config)
        for step in self.steps:
            builder.note(step.note)
            if step.emit is not None:
                step.emit(builder)
                continue
            kernels = listener.heard.get(step.note, {})
            if sum(map(len, kernels)) <= config.depth(MemoryType.UOP):
                builder.preload(kernels)
        stream = builder.finish()
        return with_tokens(stream) if overlap else one_at_a_time(stream)

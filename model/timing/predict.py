"""Predict how many cycles the RTL takes for an instruction stream, without computing any data.

Events are the start and end of an instruction in one of the engines, not every cycle:
fetch, queues and tokens (:mod:`.timing_queues`), load, compute and store (:mod:`.timing_engines`),
the shared read port (:mod:`.timing_port`), the step pipeline (:mod:`.timing_steps`).  Constants
are in :mod:`.timing_constants`.  Memory is assumed to accept a burst and transfer a beat in every
cycle, and to answer after ``latency``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...isa.config import Config
from ...isa.instructions import Instruction
from ...isa.opcodes import MemoryType
from .timing_engines import Engines, TimingError
from .timing_work import WorkReader

__all__ = ["Timing", "TimingError", "predict"]


@dataclass(frozen=True, eq=False)
class Timing:
    """The prediction for a stream.

    Attributes
    ----------
    cycles : int
        From launch to end, as in register CYCLES.
    start, end : int64 [instructions]
        Cycle in which each instruction starts in its engine, and in which it has completed.
    """

    cycles: int
    start: np.ndarray
    end: np.ndarray


def predict(
    instructions: Sequence[Instruction], uops: bytes, config: Config, *, latency: int = 1,
    bases: Mapping[MemoryType, int] | None = None,
) -> Timing:
    """Predict the cycles of a launch.

    Parameters
    ----------
    instructions
        The stream, FINISH last.
    uops
        Its micro-op image, at UOP_BASE.
    config
        Configuration, with the width of its memory port.
    latency
        Cycles from an accepted address to its first beat.
    bases
        Base pointers in bytes where they are not multiples of 16 beats.

    Raises
    ------
    TimingError
        The stream has no FINISH or deadlocks.
    """
    reader = WorkReader(config, uops, bases)
    engines = Engines([reader.read(item) for item in instructions], config, latency)
    return Timing(engines.run(), engines.start, engines.end)

"""A program's profile and timelines from the timing model, without a run."""

from __future__ import annotations

from collections.abc import Iterable

from ...isa.instructions import Instruction, Load, Store
from ...isa.opcodes import MemoryType
from ...model.timing.predict import Timing, predict
from ..program.program import LaunchStep, Program
from .profile import Profile, Row, images_of, layer_totals
from .timeline import Timeline, launch_instructions, launch_timeline

__all__ = ["predict_program"]


def predict_program(
    program: Program, *, latency: int = 1
) -> tuple[Profile, tuple[Timeline, ...]]:
    """Return cycles, traffic and timeline of each launch; host steps are left out.

    ``latency``: cycles from a read address to its first beat, as in ``verilator://?latency=``.

    Raises
    ------
    TimingError
        A launch deadlocks or has no FINISH.
    """
    rows, timelines = [], []
    for step in program.launches:
        instructions = launch_instructions(program, step)
        timing = _predict(program, step, instructions, latency)
        rows.append(Row(
            **layer_totals(program, step), name=step.layer, where="accelerator", seconds=0.0,
            cycles=timing.cycles, counters=_traffic(instructions, program),
        ))
        timelines.append(launch_timeline(
            step, instructions, program.config, timing.start, timing.end, timing.cycles))
    profile = Profile(
        program=program.name, config=program.config.name, images=images_of(program),
        macs_per_step=program.config.macs_per_step, bus_bytes=program.config.bus_bytes,
        rows=tuple(rows),
    )
    return profile, tuple(timelines)


def _predict(
    program: Program, step: LaunchStep, instructions: list[Instruction], latency: int
) -> Timing:
    image = next((part.data[step.uops - part.offset :] for part in program.segments
                  if part.offset <= step.uops < part.offset + len(part.data)), b"")
    return predict(instructions, image, program.config, latency=latency,
                   bases={MemoryType.UOP: step.uops})


def _traffic(instructions: Iterable[Instruction], program: Program) -> dict[str, int]:
    """Return the bytes moved by memory type, under the names of their counters."""
    moved: dict[str, int] = {}
    for item in instructions:
        if isinstance(item, Load) or (
            isinstance(item, Store) and item.memory_type == MemoryType.OUT  # others stay on chip
        ):
            kind = MemoryType(item.memory_type)
            size = item.x_size * item.y_size * program.config.tile_bytes(kind)
            moved[f"{kind.name}_BYTES"] = moved.get(f"{kind.name}_BYTES", 0) + size
    return moved

"""The timeline of a launch: start and end of each instruction in its engine, and its tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...isa.asm.disassembler import format_instruction
from ...isa.config import Config
from ...isa.instructions import Finish, Instruction, decode_stream, route
from ...isa.opcodes import Module
from ...isa.token_queues import TOKEN_FLAGS, TOKEN_QUEUES, queues_popped, queues_pushed
from ..program.program import LaunchStep, Program

__all__ = ["Bar", "Timeline", "Token", "launch_instructions", "launch_timeline"]


@dataclass(frozen=True)
class Bar:
    """One instruction.

    Attributes
    ----------
    index : int
        Position in the stream.
    engine : Module
    start, end : int
        Cycle after the launch in which it starts in its engine (fields checked, tokens popped), and
        in which it has completed (its tokens are pushed).
    text, note : str
        The instruction as assembly, and its layer or source line.
    """

    index: int
    engine: Module
    start: int
    end: int
    text: str
    note: str

    @property
    def name(self) -> str:
        """Mnemonic, and the word after it: ``load inp``, ``gemm``."""
        words = self.text.split()[:2]
        return words[0] if "=" in words[-1] or words[-1] in TOKEN_FLAGS else " ".join(words)


@dataclass(frozen=True)
class Token:
    """A token that one instruction pushes and another pops; ``queue`` is ``load->compute``."""

    queue: str
    source: int
    sink: int


@dataclass(frozen=True)
class Timeline:
    """A launch: a bar for each instruction in stream order, and the tokens between them."""

    name: str
    cycles: int
    bars: tuple[Bar, ...]
    tokens: tuple[Token, ...]

    def lanes(self, engine: Module) -> list[list[Bar]]:
        """Return an engine's bars in as few rows as possible, none of which overlap in a row.

        An engine starts instructions while earlier ones are in flight.
        """
        rows: list[list[Bar]] = []
        for bar in self.bars:
            if bar.engine == engine:
                free = next((row for row in rows if row[-1].end <= bar.start), None)
                if free is None:
                    rows.append([bar])
                else:
                    free.append(bar)
        return rows


def launch_instructions(program: Program, step: LaunchStep) -> list[Instruction]:
    """Return the instructions of a launch up to FINISH."""
    instructions = decode_stream(program.code(step), program.config)
    for index, instruction in enumerate(instructions):
        if isinstance(instruction, Finish):
            return instructions[: index + 1]
    return instructions


def launch_timeline(
    step: LaunchStep, instructions: Sequence[Instruction], config: Config,
    start: np.ndarray, end: np.ndarray, cycles: int,
) -> Timeline:
    """Return the timeline of a launch.

    Parameters
    ----------
    step : LaunchStep
    instructions : sequence of Instruction
        Those of the launch (:func:`launch_instructions`), or the first of them.
    start, end : int [instructions]
        Cycles after the launch.
    cycles : int
        As register CYCLES counts the launch.
    """
    bars = tuple(
        Bar(index, route(instruction), int(start[index]), int(end[index]),
            format_instruction(instruction, config), step.notes[index] if step.notes else "")
        for index, instruction in enumerate(instructions)
    )
    return Timeline(step.layer, cycles, bars, _tokens(instructions))


def _tokens(instructions: Sequence[Instruction]) -> tuple[Token, ...]:
    """Return all tokens: the n-th pop of a queue takes its n-th push, whatever the timing."""
    pushed: dict[object, list[int]] = {queue: [] for queue in TOKEN_QUEUES}
    popped: dict[object, list[int]] = {queue: [] for queue in TOKEN_QUEUES}
    for index, instruction in enumerate(instructions):
        engine = route(instruction)
        for queue in queues_pushed(engine, instruction):
            pushed[queue].append(index)
        for queue in queues_popped(engine, instruction):
            popped[queue].append(index)
    return tuple(
        Token(str(queue), source, sink) for queue in TOKEN_QUEUES
        for source, sink in zip(pushed[queue], popped[queue], strict=False)
    )

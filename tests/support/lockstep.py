"""Random programs on the model and on a simulator, side by side: many, fast, and each from a seed.

A seed decides everything: instructions, data, tokens, and how the memory behaves.  One simulator
serves a configuration and a width of the memory port; it is opened anew, which takes milliseconds,
with another behaviour every few programs.  When a program's outcomes differ, its instructions are
thrown out one after the other as long as they still do: the rest is shown.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from random import Random

import pytest
from device_programs import BASE, SIZE
from device_random import RandomProgram
from device_run import differences, open_model, run_on
from device_sketches import draw, draw_shape
from extended import extended

from myvta.driver.errors import TargetError
from myvta.driver.target.open_target import open_target
from myvta.driver.target.protocol import Target
from myvta.isa.config import Config
from myvta.isa.opcodes import ErrorCode
from myvta.isa.register_map import Status

__all__ = [
    "Case", "Tally", "cases", "compare", "differ", "fail", "lockstep", "open_memory", "shrink",
]

STRETCH = 4  # programs in a row on one open device, one behaviour of its memory
_LIMITS = {"icarus": 100_000, "verilator": 1_000_000}  # cycles a launch may take
_SHRINK_SECONDS = 120.0


@dataclass(frozen=True)
class Case:
    """A program before it is one: its seed, sketches of its instructions, and its memory."""

    config: Config
    seed: int
    shape: object
    drawn: tuple
    memory: dict

    def program(self, drawn=None, fault=None) -> RandomProgram:
        """Return the program, or that of other sketches in the same place."""
        return RandomProgram(self.config, self.shape, self.drawn if drawn is None else drawn, fault)

    def __str__(self) -> str:
        return f"{self.config.name}, seed {self.seed}, {self.memory}, {self.shape}"


@dataclass(frozen=True)
class Tally:
    """What a lockstep run has done; instructions are those that the device counted."""

    what: str
    programs: int
    instructions: int
    first: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.what}: {self.instructions} instructions, {self.programs} programs of seeds "
            f"{self.first}..{self.first + self.programs - 1}, 0 differences, {self.seconds:.0f} s, "
            f"{self.instructions / max(self.seconds, 1e-9):.0f} a second"
        )


def draw_memory(dice: Random) -> dict[str, int]:
    """Draw how memory behaves: quick, slow, narrow, stuttering on every channel, shy."""
    return {
        "latency": dice.choice((0, 1, dice.randint(2, 20), dice.randint(0, 100))),
        "stall": dice.choice((0, dice.randint(1, 30), dice.randint(1, 90))),
        "bandwidth": dice.choice((100, 100, dice.randint(15, 100))),
        "shy": int(dice.random() < 0.25), "seed": dice.randrange(2**32),
    }


def cases(config: Config, first: int, *, length: int, tiles=(8, 16, 40), mix=None):
    """Yield cases of rising seeds, without end; STRETCH of them share their memory."""
    seed = first
    while True:
        memory = draw_memory(Random(f"memory {seed // STRETCH}"))
        dice = Random(f"program {seed}")
        shape = draw_shape(dice, seed, tiles)
        yield Case(config, seed, shape, tuple(draw(config, dice, length, mix)), memory)
        seed += 1


def open_memory(backend: str, config: Config, memory: dict[str, int], bus: int) -> Target:
    """Open a simulator whose memory behaves like that."""
    options = {"max_cycles": _LIMITS[backend], "bus": bus, **memory}
    query = "".join(f"&{name}={value}" for name, value in options.items())
    return open_target(f"{backend}://?mem={BASE:#x}:{SIZE >> 10}K{query}", config)


def differ(target: Target, program: RandomProgram, expected) -> tuple[list[str], int]:
    """Run a program on a target; say how it differs and how many instructions were counted."""
    try:
        found = run_on(target, program)
    except TargetError as error:  # it hangs, or breaks a rule of the bus
        return [f"{type(error).__name__}: {error}"], 0
    return differences(program, expected, found), found.counters["INSTRUCTIONS"]


def compare(target: Target, case: Case) -> int:
    """Run a case on the model and on a target; return the instructions counted, or fail."""
    program = case.program()
    expected = run_on(open_model(case.config), program)
    assert (expected.error, expected.status) == ((ErrorCode.NONE, 0), Status.FINISH), str(case)
    lines, count = differ(target, program, expected)
    if lines:
        fail(target, case, program, lines)
    return count


def fail(target: Target, case: Case, program: RandomProgram, lines: list[str]) -> None:
    """Fail with everything one needs to know, the program as short as it gets."""
    backend, bus = type(target).__name__.removesuffix("Target").lower(), target.config.bus_width
    target.close()

    def differs(drawn):
        shorter = case.program(drawn)
        with open_memory(backend, case.config, case.memory, bus) as fresh:
            found, _ = differ(fresh, shorter, run_on(open_model(case.config), shorter))
        return (shorter, found) if found else None

    shortest = shrink(case.drawn, differs)
    text = [f"{backend}, bus {bus}, {case}:", *lines, ""]
    if shortest is None:
        text += ["not on a device just opened; the whole program:", program.listing()]
    else:
        shorter, found = shortest
        text += ["shrunk to:", *found, "", shorter.listing()]
    pytest.fail("\n".join(text), pytrace=False)


def shrink(drawn, differs):
    """Return the difference of the shortest sketches for which ``differs`` finds one, or None."""
    deadline = time.monotonic() + _SHRINK_SECONDS
    drawn, best = list(drawn), differs(drawn)
    size = len(drawn) if best else 0
    while size:
        at = 0
        while at < len(drawn) and time.monotonic() < deadline:
            shorter = drawn[:at] + drawn[at + size:]
            found = differs(shorter)
            if found:
                drawn, best = shorter, found
            else:
                at += size
        size //= 2
    return best


def lockstep(
    backend: str, name: str, bus: int, *, instructions: int, first: int = 0, length: int = 60,
    tiles=(8, 16, 40),
) -> Tally:
    """Run random programs until the device has counted so many instructions."""
    start, count, target = time.monotonic(), 0, None
    config = extended(name)
    try:
        for case in cases(config, first, length=length, tiles=tiles):
            if target is None or case.seed % STRETCH == 0:
                if target is not None:
                    target.close()
                target = open_memory(backend, config, case.memory, bus)
            count += compare(target, case)
            if count >= instructions:
                break
    finally:
        if target is not None:
            target.close()
    return Tally(f"{backend} {name}, bus {bus}", case.seed - first + 1, count, first,
                 time.monotonic() - start)

"""Directed and random programs before the static checker, and the schedules that judge it."""

from device_access import Micro, accesses, conflict
from device_programs import BASE, SIZE, UOP
from device_random import RandomProgram
from device_run import open_model, run_on
from device_tokens import order

from myvta.isa.check.static_checker import MemoryMap, StreamChecker

FLAGS = ("pop_prev", "pop_next", "push_prev", "push_next")
_CHECKERS: dict[str, StreamChecker] = {}


def check(program, **changes):
    """Return the checker's verdict on a device program (``device_programs.Program``)."""
    memory, address, count, bases = program.launchable()
    at = address - BASE
    contents = tuple(
        (region.address, memory[region.address - BASE :][: 4 * region.count], f"uop_{n}")
        for n, region in enumerate(program.regions) if region.kind == UOP
    )
    checker = _CHECKERS.setdefault(program.config.canonical, StreamChecker(program.config))
    return checker.check(
        memory[at : at + 16 * count], address=address, bases=bases,
        memory=MemoryMap(**{"window": (BASE, SIZE), "contents": contents, **changes}),
    )


def outcome(program, seed=None):
    """Return error and memory below the stream after a launch on the model."""
    found = run_on(open_model(program.config, order=seed), program)
    if found.error[0]:
        return found.error, None
    return found.error, found.memory[: program.launchable()[1] - BASE]


def outcomes(program, schedules):
    """Return the different outcomes of the fixed and of so many random schedules."""
    return {outcome(program, seed) for seed in (None, *range(schedules))}


class LooseProgram(RandomProgram):
    """A random program that leaves out each wait between conflicting instructions by chance."""

    def __init__(self, config, shape, drawn, dice, chance):
        self._dice, self._chance = dice, chance
        super().__init__(config, shape, drawn)

    def _tokens(self, body):
        micro, touched = Micro(self), []
        for item in body:
            micro.execute(item)
            touched.append(accesses(self, item, micro))
        return order(body, lambda first, second: (
            conflict(touched[first], touched[second]) and self._dice.random() >= self._chance
        ))

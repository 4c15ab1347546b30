"""Verdicts of the static checker against the model's random schedules and the RTL's timing.

MYVTA_SOAK_CHECKS is the number of programs of each configuration in the long runs.
"""

import os
import random
from dataclasses import replace

import pytest
from checked_programs import FLAGS, LooseProgram, check, outcome, outcomes
from device_programs import BASE
from device_random import RandomProgram
from device_run import differences, open_model, run_on
from device_sketches import Shape, draw, draw_shape

from myvta.isa.check.findings import FindingKind
from myvta.isa.config import named
from myvta.isa.opcodes import ErrorCode

SMALL = ("1x4x4", "1x4x4_base", "1x4x4_int4", "2x8x8")
SOAK = int(os.environ.get("MYVTA_SOAK_CHECKS", "5000"))
MEMORIES = (
    dict(latency=1), dict(latency=100, stall=50, seed=2), dict(latency=7, stall=30, bus=256),
)


def drawn(config, count, length):
    """Yield so many (shape, sketches, dice): a seed each, the same ones in every run."""
    for seed in range(count):
        dice = random.Random(seed)
        yield draw_shape(dice, seed), draw(config, dice, length), dice


def listing(program, verdict):
    return "\n".join([*map(str, verdict.findings), program.listing()])


def accepts_correct(name, count, length):
    """Programs whose tokens suffice have no finding."""
    config = named(name)
    for shape, sketches, _ in drawn(config, count, length):
        program = RandomProgram(config, shape, sketches)
        verdict = check(program)
        assert not verdict.findings, listing(program, verdict)


def finds_missing_flags(name, count, schedules):
    """Clear a flag of correct programs: changes of a result are found; returns how many.

    Returns
    -------
    (int, int, int)
        Mutated programs, those whose result can change, those of them with a finding.
    """
    config, seen = named(name), [0, 0, 0]
    for shape, sketches, dice in drawn(config, count, 30):
        program = RandomProgram(config, shape, sketches)
        places = [(n, flag) for n, it in enumerate(program.body) for flag in FLAGS
                  if getattr(it, flag, 0)]
        good, body = outcome(program), program.body
        for at, flag in dice.sample(places, min(2, len(places))):
            program.body = [*body]
            program.body[at] = replace(body[at], **{flag: 0})
            changes = outcomes(program, schedules) != {good}
            seen[0] += 1
            seen[1] += changes
            seen[2] += changes and bool(check(program).errors)
    return seen


def accepted_are_deterministic(name, count, schedules):
    """Programs that lack some waits: those accepted do the same under every schedule.

    Returns how many were accepted, and how many in all.
    """
    config, seen = named(name), [0, 0]
    for shape, sketches, dice in drawn(config, count, 25):
        program = LooseProgram(config, shape, sketches, dice, dice.randint(1, 10) / 100)
        verdict = check(program)
        seen[1] += 1
        if verdict.errors:
            continue
        seen[0] += 1
        assert len(outcomes(program, schedules)) == 1, listing(program, verdict)
    return seen


def test_program_of_every_kind_is_correct_and_inside_the_window():
    program = RandomProgram(named("1x4x4"), Shape(seed=3), [])
    assert check(program).findings == ()
    assert len(outcomes(program, 5)) == 1
    finding = check(program, window=(BASE, 0x1000)).findings[0]
    assert (finding.kind, finding.index) == (FindingKind.WINDOW, 0)


@pytest.mark.parametrize("name", SMALL)
def test_correct_programs_are_accepted(name):
    accepts_correct(name, 20, 30)


def test_missing_flags_are_found():
    mutated, changing, found = finds_missing_flags("1x4x4", 25, 6)
    assert changing > mutated / 2  # the test sees something
    assert found == changing


def test_accepted_programs_do_the_same_under_every_schedule():
    accepted, total = accepted_are_deterministic("1x4x4", 60, 6)
    assert total / 5 < accepted < total  # both verdicts occur


@pytest.mark.soak
@pytest.mark.parametrize("name", [*SMALL, "default"])
def test_soak_correct_programs_are_accepted(name):
    accepts_correct(name, SOAK, 60)


@pytest.mark.soak
@pytest.mark.parametrize("name", SMALL)
def test_soak_missing_flags_are_found(name):
    mutated, changing, found = finds_missing_flags(name, SOAK, 30)
    print(f"{name}: {mutated} flags taken off, {changing} can change the result, {found} found")
    assert found >= 0.99 * changing


@pytest.mark.soak
@pytest.mark.parametrize("name", SMALL)
def test_soak_accepted_programs_do_the_same_under_every_schedule(name):
    accepted, total = accepted_are_deterministic(name, SOAK, 30)
    print(f"{name}: {accepted} of {total} loose programs accepted, each the same 31 times")
    assert accepted


@pytest.mark.soak
@pytest.mark.verilator
@pytest.mark.parametrize("name", ["1x4x4", "2x8x8"])
def test_soak_accepted_programs_do_the_same_under_any_timing(targets, name):
    """Loose programs that the checker accepts leave the same memory on RTL and model."""
    config = named(name)
    for shape, sketches, dice in drawn(config, SOAK, 25):
        memory = dice.choice(MEMORIES)
        program = LooseProgram(config, shape, sketches, dice, dice.randint(1, 10) / 100)
        if check(program).errors:
            continue
        expected = run_on(open_model(config), program)
        assert expected.error[0] == ErrorCode.NONE
        found = run_on(targets.get("verilator", name, max_cycles=200_000, **memory), program)
        lines = differences(program, expected, found)
        assert not lines, "\n".join([*lines, program.listing()])

"""Random programs: the RTL leaves behind what the model does, whatever the memory is like."""

import os

import pytest
from device_access import row_bytes
from device_faults import faults
from device_programs import OUT
from device_random import RandomProgram, Shape, shapes, sketches
from device_run import differences, open_model, run_on
from hypothesis import HealthCheck, Phase, given, settings, strategies as st

from myvta.driver.errors import TargetError
from myvta.isa.config import named
from myvta.isa.instructions import Store
from myvta.isa.opcodes import ErrorCode
from myvta.isa.registers import Status

SMALL = ("1x4x4", "1x4x4_base", "1x4x4_int4", "2x8x8")
pytestmark = pytest.mark.timeout(600)  # a test may build a simulator for each width of the port
SOAK = int(os.environ.get("MYVTA_SOAK_PROGRAMS", "5000"))
CYCLES = 200_000  # many times what any of these programs takes
MEMORIES = {
    # what simulators are opened with: every width of the port, quick and slow and stuttering
    "1x4x4": [
        dict(latency=1), dict(latency=33, bus=128), dict(latency=100, stall=50, seed=2, bus=256),
        dict(latency=7, stall=30, seed=3), dict(latency=2, bandwidth=40, stall=10, bus=256),
    ],
    "1x4x4_base": [dict(latency=1, stall=50), dict(latency=50), dict(latency=3, bandwidth=20)],
    "1x4x4_int4": [dict(latency=1, bus=256), dict(latency=20, stall=40, bus=256), dict(latency=5)],
    "2x8x8": [dict(latency=1), dict(latency=64, stall=20, bus=128), dict(latency=10, stall=50)],
}


def examples(count):
    """Return the settings of a test of so many programs; the same ones in every run."""
    return settings(
        max_examples=count, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck), print_blob=False,
        phases=(Phase.generate, Phase.shrink),
    )


def compare(program, targets, backend, name, memory):
    """Run a legal program on the model and on a simulator."""
    expected = run_on(open_model(named(name)), program)
    assert expected.error == (ErrorCode.NONE, 0)
    assert expected.status == Status.FINISH
    agree(program, expected, targets, backend, name, memory)


def agree(program, expected, targets, backend, name, memory):
    """Run a program on a simulator and return the outcome; fail with all one needs to know."""
    lines = []
    try:
        found = run_on(targets.get(backend, name, max_cycles=CYCLES, **memory), program)
        lines = differences(program, expected, found)
    except TargetError as error:
        targets.close(backend)
        lines = [f"{type(error).__name__}: {error}"]
    if lines:
        pytest.fail("\n".join([
            f"{backend}, {name}, {memory}, {program.shape}:", *lines, "", program.listing(),
        ]), pytrace=False)
    return found


def campaign(targets, backend, name, count, *, length, tiles=(8, 16, 40), memories=None):
    """Compare so many random programs on a backend."""
    config = named(name)

    @examples(count)
    @given(shapes(tiles), sketches(config, length=length),
           st.sampled_from(memories or MEMORIES[name]))
    def check(shape, drawn, memory):
        compare(RandomProgram(config, shape, drawn), targets, backend, name, memory)

    check()


@pytest.mark.verilator
@pytest.mark.parametrize("name", SMALL)
def test_verilator(targets, name):
    campaign(targets, "verilator", name, 50, length=30)


@pytest.mark.verilator
@pytest.mark.parametrize("name", ["1x4x4", "1x4x4_base"])
def test_one_malformed_instruction(targets, name):
    malformed(targets, name, 40)


@pytest.mark.soak
@pytest.mark.verilator
@pytest.mark.parametrize("name", SMALL)
def test_soak_malformed(targets, name):
    """MYVTA_SOAK_PROGRAMS programs of each configuration."""
    malformed(targets, name, SOAK)


def malformed(targets, name, count):
    """The error and its index are the model's, whatever runs beside it; the next launch is clean.

    Nothing is written but rows of stores.
    """
    config = named(name)
    after = RandomProgram(config, Shape(seed=1), [])

    @examples(count)
    @given(shapes(), sketches(config, length=15), st.sampled_from(MEMORIES[name]),
           st.sampled_from(sorted(faults(config))), st.integers(0, 99))
    def check(shape, drawn, memory, fault, at):
        program = RandomProgram(config, shape, drawn, (fault, at))
        expected = run_on(open_model(config), program)
        assert expected.error[0] != ErrorCode.NONE
        found = agree(program, expected, targets, "verilator", name, memory)
        assert unstored(program, found.memory) == unstored(program, program.launchable()[0])
        compare(after, targets, "verilator", name, memory)

    check()


def unstored(program, memory):
    """Return the memory with 0 where STOREs may have written."""
    stored = 0
    for it in program.body:
        if isinstance(it, Store) and it.x_size and it.memory_type == OUT and it.dram_base < 2**31:
            stored |= row_bytes(program, it)
    return bytes(0 if stored >> at & 1 else byte for at, byte in enumerate(memory))


@pytest.mark.icarus
@pytest.mark.parametrize(("name", "count"), [("1x4x4", 12), ("1x4x4_base", 4), ("1x4x4_int4", 4)])
def test_icarus(targets, name, count):
    memory = {"1x4x4": dict(latency=1), "1x4x4_base": dict(latency=9, stall=30)}.get(name, {})
    campaign(targets, "icarus", name, count, length=10, tiles=(8,), memories=[memory])


@pytest.mark.parametrize("name", SMALL)
def test_no_legal_schedule_changes_the_result(name):
    """The model in a fixed order and in a random one: tokens are enough, or this is red."""
    config = named(name)

    @examples(40)
    @given(shapes(), sketches(config, length=30), st.integers(0, 999))
    def check(shape, drawn, order):
        program = RandomProgram(config, shape, drawn)
        expected = run_on(open_model(config), program)
        found = run_on(open_model(config, order=order), program)
        lines = differences(program, expected, found)
        assert not lines, "\n".join([*lines, program.listing()])

    check()


@pytest.mark.soak
@pytest.mark.verilator
@pytest.mark.parametrize("name", [*SMALL, "default"])
def test_soak(targets, name):
    """MYVTA_SOAK_PROGRAMS programs of each configuration."""
    campaign(targets, "verilator", name, SOAK, length=60,
             memories=MEMORIES.get(name, [dict(latency=1), dict(latency=64, stall=20)]))

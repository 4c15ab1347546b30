"""Random programs: the RTL's results equal the model's, whatever the timing of memory."""

from contextlib import nullcontext
from itertools import islice
from random import Random

import pytest
from device_access import row_bytes
from device_faults import faults
from device_programs import ACC_8BIT, BASE, OUT, SIZE
from device_random import RandomProgram
from device_run import differences, open_model, run_on
from device_sketches import MIX, NEEDS, Shape
from extended import extended
from instruction_coverage import contained, defined
from lockstep import Case, cases, compare, differ, lockstep, open_memory, shrink
from robust_runs import soak_count

from myvta.isa.config import named
from myvta.isa.instructions import Load, Store
from myvta.isa.opcodes import ErrorCode
from myvta.isa.register_map import Reg
from myvta.model.model_target import ModelTarget

SMALL = ("1x4x4", "1x4x4_base", "1x4x4_int4", "2x8x8", "1x4x4+forward+weights4", "1x4x4+all",
         "2x8x8+all")
SAMPLE = [("1x4x4", 64), ("1x4x4", 128), ("1x4x4", 256), ("1x4x4_base", 64), ("1x4x4_int4", 64),
          ("2x8x8", 64), ("1x4x4+all", 64)]
BUSES = (64, 128, 256)
ICARUS = {
    "1x4x4": 4, "1x4x4_int4": 3, "1x8x8": 1, "2x8x8": 1, "1x4x4+forward+weights4": 2,
    "1x4x4+all": 3, "1x8x8+all": 1, "2x8x8+all": 0.5, "default": 0.1,
}
"""Configurations of the soak, and their shares of the work under Icarus."""
SOAKED = tuple(ICARUS)
COVERING = 60
"""Programs that contain every instruction of their configuration."""
pytestmark = pytest.mark.timeout(600)  # a test may build a simulator


@pytest.mark.verilator
@pytest.mark.parametrize(("name", "bus"), SAMPLE)
def test_random_programs_on_verilator_equal_the_model(name, bus):
    lockstep("verilator", name, bus, instructions=3000)


@pytest.mark.soak
@pytest.mark.verilator
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("name", "bus"), [
    ("4x16x16+all", 64), ("1x32x32_128", 128), ("1x32x32_256+all", 256),
])
def test_random_programs_on_the_largest_arrays_equal_the_model(name, bus):
    lockstep("verilator", name, bus, instructions=600)


@pytest.mark.icarus
@pytest.mark.parametrize(("name", "bus"), [
    pytest.param("1x4x4", 64, marks=pytest.mark.slow),
    pytest.param("1x4x4_base", 64, marks=pytest.mark.slow), ("1x4x4_int4", 128),
])
def test_random_programs_on_icarus_equal_the_model(name, bus):
    lockstep("icarus", name, bus, instructions=250, length=20, tiles=(8,))


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.verilator
@pytest.mark.parametrize("bus", BUSES)
@pytest.mark.parametrize("name", SOAKED)
def test_soak_random_programs_on_verilator_equal_the_model(name, bus, record_property):
    """MYVTA_SOAK_INSTRUCTIONS over all configurations and widths, from seed MYVTA_SOAK_SEED on."""
    share = -(-soak_count("INSTRUCTIONS", 1_000_000) // (len(SOAKED) * len(BUSES)))
    tally = lockstep(
        "verilator", name, bus, instructions=share, first=soak_count("SEED", 0), length=120,
    )
    record_property("soak", str(tally))


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.icarus
@pytest.mark.parametrize("bus", BUSES)
@pytest.mark.parametrize("name", SOAKED)
def test_soak_random_programs_on_icarus_equal_the_model(name, bus, record_property):
    """MYVTA_SOAK_ICARUS instructions over all configurations and widths; fewer on large ones."""
    total = soak_count("ICARUS", 20_000)
    share = int(total * ICARUS[name] / sum(ICARUS.values()) / len(BUSES)) + 1
    tally = lockstep(
        "icarus", name, bus, instructions=share, first=soak_count("SEED", 0), length=30,
        tiles=(8, 16),
    )
    record_property("soak", str(tally))


@pytest.mark.verilator
@pytest.mark.parametrize("name", ["1x4x4", pytest.param("1x4x4_base", marks=pytest.mark.slow)])
def test_malformed_instruction_has_the_model_s_fault(name):
    malformed(name, 64, 40)


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.verilator
@pytest.mark.parametrize("name", SMALL)
def test_soak_malformed_instruction_has_the_model_s_fault(name):
    """MYVTA_SOAK_PROGRAMS programs of each configuration, a quarter and half on wider ports."""
    count = soak_count("PROGRAMS", 5000)
    for bus, share in ((64, 4), (128, 4), (256, 2)):
        malformed(name, bus, count // share, first=bus << 16)


def malformed(name, bus, count, first=0):
    """The error and its index are the model's, whatever runs beside it; the next launch is clean.

    Nothing is written but rows of stores.
    """
    config = extended(name)
    kinds = sorted(faults(config))
    for case in islice(cases(config, first, length=15), count):
        dice = Random(f"fault {case.seed}")
        program = case.program(fault=(dice.choice(kinds), dice.randrange(100)))
        expected = run_on(open_model(config), program)
        assert expected.error[0] != ErrorCode.NONE
        with open_memory("verilator", config, case.memory, bus) as target:
            lines, _ = differ(target, program, expected)
            assert not lines, "\n".join([f"{case}:", *lines, program.listing()])
            left = target.read_memory(*target.window)
            assert unstored(program, left) == unstored(program, program.launchable()[0]), str(case)
            compare(target, Case(config, 1, Shape(seed=1), (), case.memory))


def unstored(program, memory):
    """Return the memory with 0 where STOREs may have written."""
    stored = 0
    for it in program.body:
        if isinstance(it, Store) and it.x_size and it.memory_type == OUT and it.dram_base < 2**31:
            stored |= row_bytes(program, it)
    return bytes(0 if stored >> at & 1 else byte for at, byte in enumerate(memory))


@pytest.mark.parametrize("name", ["1x4x4_base", "1x4x4+all", "2x8x8+all", "default"])
def test_random_programs_contain_every_instruction_with_every_option(name):
    config = extended(name)
    assert _contained(cases(config, 0, length=60)) == defined(config)


def test_options_that_are_never_drawn_are_missed():
    """Without the sketches of the extensions, exactly their instructions are missing."""
    config = extended("1x4x4+all")
    mix = {kind: weight for kind, weight in MIX.items() if kind not in NEEDS}
    missed = defined(config) - _contained(cases(config, 0, length=60, mix=mix))
    of_extensions = ("dwc", "red", "rqt", "load LUT", "load WGT_4BIT", "store INP", "store WGT")
    assert missed == {text for text in defined(config) if text.startswith(of_extensions)} - {
        "load LUT: one row"}  # the first load of every table


def _contained(drawn):
    """Return what the first programs contain."""
    return set().union(*(contained(case.program().body) for case in islice(drawn, COVERING)))


@pytest.mark.parametrize("name", SMALL)
def test_no_legal_schedule_changes_the_result(name):
    """The model in a fixed order and in a random one: tokens are enough, or this is red."""
    config = extended(name)
    for case in islice(cases(config, 0, length=30), 40):
        program = case.program()
        expected = run_on(open_model(config), program)
        found = run_on(open_model(config, order=case.seed), program)
        lines = differences(program, expected, found)
        assert not lines, "\n".join([f"{case}:", *lines, program.listing()])


class ForgetfulTarget(ModelTarget):
    """A model that spoils a byte in every launch that loads ACC_8BIT."""

    def read_memory(self, address, size):
        found = bytearray(super().read_memory(address, size))
        found[-7] ^= self.read_register(Reg.ACC_8BIT_BYTES) != 0
        return bytes(found)


def test_difference_is_reported_with_its_seed_and_shrunk(monkeypatch):
    def open_forgetful(backend, config, memory, bus):
        assert (backend, memory, bus) == ("forgetful", case.memory, 64)
        return ForgetfulTarget(config, base=BASE, size=SIZE)

    monkeypatch.setattr("lockstep.open_memory", open_forgetful)
    for case in cases(named("1x4x4"), 5, length=30):
        target = ForgetfulTarget(case.config, base=BASE, size=SIZE)
        with pytest.raises(pytest.fail.Exception) if _narrow_loads(case) else nullcontext() as seen:
            compare(target, case)
        if seen and len(case.drawn) > 10:
            break
    text = str(seen.value)
    assert text.startswith(f"forgetful, bus 64, 1x4x4, seed {case.seed}, {{'latency': ")
    assert "memory: 1 bytes differ, the first at 0x4fff9 (a guard byte, outside every" in text
    shrunk = text.split("shrunk to:")[1]
    assert shrunk.count("acc_8bit") == 1
    assert len(shrunk.splitlines()) < len(case.program().listing().splitlines())


def _narrow_loads(case):
    return any(isinstance(it, Load) and it.memory_type == ACC_8BIT and it.x_size and it.y_size
               for it in case.program().body)


def test_shrinking_keeps_the_failure():
    assert shrink(range(40), lambda drawn: [drawn] if {7, 23} <= set(drawn) else None) == [[7, 23]]
    assert shrink(range(40), lambda drawn: None) is None


def test_equal_seeds_give_equal_programs():
    first, again = (list(islice(cases(named("1x4x4"), 8, length=30), 6)) for _ in range(2))
    assert first == again
    assert RandomProgram(*_of(first[0])).launchable() == first[0].program().launchable()
    assert [case.seed for case in first] == list(range(8, 14))
    memories = [case.memory for case in first]
    assert memories[0] == memories[3] != memories[4]


def _of(case):
    return case.config, case.shape, case.drawn

"""The launch protocol on model and RTL: CONTROL, counters, status, interrupt, registers."""

import pytest
from device_programs import (
    ACC,
    ACC_8BIT,
    BASE,
    INP,
    SIZE,
    UOP,
    WGT,
    Program,
)
from device_registers import clean, go, put
from device_run import EVERYWHERE, SIMULATED, open_model, outcome_of
from device_tokens import IDLE

from myvta.isa.config import NAMED
from myvta.isa.instructions import Alu, Finish, Gemm, Load, Store, Uop
from myvta.isa.opcodes import ErrorCode
from myvta.isa.register_map import BASE_REGISTERS, COUNTERS, REGISTERS, Reg, Status, reset_values


@pytest.fixture
def target(device):
    """The simulator, or the model where that is the backend: registers by hand."""
    found = device.simulator or device.model
    clean(found)
    return found


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_identity_is_that_of_the_configuration(target):
    values = reset_values(target.config)
    for register in (Reg.IDENTITY, Reg.VERSION, Reg.FEATURES, Reg.FINGERPRINT):
        target.write_register(register, 0x5A5A_5A5A)
        assert target.read_register(register) == values[register]
    assert target.read_register(Reg.IDENTITY) == int.from_bytes(b"MVTA", "little")
    assert target.read_register(Reg.FINGERPRINT) == NAMED["1x4x4"].fingerprint


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_read_only_and_unmapped_registers_ignore_writes(target):
    put(target, IDLE, IDLE, Finish())
    go(target)
    for offset, register in REGISTERS.items():
        if register.access == "ro":
            before = target.read_register(offset)
            target.write_register(offset, before ^ 0xFFFF_FFFF)
            assert target.read_register(offset) == before, offset.name
    for offset in (0x28, 0x3C, 0x78, 0x7C, 0x7F0, 0x1000, 0x8000, 0xFFFC):
        target.write_register(offset, 0xFFFF_FFFF)
        assert target.read_register(offset) == 0, hex(offset)
    assert target.read_register(Reg.INSTRUCTIONS) == 3


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_written_registers_read_back(target):
    written = {register: 0x0123_4560 + 0x1111_0000 * n for n, register in enumerate(
        [Reg.INSN_COUNT, Reg.INSN_BASE, *sorted(set(BASE_REGISTERS.values()))]
    )}
    for register, value in written.items():
        target.write_register(register, value)
    assert {register: target.read_register(register) for register in written} == written
    clean(target)


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_window_registers_have_granules(target):
    target.write_register(Reg.WINDOW_BASE, 0x1234_5FFF)
    target.write_register(Reg.WINDOW_LIMIT, 0x2345_6000)
    assert target.read_register(Reg.WINDOW_BASE) == 0x1234_5000
    assert target.read_register(Reg.WINDOW_LIMIT) == 0x2345_6FFF
    clean(target)


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_control_launches_and_clears(target):
    """0 clears FINISH, ERROR and TOKENS_LEFT; so does the next launch; other bits do nothing."""
    put(target, Load(memory_type=UOP, push_next=1), Finish())
    assert go(target) == Status.FINISH | Status.TOKENS_LEFT
    assert target.read_register(Reg.CONTROL) == Status.FINISH | Status.TOKENS_LEFT
    target.write_register(Reg.CONTROL, 0)
    assert target.read_register(Reg.CONTROL) == 0
    put(target, IDLE)
    assert go(target) == Status.FINISH | Status.ERROR
    assert target.read_register(Reg.ERROR_CODE) == ErrorCode.NO_FINISH
    assert target.read_register(Reg.ERROR_INDEX) == 1
    target.write_register(Reg.CONTROL, 0xFFFF_FFFE)  # no launch bit: clears the status alone
    assert target.read_register(Reg.CONTROL) == 0
    assert target.read_register(Reg.ERROR_CODE) == ErrorCode.NO_FINISH
    put(target, Finish())
    assert go(target) == Status.FINISH
    assert target.read_register(Reg.ERROR_CODE) == 0
    assert target.read_register(Reg.ERROR_INDEX) == 0


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_counters_hold_after_the_end_and_restart_at_0(device, target):
    """Every counter by hand, twice: the second launch counts its own."""
    program = Program(device.config)
    program.load(INP, [[1] * 4] * 3)
    program.load(WGT, [[1] * 16] * 2)
    program.load(ACC, [[1] * 4] * 5)
    program.load(ACC_8BIT, [[1] * 4] * 7)
    program.uops(Uop(), Uop(dst=1), Uop(dst=2))
    program.add(
        Gemm(uop_end=3, iter_in=4), Gemm(reset=1, uop_end=2), Alu(use_imm=1, uop_end=3, iter_out=5),
    )
    program.store(0, 6)
    program.add(Store(x_size=0))
    expected = {
        "ACC_WRITES": 12 + 2 + 15, "INSTRUCTIONS": 11, "GEMM_STEPS": 12, "ALU_STEPS": 15,
        "UOP_BYTES": 12, "WGT_BYTES": 32, "INP_BYTES": 12, "ACC_BYTES": 80, "ACC_8BIT_BYTES": 28,
        "OUT_BYTES": 24, "LUT_BYTES": 0, "WGT_4BIT_BYTES": 0, "DWC_STEPS": 0,
    }
    for _ in range(2):
        assert device.passes(program).counters == expected
    target.write_register(Reg.CONTROL, 0)
    assert outcome_of(target).counters == expected
    put(target, Finish())
    go(target)
    counters = {name: target.read_register(name) for name in COUNTERS}
    assert counters == {**dict.fromkeys(COUNTERS, 0), Reg.INSTRUCTIONS: 1}


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_interrupt_status_is_set_and_cleared(device, target):
    """Set at the end of a launch, well or not; 1 clears it, 0 does not; enable does not matter."""
    assert target.read_register(Reg.INTERRUPT_STATUS) == 0
    for stream in ([Finish()], [IDLE]):
        put(target, *stream)
        go(target)
        assert target.read_register(Reg.INTERRUPT_STATUS) == 1
        target.write_register(Reg.INTERRUPT_STATUS, 0xFFFF_FFFE)
        assert target.read_register(Reg.INTERRUPT_STATUS) == 1
        target.write_register(Reg.INTERRUPT_STATUS, 1)
        assert target.read_register(Reg.INTERRUPT_STATUS) == 0
    target.write_register(Reg.INTERRUPT_ENABLE, 0xFFFF_FFFF)
    assert target.read_register(Reg.INTERRUPT_ENABLE) == 1
    clean(target)


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_interrupt_wire_follows_status_and_enable(device, target):
    """High while enabled and pending; only simulators show the wire, the model its level."""
    put(target, Finish())
    target.write_register(Reg.INTERRUPT_ENABLE, 1)
    target.write_register(Reg.CONTROL, Status.LAUNCH)
    if device.simulator is None:
        assert target.device.interrupt
    else:
        target.run_until_interrupt(2000)
    assert target.read_register(Reg.CONTROL) == Status.FINISH
    clean(target)


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_reset_without_a_launch_changes_nothing(target):
    put(target, Finish())
    assert go(target) == Status.FINISH
    target.write_register(Reg.RESET, 1)
    assert target.read_register(Reg.CONTROL) == Status.FINISH
    assert target.read_register(Reg.RESET) == 0


def test_window_lock_of_the_model_holds_until_reopening():
    """For good: the simulators, where the reset wire unlocks, are in test_reset."""
    target = open_model(NAMED["1x4x4"])
    target.write_register(Reg.WINDOW_LOCK, 0xFFFF_FFFF)
    target.write_register(Reg.WINDOW_LOCK, 0)
    assert target.read_register(Reg.WINDOW_LOCK) == 1
    target.write_register(Reg.WINDOW_BASE, 0)
    target.write_register(Reg.WINDOW_LIMIT, 0xFFFF_FFFF)
    assert target.read_register(Reg.WINDOW_BASE) == BASE
    assert target.read_register(Reg.WINDOW_LIMIT) == BASE + SIZE - 1


@pytest.mark.parametrize("device", SIMULATED, indirect=True)
def test_registers_are_locked_while_a_launch_runs(device, target):
    """Pointers, count and window do not move in a running launch; neither does CONTROL.

    (The model runs a launch inside the write that starts it.)
    """
    put(target, *[Load(memory_type=INP, x_size=200)] * 6, *[Store(x_size=200)] * 2, Finish())
    target.write_register(Reg.INP_BASE, BASE)
    target.write_register(Reg.OUT_BASE, BASE + 0x8000)
    target.write_register(Reg.CONTROL, Status.LAUNCH)
    locked = (Reg.INSN_COUNT, Reg.INSN_BASE, Reg.INP_BASE, Reg.OUT_BASE, Reg.WINDOW_BASE,
              Reg.WINDOW_LIMIT, Reg.WATCHDOG)
    values = {register: target.read_register(register) for register in locked}
    for register in locked:
        target.write_register(register, 0xFFFF_F000)
        assert target.read_register(register) == values[register]
    target.write_register(Reg.WINDOW_LOCK, 1)
    assert target.read_register(Reg.WINDOW_LOCK) == 0
    target.write_register(Reg.WINDOW_LOCK, 1)
    assert target.read_register(Reg.WINDOW_LOCK) == 0
    target._write(Reg.CONTROL, 0)
    assert target._read(Reg.CONTROL) == Status.LAUNCH
    target._write(Reg.CONTROL, Status.LAUNCH)
    for _ in range(100):
        if target.read_register(Reg.CONTROL) == Status.FINISH:
            break
    assert target.read_register(Reg.CONTROL) == Status.FINISH
    assert target.read_register(Reg.INSTRUCTIONS) == 9
    clean(target)

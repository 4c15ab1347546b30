"""The launch protocol against a device that is all registers."""

import re
import time

import pytest

from myvta.driver import DeviceError, TargetTimeout, check_identity, open_target
from myvta.driver.errors import IdentityError, TargetError
from myvta.driver.run.launch import launch, read_performance
from myvta.isa.config import load_config, named
from myvta.isa.instructions import Alu, Finish, Store, encode_stream
from myvta.isa.opcodes import ErrorCode, MemoryType
from myvta.isa.register_map import COUNTERS, IDENTITY, PERFORMANCE, Reg, Status, reset_values

BASE, SIZE = 0x2000, 0x2000


class FakeTarget:
    """Registers that answer from a script.

    CONTROL reads ``before`` until it is written, then ``statuses`` in turn, then the last of them.
    """

    before = 0

    def __init__(self, statuses=(Status.FINISH,), config="1x4x4", **values):
        self.config, self.window = load_config(config), (BASE, SIZE)
        self.registers = {int(key): value for key, value in reset_values(self.config).items()}
        self.registers.update((int(Reg[name]), value) for name, value in values.items())
        self.statuses = list(statuses)
        self.writes = []
        self.memory = bytearray(SIZE)

    def read_register(self, offset):
        if offset == Reg.CONTROL:
            if (Reg.CONTROL, 1) not in self.writes:
                return int(self.before)
            return int(self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0])
        return self.registers[int(offset)]

    def write_register(self, offset, value):
        self.writes.append((Reg(offset), int(value)))
        window = offset in (Reg.WINDOW_BASE, Reg.WINDOW_LIMIT)
        if window and not self.registers[Reg.WINDOW_LOCK]:
            self.registers[int(offset)] = int(value)

    def read_memory(self, address, size):
        return bytes(self.memory[address - BASE : address - BASE + size])


def test_launch_writes_registers_in_order():
    target = FakeTarget()
    launch(target, 0x2010, 3, bases={MemoryType.UOP: 0x2100, MemoryType.ACC: 0x3000})
    assert target.writes == [
        (Reg.WINDOW_BASE, 0x2000), (Reg.WINDOW_LIMIT, 0x3FFF), (Reg.INSN_COUNT, 3),
        (Reg.INSN_BASE, 0x2010), (Reg.UOP_BASE, 0x2100), (Reg.INP_BASE, 0), (Reg.WGT_BASE, 0),
        (Reg.ACC_BASE, 0x3000), (Reg.OUT_BASE, 0), (Reg.WATCHDOG, 0), (Reg.CONTROL, 1),
    ]


def test_a_locked_window_is_refused_before_anything_starts():
    target = FakeTarget(WINDOW_LOCK=1, WINDOW_BASE=0, WINDOW_LIMIT=0xFFFF_FFFF)
    with pytest.raises(TargetError, match=re.escape(
        "window reads 0x0..0xffffffff, not 0x2000..0x3fff: it is locked"
    )):
        launch(target, BASE, 1)
    assert (Reg.CONTROL, 1) not in target.writes
    target = FakeTarget(WINDOW_LOCK=1, WINDOW_BASE=0x2000, WINDOW_LIMIT=0x3FFF)
    launch(target, BASE, 1)  # locked where it should be


@pytest.mark.parametrize("scheme", ["model", pytest.param(
    "verilator", marks=pytest.mark.verilator)])
def test_every_launch_restores_the_window_of_its_target(scheme):
    """A store outside the target's window, inside a wider one that was set before."""
    with open_target(f"{scheme}://?config=1x4x4&mem=0x10000:64K") as target:
        code = encode_stream([Store(x_size=1, dram_base=0), Finish()], target.config)
        target.write_memory(0x10000, code)
        for base, limit in ((0, 0xFFFF_FFFF), (0x3000, 0x3FFF), (0x10000, 0x10FFF)):
            target.write_register(Reg.WINDOW_BASE, base)
            target.write_register(Reg.WINDOW_LIMIT, limit)
            with pytest.raises(DeviceError, match="WINDOW at instruction 0"):
                launch(target, 0x10000, 2)
            assert target.read_register(Reg.WINDOW_BASE) == 0x10000
            assert target.read_register(Reg.WINDOW_LIMIT) == 0x1FFFF
            inside = dict.fromkeys(MemoryType, 0x10000)
            target.write_memory(0x10000, code)
            launch(target, 0x10000 + 16, 1, bases=inside)


def test_report_has_cycles_and_counters():
    target = FakeTarget(
        [Status.LAUNCH, Status.LAUNCH, Status.FINISH | Status.TOKENS_LEFT], CYCLES=123,
        GEMM_STEPS=45,
    )
    report = launch(target, BASE, 1)
    assert report.cycles == 123
    assert set(report.counters) == {register.name for register in COUNTERS}
    assert report.counters["GEMM_STEPS"] == 45
    assert report.counters["ALU_STEPS"] == 0
    assert report.warnings == ("dependency tokens were unconsumed at FINISH",)


@pytest.mark.parametrize(("counters", "architectural", "performance"), [
    ("all", len(COUNTERS), sum(map(len, PERFORMANCE.values()))), ("basic", len(COUNTERS), 0),
    ("none", 0, 0),
])
def test_counters_that_the_device_lacks_are_left_out(counters, architectural, performance):
    target = FakeTarget([Status.LAUNCH, Status.FINISH], CYCLES=9,
                        config=named("1x4x4").replace(counters=counters))
    report = launch(target, BASE, 1)
    assert report.cycles == 9
    assert (len(report.counters), len(read_performance(target))) == (architectural, performance)


def test_timeout_of_a_device_without_counters_shows_the_cycles():
    target = FakeTarget([Status.LAUNCH], CYCLES=99,
                        config=named("1x4x4").replace(counters="none"))
    with pytest.raises(TargetTimeout, match="CONTROL reads 0x1, CYCLES 99; "):
        launch(target, BASE, 1, timeout=0.01)


def test_timeout_is_bounded_and_names_its_cause():
    target = FakeTarget([Status.LAUNCH], CYCLES=99, INSTRUCTIONS=4)
    started = time.monotonic()
    with pytest.raises(TargetTimeout, match=re.escape(
        "waited 0.05 s for the launch to end; CONTROL reads 0x1, CYCLES 99, "
    )) as caught:
        launch(target, BASE, 1, timeout=0.05)
    assert time.monotonic() - started < 2
    assert "INSTRUCTIONS 4" in str(caught.value)
    assert "; it did not follow a soft reset, CONTROL reads 0x1" in str(caught.value)
    assert target.writes[-1] == (Reg.RESET, 1)
    assert isinstance(caught.value, (TimeoutError, OSError))


class ResettableTarget(FakeTarget):
    """Ends with its error registers when RESET is written."""

    def write_register(self, offset, value):
        super().write_register(offset, value)
        if offset == Reg.RESET:
            self.statuses = [Status.LAUNCH, self.after]


@pytest.mark.parametrize(("after", "text"), [
    (Status.FINISH | Status.ERROR, r"; a soft reset ended it: device error RESET at instruction 1 "
     r"\(conv1\): finish$"),
    (Status.FINISH | Status.ERROR | Status.DRAINING, r"finish; memory has not answered$"),
    (Status.FINISH, r"; it ended while it was being reset$"),
])
def test_after_a_timeout_the_device_is_reset(after, text):
    target = ResettableTarget([Status.LAUNCH], ERROR_CODE=ErrorCode.RESET, ERROR_INDEX=1)
    target.after = after
    code = encode_stream([Alu(), Finish()], target.config)
    target.memory[: len(code)] = code
    with pytest.raises(TargetTimeout, match=f"(?i)waited 0.01 s for the launch to end.*{text}"):
        launch(target, BASE, 2, timeout=0.01, notes=["", "conv1"])
    assert target.writes.count((Reg.RESET, 1)) == 1


def test_loss_during_reset_is_a_timeout_error():
    class Lost(FakeTarget):
        def write_register(self, offset, value):
            super().write_register(offset, value)
            if offset == Reg.RESET:
                raise TargetError("no link")

    with pytest.raises(TargetTimeout, match="the launch to end.*; a soft reset failed: no link$"):
        launch(Lost([Status.LAUNCH]), BASE, 2, timeout=0.01)


@pytest.mark.parametrize(("clock", "timeout", "watchdog", "expected"), [
    (None, 60, None, 0), (None, 60, 500, 500), (100e6, 0.5, None, 50_000_000),
    (100e6, 1e6, None, 0xFFFF_FFFF), (100e6, 1, 0, 0),
])
def test_the_watchdog_is_armed_where_the_clock_is_known(clock, timeout, watchdog, expected):
    target = FakeTarget()
    if clock:
        target.clock_hz = clock
    launch(target, BASE, 1, timeout=timeout, watchdog=watchdog)
    assert (Reg.WATCHDOG, expected) in target.writes


def test_device_error_names_the_burst():
    target = FakeTarget([Status.FINISH | Status.ERROR], ERROR_CODE=ErrorCode.BUS, ERROR_INDEX=9,
                        ERROR_ADDRESS=0x1230)
    with pytest.raises(DeviceError) as caught:
        launch(target, BASE, 1)
    assert str(caught.value) == "device error BUS at instruction 9, burst at 0x00001230"
    assert caught.value.address == 0x1230


def test_a_busy_device_is_not_launched():
    target = FakeTarget()
    target.before = Status.LAUNCH
    with pytest.raises(TargetTimeout, match=r"waited 0.05 s for an earlier launch to end; CONTR"):
        launch(target, BASE, 1, timeout=0.05)
    assert target.writes == []


def test_waiting_does_not_spin():
    target = FakeTarget([Status.LAUNCH])
    reads = []
    read = target.read_register
    target.read_register = lambda offset: (reads.append(offset), read(offset))[1]
    with pytest.raises(TargetTimeout):
        launch(target, BASE, 1, timeout=0.2)
    assert reads.count(Reg.CONTROL) < 2000


def test_device_error_quotes_the_instruction_and_its_note():
    target = FakeTarget(
        [Status.FINISH | Status.ERROR], ERROR_CODE=ErrorCode.ALU_OPCODE, ERROR_INDEX=1
    )
    code = encode_stream([Alu(), Alu(alu_opcode=5, use_imm=1, imm=-3), Finish()], target.config)
    target.memory[16 : 16 + len(code)] = code
    with pytest.raises(DeviceError) as caught:
        launch(target, BASE + 16, 3, notes=["", "conv1 tile 2", ""])
    error = caught.value
    assert (error.code, error.index, error.note) == (ErrorCode.ALU_OPCODE, 1, "conv1 tile 2")
    assert "-3" in error.instruction
    assert str(error).startswith("device error ALU_OPCODE at instruction 1 (conv1 tile 2): ")


def test_device_errors_past_the_stream_and_of_unknown_code_are_explained():
    with pytest.raises(DeviceError) as caught:
        launch(FakeTarget([Status.FINISH | Status.ERROR], ERROR_CODE=15, ERROR_INDEX=1), BASE, 1)
    assert str(caught.value) == "device error NO_FINISH at instruction 1"
    with pytest.raises(DeviceError) as caught:
        launch(FakeTarget([Status.FINISH | Status.ERROR], ERROR_CODE=99, ERROR_INDEX=2), BASE, 1)
    assert str(caught.value) == "device error unknown code 99 at instruction 2"
    assert caught.value.code == 99


def test_expected_identity_is_accepted():
    check_identity(FakeTarget())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"IDENTITY": 0}, "IDENTITY reads 0x00000000, expected 0x4154564d ('MVTA'): nothing "
         "answers there: wrong base address, or no design loaded"),
        ({"IDENTITY": 0x1234}, "another design answers there"),
        ({"VERSION": 0x00020003}, "register map version is 2.3, this driver speaks 1.0"),
        ({"FINGERPRINT": 1}, "the device has configuration 0x00000001, expected"),
        ({"FINGERPRINT": named("1x4x4_base").fingerprint},
         "it is '1x4x4_base': OVERWRITE expected True, device False, "
         "REQUANTIZE expected True, device False"),
        ({"FINGERPRINT": named("1x8x8").fingerprint},
         "it is '1x8x8': LOG_BLOCK expected 2, device 3, LOG_UOP_BUFF_SIZE expected 10, device 15"),
        ({"FEATURES": 0}, "FEATURES reads 0x0, expected 0x3 for configuration 1x4x4"),
    ],
)
def test_other_identities_are_refused(values, message):
    with pytest.raises(IdentityError, match=re.escape(message)):
        check_identity(FakeTarget(**values))


def test_newer_minor_version_is_accepted():
    check_identity(FakeTarget(VERSION=0x00010007))


@pytest.mark.parametrize(("control", "identity", "text"), [
    (0, IDENTITY, "CONTROL reads 0x0 and it was reset"),
    (0, 0, "IDENTITY reads 0x00000000: it has lost its power or its design"),
    (0xFFFF_FFFF, 0xFFFF_FFFF, "CONTROL reads 0xffffffff and IDENTITY reads 0xffffffff"),
])
def test_loss_during_a_launch_is_reported_at_once(control, identity, text):
    target = FakeTarget([Status.LAUNCH] * 3 + [control], IDENTITY=identity)
    started = time.monotonic()
    with pytest.raises(TargetError, match=f"is gone .* the launch to end: .*{text}") as caught:
        launch(target, BASE, 1)
    assert not isinstance(caught.value, TargetTimeout) and time.monotonic() - started < 2
    assert "load the design again" in str(caught.value)


def test_loss_before_a_launch_is_reported_without_writes():
    target = FakeTarget(IDENTITY=0xFFFF_FFFF)
    target.before = 0xFFFF_FFFF
    with pytest.raises(TargetError, match="is gone while the host waited for an earlier launch"):
        launch(target, BASE, 1)
    assert target.writes == []


def test_single_zero_of_control_is_read_again():
    """A launch may be seen a little later than it was written."""
    assert launch(FakeTarget([0, Status.LAUNCH, Status.FINISH]), BASE, 1).warnings == ()

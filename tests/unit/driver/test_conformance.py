"""The contract of every target, for any device (driver/target/protocol.py `Target`)."""

import random
import time
from contextlib import nullcontext

import pytest
from every_target import OF_CONFIGURATION, SHARED_FILE, TARGETS, marked
from extended import extended

from myvta.driver import (
    DeviceError,
    RegisterError,
    StreamBuilder,
    Target,
    TargetError,
    TargetTimeout,
    WindowError,
    check_identity,
)
from myvta.driver.run.launch import launch
from myvta.isa.instructions import Finish, Load, encode_stream
from myvta.isa.opcodes import ErrorCode, MemoryType, Reduction
from myvta.isa.register_map import REGISTERS, Reg, Status, reset_values

BASE, SIZE = 0x3000, 0x8000


@pytest.fixture(scope="module", params=[marked(name) for name in TARGETS])
def target(request):
    with TARGETS[request.param](BASE, SIZE) as opened:
        yield opened


def run_empty(target):
    code = StreamBuilder(target.config).finish().code
    target.write_memory(BASE, code)
    return launch(target, BASE, 1)


def test_target_satisfies_the_protocol(target):
    assert isinstance(target, Target)
    assert target.window == (BASE, SIZE)
    assert target.config.name == "1x4x4"
    check_identity(target)


def test_opening_programs_the_window(target):
    assert target.read_register(Reg.WINDOW_BASE) == BASE
    assert target.read_register(Reg.WINDOW_LIMIT) == BASE + SIZE - 1


def test_memory_of_any_size_and_alignment(target):
    rng, mirror = random.Random(3), bytearray(SIZE)
    target.write_memory(BASE, bytes(SIZE))
    for _ in range(60):
        at = rng.randrange(SIZE)
        size = min(rng.choice((0, 1, 3, 4, 7, 64, 5000)), SIZE - at)
        data = rng.randbytes(size)
        kind = rng.choice((bytes, bytearray, memoryview))
        target.write_memory(BASE + at, kind(data))
        mirror[at : at + size] = data
        at = rng.randrange(SIZE)
        size = min(rng.choice((0, 1, 5, 4096)), SIZE - at)
        assert target.read_memory(BASE + at, size) == mirror[at : at + size]
    assert target.read_memory(BASE, SIZE) == mirror


@pytest.mark.parametrize("address", [0, BASE - 1, BASE + SIZE - 1, BASE + SIZE, 1 << 32])
def test_outside_the_window_is_a_window_error_without_effect(target, address):
    target.write_memory(BASE, b"\x55" * SIZE)
    outside = f"^2 bytes at {address:#x} are outside the memory 0x3000..0xafff$"
    with pytest.raises(WindowError, match=outside):
        target.write_memory(address, b"ab")
    with pytest.raises(WindowError, match=outside):
        target.read_memory(address, 2)
    assert target.read_memory(BASE, SIZE) == b"\x55" * SIZE


@pytest.mark.parametrize("offset", [-4, 2, 0x10000])
def test_an_impossible_register_offset_is_a_register_error(target, offset):
    for access in (target.read_register, lambda at: target.write_register(at, 0)):
        with pytest.raises(RegisterError, match="^a register offset is a multiple of 4 below"):
            access(offset)


@pytest.mark.parametrize("value", [-1, 1 << 32])
def test_an_impossible_register_value_is_a_register_error_without_effect(target, value):
    target.write_register(Reg.INSN_COUNT, 5)
    with pytest.raises(RegisterError, match=f"^a register holds 32 bits, not {value}$"):
        target.write_register(Reg.INSN_COUNT, value)
    assert target.read_register(Reg.INSN_COUNT) == 5


def test_plain_registers_keep_written_values(target):
    for register in REGISTERS.values():
        if register.access == "rw" and register.offset not in (
            Reg.CONTROL, Reg.WINDOW_BASE, Reg.WINDOW_LIMIT, Reg.INTERRUPT_ENABLE,
        ):
            target.write_register(register.offset, 0xA5A5_5A50)
            assert target.read_register(register.offset) == 0xA5A5_5A50, register.offset.name
            target.write_register(register.offset, 0)
            assert target.read_register(register.offset) == 0, register.offset.name


def test_writes_of_read_only_and_unmapped_registers_have_no_effect(target, request):
    """They are ignored; a server in front of the device refuses them."""
    served = request.node.callspec.params["target"].startswith("tcp")
    run_empty(target)
    for offset in [name for name, row in REGISTERS.items() if row.access == "ro"] + [0x3C]:
        before = target.read_register(offset)
        with pytest.raises(TargetError, match="may not write") if served else nullcontext():
            target.write_register(offset, before ^ 0xFFFF_FFFF)
        assert target.read_register(offset) == before, offset
    assert target.read_register(0x3C) == 0
    fixed = reset_values(target.config)
    for name in ("IDENTITY", "VERSION", "FEATURES", "FINGERPRINT"):
        assert target.read_register(Reg[name]) == fixed[Reg[name]]


def test_the_window_registers_have_a_granule_of_4096(target):
    target.write_register(Reg.WINDOW_BASE, 0x5FFF)
    target.write_register(Reg.WINDOW_LIMIT, 0x6000)
    assert target.read_register(Reg.WINDOW_BASE) == 0x5000
    assert target.read_register(Reg.WINDOW_LIMIT) == 0x6FFF
    run_empty(target)  # programs the window again
    assert target.read_register(Reg.WINDOW_BASE) == BASE


def test_empty_program_counts_one_instruction(target):
    report = run_empty(target)
    assert report.counters["INSTRUCTIONS"] == 1
    assert sum(report.counters.values()) == 1
    assert target.read_register(Reg.CONTROL) == Status.FINISH
    target.write_register(Reg.CONTROL, 0)
    assert target.read_register(Reg.CONTROL) == 0


@pytest.mark.parametrize(
    ("address", "count", "code", "index"),
    [
        (BASE, 0, ErrorCode.NO_FINISH, 0),
        (BASE + 8, 1, ErrorCode.ALIGNMENT, 0),
        (BASE + SIZE, 1, ErrorCode.WINDOW, 0),
        (BASE - 16, 1, ErrorCode.WINDOW, 0),
    ],
)
def test_faulty_launches_report_code_and_index(target, address, count, code, index):
    with pytest.raises(DeviceError) as caught:
        launch(target, address, count)
    assert (caught.value.code, caught.value.index) == (code, index)
    assert target.read_register(Reg.CONTROL) == Status.FINISH | Status.ERROR
    run_empty(target)
    assert target.read_register(Reg.ERROR_CODE) == 0


def test_deadlock_is_reported_and_the_target_stays_usable(target):
    """LOAD waits for a token that is never pushed."""
    stuck = Load(memory_type=MemoryType.INP, x_size=1, x_stride=1, pop_next=1)
    target.write_memory(BASE, encode_stream([stuck, Finish()], target.config))
    with pytest.raises(DeviceError, match="DEADLOCK at instruction 0: load inp"):
        launch(target, BASE, 2, bases=dict.fromkeys(MemoryType, BASE))
    assert run_empty(target).counters["INSTRUCTIONS"] == 1


@pytest.mark.timeout(600)  # it may build a simulator
@pytest.mark.parametrize("name", [marked(name) for name in OF_CONFIGURATION])
def test_device_with_extensions_identifies_itself_and_counts_their_work(name, tmp_path):
    config = extended("1x4x4+all")
    file = tmp_path / "vta_config.json"
    file.write_text(config.to_json())
    stream = StreamBuilder(config, serial=True)
    stream.load_2d(MemoryType.LUT, 1, 4, 2)
    stream.load_2d(MemoryType.WGT_4BIT, 0, 16, 3)
    stream.load_2d(MemoryType.INP, 0, 64, 9)
    stream.depthwise([(0, 0, 0)], (1, 2), iter_in=5, dst_factor=(0, 1), src_factor=(0, 1))
    stream.reduce([(0, 0)], Reduction.MAX, iter_in=4, dst_factor=(0, 1), src_factor=(0, 1))
    stream.forward_2d(MemoryType.INP, 0, 20, 4)
    built = stream.finish()
    with OF_CONFIGURATION[name](BASE, SIZE, str(file)) as target:
        check_identity(target)
        fixed = reset_values(config)
        assert target.read_register(Reg.FEATURES) == fixed[Reg.FEATURES]
        target.write_memory(BASE, bytes(0x4000))
        target.write_memory(BASE + 0x4000, built.code)
        target.write_memory(BASE + 0x5000, built.uops)
        bases = {**dict.fromkeys(MemoryType, BASE), MemoryType.UOP: BASE + 0x5000}
        report = launch(target, BASE + 0x4000, len(built), bases=bases)
        assert report.counters == {
            **dict.fromkeys(report.counters, 0), "INSTRUCTIONS": len(built), "DWC_STEPS": 5,
            "ALU_STEPS": 4, "ACC_WRITES": 9, "LUT_BYTES": 1024, "WGT_4BIT_BYTES": 24,
            "INP_BYTES": 36, "UOP_BYTES": len(built.uops),
        }
        assert run_empty(target).counters == dict.fromkeys(report.counters, 0) | {"INSTRUCTIONS": 1}


# The model does a whole launch at once: nothing there can take too long.
@pytest.mark.parametrize(
    "target", [marked(name) for name in TARGETS if "verilator" in name or "icarus" in name],
    indirect=True, scope="module",
)
def test_launch_beyond_its_timeout_is_ended_and_the_target_stays_usable(target):
    builder = StreamBuilder(target.config)
    for _ in range(100):
        builder.gemm([(0, 0, 0)], iter_out=16383, iter_in=16383, reset=True)
    stream = builder.finish()
    target.write_memory(BASE, stream.uops)
    target.write_memory(BASE + 64, stream.code)
    bases, started = {MemoryType.UOP: BASE}, time.monotonic()
    with pytest.raises(TargetTimeout, match=(
        r"waited 0.2 s for the launch to end; CONTROL reads 0x1, CYCLES [1-9]\d*, "
        r".*INSTRUCTIONS \d.*a soft reset ended it: device error RESET at instruction \d+: gemm"
    )):
        launch(target, BASE + 64, len(stream), bases=bases, timeout=0.2)
    assert time.monotonic() - started < 20
    assert run_empty(target).counters["INSTRUCTIONS"] == 1


@pytest.mark.parametrize(
    "target", [marked(name) for name in TARGETS if name not in SHARED_FILE], indirect=True,
    scope="module",
)
def test_interrupt_status_is_written_1_to_clear(target):
    target.write_register(Reg.INTERRUPT_STATUS, 1)
    assert target.read_register(Reg.INTERRUPT_STATUS) == 0
    run_empty(target)
    assert target.read_register(Reg.INTERRUPT_STATUS) == 1
    target.write_register(Reg.INTERRUPT_STATUS, 0)
    assert target.read_register(Reg.INTERRUPT_STATUS) == 1
    target.write_register(Reg.INTERRUPT_STATUS, 1)
    assert target.read_register(Reg.INTERRUPT_STATUS) == 0


def test_closing_twice_is_harmless(target):
    """The last test: a simulator may allow one open target, so it closes this one."""
    target.close()
    target.close()
    for access in (
        lambda: target.read_register(Reg.IDENTITY), lambda: target.write_register(0, 0),
        lambda: target.read_memory(BASE, 1), lambda: target.write_memory(BASE, b"a"),
    ):
        with pytest.raises(TargetError, match=r"^the target is closed \(\w+\); open it again$"):
            access()

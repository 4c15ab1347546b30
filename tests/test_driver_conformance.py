"""What every target must do, whatever is behind it (driver/target.py `Target`)."""

import random
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from link_board import Noise, answering, pseudo_terminal
from mapped_board import Settled, board_process
from uart_device import behind_terminal, open_line

from myvta.driver import DeviceError, StreamBuilder, Target, check_identity, launch, open_target
from myvta.driver.server import Server
from myvta.isa.opcodes import ErrorCode
from myvta.isa.registers import REGISTERS, Reg, Status, reset_values

BASE, SIZE = 0x3000, 0x8000
QUERY = f"?config=1x4x4&mem={BASE:#x}:{SIZE}"


@contextmanager
def direct(scheme):
    with open_target(f"{scheme}://{QUERY}") as opened:
        yield opened


@contextmanager
def served(scheme):
    """A server in front of a target, on loopback."""
    with open_target(f"{scheme}://{QUERY}") as inner, Server(inner, ("127.0.0.1", 0)) as server:
        opened = open_target(f"tcp://127.0.0.1:{server.address[1]}?config=1x4x4")
        yield opened
        opened.close()


@contextmanager
def wired(scheme, noise=0.0):
    """A pseudo-terminal with the protocol's device side on its far end."""
    with open_target(f"{scheme}://{QUERY}") as inner:
        work = answering(inner)
        terminal = pseudo_terminal(work, Noise(noise, 1), Noise(noise, 2))
        with terminal as path, open_target(f"uart://{path}?config=1x4x4") as opened:
            yield opened


@contextmanager
def mapped(scheme):
    """A device process behind a shared map, waited for after every write of a register."""
    with tempfile.TemporaryDirectory() as folder:
        process = board_process(Path(folder), f"{scheme}://{QUERY}", 0x10000)
        with process as (path, looks), open_target(
            f"devmem://?device={path}&regs=0x10000&mem={BASE:#x}:{SIZE}&config=1x4x4"
        ) as opened:
            yield Settled(opened, looks)


@contextmanager
def simulated(noise=0.0):
    """The UART of uart_top, simulated cycle by cycle."""
    line = open_line()
    terminal = pseudo_terminal(behind_terminal(line), Noise(noise, 1), Noise(noise, 2))
    with terminal as path, open_target(
        f"uart://{path}?config=1x4x4&mem={BASE:#x}:{SIZE}&timeout=60"
    ) as opened:
        yield opened
    line.close()


TARGETS = {
    "model": (direct, "model"), "icarus": (direct, "icarus"), "verilator": (direct, "verilator"),
    "tcp-model": (served, "model"), "tcp-verilator": (served, "verilator"),
    "uart-model": (wired, "model"), "uart-noisy": (wired, "model", 1e-4),
    "devmem-model": (mapped, "model"), "devmem-verilator": (mapped, "verilator"),
    "uart_top-verilator": (simulated,), "uart_top-noisy-verilator": (simulated, 1e-4),
}


def marked(name):
    marks = [getattr(pytest.mark, tool) for tool in ("icarus", "verilator") if tool in name]
    if "uart_top" in name:  # half a minute and more: every byte takes 80 cycles
        marks.append(pytest.mark.soak)
    return pytest.param(name, marks=marks)


@pytest.fixture(scope="module", params=[marked(name) for name in TARGETS])
def target(request):
    kind, *arguments = TARGETS[request.param]
    with kind(*arguments) as opened:
        yield opened


def run_empty(target):
    code = StreamBuilder(target.config).finish().code
    target.write_memory(BASE, code)
    return launch(target, BASE, 1)


def test_it_is_a_target(target):
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
def test_outside_the_window_is_a_value_error_without_effect(target, address):
    target.write_memory(BASE, b"\x55" * SIZE)
    with pytest.raises(ValueError, match=r"."):
        target.write_memory(address, b"ab")
    with pytest.raises(ValueError, match=r"."):
        target.read_memory(address, 2)
    assert target.read_memory(BASE, SIZE) == b"\x55" * SIZE


def test_plain_registers_keep_what_is_written(target):
    for register in REGISTERS.values():
        if register.access == "rw" and register.offset not in (
            Reg.CONTROL, Reg.WINDOW_BASE, Reg.WINDOW_LIMIT, Reg.INTERRUPT_ENABLE,
        ):
            target.write_register(register.offset, 0xA5A5_5A50)
            assert target.read_register(register.offset) == 0xA5A5_5A50, register.offset.name
            target.write_register(register.offset, 0)
            assert target.read_register(register.offset) == 0, register.offset.name


def test_read_only_and_unmapped_registers_ignore_writes(target):
    run_empty(target)
    for register in REGISTERS.values():
        if register.access == "ro":
            before = target.read_register(register.offset)
            target.write_register(register.offset, before ^ 0xFFFF_FFFF)
            assert target.read_register(register.offset) == before, register.offset.name
    target.write_register(0x3C, 0xFFFF_FFFF)
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


def test_an_empty_program(target):
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
def test_launches_that_cannot_work(target, address, count, code, index):
    with pytest.raises(DeviceError) as caught:
        launch(target, address, count)
    assert (caught.value.code, caught.value.index) == (code, index)
    assert target.read_register(Reg.CONTROL) == Status.FINISH | Status.ERROR
    run_empty(target)
    assert target.read_register(Reg.ERROR_CODE) == 0


# A shared file does not tell its device process that 1 was written over a 1.
@pytest.mark.parametrize(
    "target", [marked(name) for name in TARGETS if "devmem" not in name], indirect=True,
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
    with pytest.raises((ValueError, OSError), match="closed"):
        target.read_register(Reg.IDENTITY)

"""uart://: a serial port that is silent, dies, vanishes or is not there, and bad URLs."""

import os
import time

import pytest
from link_board import Noise, answering, pseudo_terminal

from myvta.driver import (
    AccessError,
    BusyError,
    DeviceError,
    IdentityError,
    Runtime,
    TargetError,
    TargetTimeout,
    UrlError,
    open_target,
)
from myvta.isa.opcodes import MemoryType


@pytest.fixture
def model():
    with open_target("model://?config=1x4x4&mem=0x3000:32K") as opened:
        yield opened


@pytest.mark.slow
@pytest.mark.parametrize("work, text", [
    (lambda data: b"", "nothing came back: is it powered"),
    (lambda data: os.urandom(40) if data else b"", "bytes came back, .* wrong baud rate"),
    (lambda data: data, "bytes came back"),  # an echo
])
def test_silence_garbage_and_echo_end_in_a_timeout(work, text):
    with pseudo_terminal(work) as path:
        started = time.monotonic()
        with pytest.raises(TargetTimeout, match=text):
            open_target(f"uart://{path}?config=1x4x4&timeout=0.4")
        assert time.monotonic() - started < 2


@pytest.mark.slow
def test_line_lost_during_a_run_is_reported(model):
    power, work = [True], answering(model)
    terminal = pseudo_terminal(lambda data: work(data) if power[0] else b"")
    with terminal as path, open_target(f"uart://{path}?config=1x4x4&timeout=0.5") as target:
        power[0] = False
        with pytest.raises(TargetTimeout, match=r"waited 0.5 s for the answer to WRITE_MEMORY"):
            target.write_memory(0x3000, bytes(5000))
        power[0] = True
        target.write_memory(0x3000, b"on again")
        assert target.read_memory(0x3000, 8) == b"on again"


def test_vanished_port_is_reported(model):
    with pseudo_terminal(answering(model)) as path:
        target = open_target(f"uart://{path}?config=1x4x4&timeout=0.5")
    with pytest.raises(TargetError, match=f"{path} is gone|waited"):
        target.read_register(0)
    target.close()


def test_invalid_uart_urls_and_ports_are_refused(model, monkeypatch):
    for url, text in [
        ("uart:///dev/x?baud=fast", "baud must be a number 50..100000000, not 'fast'"),
        ("uart:///dev/x?timeout=0", "timeout must be seconds, at most 3600, not '0'"),
        ("uart:///dev/x?speed=1", "no option 'speed'; known: baud, timeout"),
        ("uart://", "name the port"),
    ]:
        with pytest.raises(UrlError, match=text):
            open_target(url)
    with pytest.raises(AccessError, match=r"there is no port /dev/no-such: plug the board in"):
        open_target("uart:///dev/no-such")
    busy = pytest.raises(BusyError, match="is busy: another program has it open")
    with pseudo_terminal(answering(model)) as path:
        url = f"uart://{path}?config=1x4x4"
        with open_target(url), busy:
            open_target(url)

    def forbidden(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("serial.serial_for_url", forbidden)
    with pytest.raises(AccessError, match="no permission to open /dev/ttyUSB0: .* dialout"):
        open_target("uart:///dev/ttyUSB0")


def test_the_wrong_device_is_refused_before_anything_is_written(model, monkeypatch):
    spied = []
    monkeypatch.setattr(model, "write_register", lambda *request: spied.append(request))
    monkeypatch.setattr(model, "write_memory", lambda *request: spied.append(request))
    with pseudo_terminal(answering(model)) as path:
        with pytest.raises(IdentityError, match="it is '1x4x4'"):
            open_target(f"uart://{path}?config=default")
        with pytest.raises(UrlError, match=r"mem=0x0:4096 is not inside .* 0x3000:32768"):
            open_target(f"uart://{path}?config=1x4x4&mem=0x0:4K")
    assert spied == []


def test_a_program_runs_over_a_line(model):
    terminal = pseudo_terminal(answering(model), Noise(1e-3, 7), Noise(1e-3, 8))
    with terminal as path, open_target(f"uart://{path}?config=1x4x4") as target:
        run = Runtime(target, serial=True, check=False)  # the device finds it
        out = run.room((1, 4), MemoryType.OUT)
        run.gemm([(0, 0, 0)], reset=True)
        run.store(0, out, 1)
        assert run.sync().counters["OUT_BYTES"] == 4
        run.gemm([(255, 0, 0)], iter_in=9, dst_factor=(0, 255), reset=True)
        with pytest.raises(DeviceError, match="STEP_INDEX"):
            run.sync()

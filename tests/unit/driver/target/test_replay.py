"""replay: the accesses of one target are repeated on another."""

from contextlib import ExitStack

import numpy as np
import pytest
from link_board import answering, pseudo_terminal
from mapped_board import board_process

from myvta.driver import (
    DeviceError,
    IdentityError,
    ProgramError,
    Runtime,
    TargetTimeout,
    open_target,
)
from myvta.driver.run.launch import launch
from myvta.driver.serve.server import Server
from myvta.driver.target.replay import replay
from myvta.isa.opcodes import MemoryType

QUERY = "?config=1x4x4&mem=0x3000:32K"


def session(target):
    run = Runtime(target, serial=True)
    x = run.put(np.array([[1, 2, 3, 4]]), MemoryType.ACC)
    out = run.room((1, 4), MemoryType.OUT)
    run.load(MemoryType.ACC, 0, x, 1)
    run.alu([(0, 0)], 2, imm=7)
    run.store(0, out, 1)
    run.sync()
    assert run.get(out, (1, 4)).tolist() == [[8, 9, 10, 11]]
    with pytest.raises(DeviceError, match="NO_FINISH"):
        launch(target, 0x3000, 0)


def recorded(url, folder):
    path = folder / "record"
    with open_target(f"spy:{url}&trace={folder / 'log'}&record={path}") as target:
        session(target)
    return path


@pytest.fixture
def record(tmp_path):
    return recorded(f"model://{QUERY}", tmp_path)


@pytest.mark.parametrize("scheme", [
    "model", pytest.param("verilator", marks=pytest.mark.verilator),
])
def test_record_replays_on_another_target(record, scheme):
    with open_target(f"{scheme}://{QUERY}") as target:
        assert replay(record, target) == []


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["tcp", "uart", "devmem"])
def test_every_link_is_recorded(tmp_path, scheme):
    with ExitStack() as stack:
        if scheme == "devmem":
            path, _ = stack.enter_context(board_process(tmp_path, f"model://{QUERY}", 0x10000))
            url = f"devmem://{QUERY}&device={path}&regs=0x10000"
        else:
            inner = stack.enter_context(open_target(f"model://{QUERY}"))
        if scheme == "tcp":
            server = stack.enter_context(Server(inner, ("127.0.0.1", 0)))
            url = f"tcp://127.0.0.1:{server.address[1]}{QUERY}"
        elif scheme == "uart":
            url = f"uart://{stack.enter_context(pseudo_terminal(answering(inner)))}{QUERY}"
        path = recorded(url, tmp_path)
    assert "W 0x0000 CONTROL = 0x00000001" in (tmp_path / "log").read_text()
    with open_target(f"model://{QUERY}") as target:
        assert replay(path, target) == []


@pytest.mark.verilator
def test_record_of_the_rtl_replays_on_the_model(tmp_path):
    path = recorded(f"verilator://{QUERY}", tmp_path)
    with open_target(f"model://{QUERY}") as target:
        assert replay(path, target) == []


def test_differing_replay_is_reported(record):
    lines = record.read_text().splitlines()
    index = next(k for k, line in enumerate(lines) if line.startswith("RM") and "08090a0b" in line)
    lines[index] = lines[index].replace("08090a0b", "08090a0c")
    record.write_text("\n".join(lines) + "\n")
    with open_target("model://" + QUERY) as target:
        (found,) = replay(record, target)
    at = int(lines[index].split()[1], 16)
    assert str(found) == f"line {index + 1}: RM at {at + 3:#x} expected 0c, got 0b"


def test_damaged_foreign_and_impossible_records_are_refused(record, tmp_path):
    text, path = record.read_text(), tmp_path / "bad"
    with open_target("model://" + QUERY) as target:
        for damaged, message in [
            ("", "is no record"), ("hello\n", "is no record"), (text + "X 1 2\n", "is damaged"),
            (text + "R 1", "is damaged"), (text + "W 4 zz\n", "'zz' is no number"),
            (text + "W 4 1ffffffff\n", "holds 32 bits"), (text + "WM 3000 abc\n", "damaged data"),
            (text + "\n", "is damaged"),
        ]:
            path.write_text(damaged)
            with pytest.raises(ProgramError, match=message):
                replay(path, target)
        path.write_text(text + "R 0 a\n")
        with pytest.raises(TargetTimeout, match="waited 0.05 s for CONTROL to read 0xa"):
            replay(path, target, timeout=0.05)
    other = pytest.raises(IdentityError, match="it is .1x4x4.")
    with open_target("model://?config=1x8x8&mem=0x3000:32K") as target, other:
        replay(record, target)

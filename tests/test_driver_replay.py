"""replay: what one target was asked, another is asked again."""

import numpy as np
import pytest

from myvta.driver import (
    DeviceError,
    IdentityError,
    ProgramError,
    Runtime,
    TargetTimeout,
    launch,
    open_target,
)
from myvta.driver.replay import replay
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


@pytest.fixture
def record(tmp_path):
    path = tmp_path / "record"
    with open_target(f"spy:model://{QUERY}&trace={tmp_path / 'log'}&record={path}") as target:
        session(target)
    return path


@pytest.mark.parametrize("scheme", [
    "model", pytest.param("verilator", marks=pytest.mark.verilator),
])
def test_a_record_does_the_same_elsewhere(record, scheme):
    with open_target(f"{scheme}://{QUERY}") as target:
        assert replay(record, target) == []


@pytest.mark.verilator
def test_a_record_of_the_rtl_does_the_same_on_the_model(tmp_path):
    path = tmp_path / "record"
    with open_target(
        f"spy:verilator://{QUERY}&trace={tmp_path / 'log'}&record={path}"
    ) as target:
        session(target)
    with open_target("model://" + QUERY) as target:
        assert replay(path, target) == []


def test_a_difference_is_told(record):
    lines = record.read_text().splitlines()
    index = next(k for k, line in enumerate(lines) if line.startswith("RM") and "08090a0b" in line)
    lines[index] = lines[index].replace("08090a0b", "08090a0c")
    record.write_text("\n".join(lines) + "\n")
    with open_target("model://" + QUERY) as target:
        (found,) = replay(record, target)
    at = int(lines[index].split()[1], 16)
    assert str(found) == f"line {index + 1}: RM at {at + 3:#x} expected 0c, got 0b"


def test_damaged_foreign_and_impossible_records(record, tmp_path):
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

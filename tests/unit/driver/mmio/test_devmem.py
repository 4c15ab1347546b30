"""devmem://: a board's defaults on a device process, and every refusal of its URLs."""

import time

import numpy as np
import pytest
from mapped_board import board_process
from register_file import register_file

from myvta.driver import (
    AccessError,
    DeviceError,
    IdentityError,
    Runtime,
    TargetTimeout,
    UrlError,
    open_target,
)
from myvta.driver.run.launch import launch
from myvta.driver.target.boards import BOARDS
from myvta.isa.config import NAMED
from myvta.isa.opcodes import MemoryType


def add(target, a, b):
    """Add two vectors on the device."""
    run = Runtime(target, serial=True)
    left, right = run.put(a, MemoryType.ACC), run.put(b, MemoryType.ACC)
    out = run.room((1, 4), MemoryType.OUT)
    run.load(MemoryType.ACC, 0, left, 1)
    run.load(MemoryType.ACC, 1, right, 1)
    run.alu([(0, 1)], 2)
    run.store(0, out, 1)
    run.sync()
    return run.get(out, (1, 4))


@pytest.mark.slow
@pytest.mark.parametrize("scheme", [
    "model", pytest.param("verilator", marks=pytest.mark.verilator),
])
def test_board_name_gives_the_default_addresses(tmp_path, scheme):
    board = BOARDS["pynq-z2"]
    inner = f"{scheme}://?config=1x4x4&mem={board.base:#x}:{board.size}"
    with board_process(tmp_path, inner, board.regs) as (path, _), open_target(
        f"devmem://?device={path}&config=1x4x4"
    ) as target:
        assert target.window == (0x1F00_0000, 16 << 20)
        assert target.clock_hz == 100_000_000
        a, b = np.array([[1, -2, 3, 100]]), np.array([[5, 6, -7, 20]])
        assert np.array_equal(add(target, a, b), (a + b).astype(np.int8))
        with pytest.raises(DeviceError, match="ALIGNMENT"):
            launch(target, 0x1F00_0008, 1)
        assert np.array_equal(add(target, b, b), (b + b).astype(np.int8))


@pytest.mark.slow
def test_endless_launch_ends_with_a_timeout(tmp_path):
    path = register_file(tmp_path / "mem", size=0x40000)
    url = f"devmem://?device={path}&regs=0&mem=0x10000:64K&config=1x4x4"
    with open_target(url) as target:
        started = time.monotonic()
        with pytest.raises(TargetTimeout, match="waited 0.2 s for the launch to end; CONTROL"):
            launch(target, 0x10000, 1, timeout=0.2)
        assert time.monotonic() - started < 2


def test_wrong_addresses_devices_and_urls_are_refused(tmp_path, monkeypatch):
    path = register_file(tmp_path / "mem", size=0x40000)
    other = register_file(tmp_path / "other", NAMED["1x8x8"], 0x40000)
    mem = "&mem=0x10000:64K&config=1x4x4"
    cases = [
        (f"devmem://?device={path}&regs=0x2000{mem}", IdentityError, "nothing answers there"),
        (f"devmem://?device={other}&regs=0{mem}", IdentityError, "it is '1x8x8'"),
        (f"devmem://?device={path}&regs=0x80000{mem}", AccessError, "cannot map the registers"),
        (f"devmem://?device={path}&regs=0&mem=0x10000:1M", AccessError, "cannot map the memory"),
        (f"devmem://?device={tmp_path}/none&regs=0{mem}", AccessError, "is its driver loaded"),
        (f"devmem://zybo?device={path}", UrlError, "no board 'zybo'; known: pynq-z1, pynq-z2"),
        (f"devmem://?device={path}&regs=12", UrlError, "regs must be a multiple of 0x1000"),
        (f"devmem://?device={path}&regs=x", UrlError, "regs must be a number"),
        (f"devmem://?device={path}&reg=0", UrlError, "no option 'reg'; known: buffer"),
        (f"devmem://?device={path}&regs=0&buffer=b{mem}", UrlError, "both say where"),
        (f"devmem://?device={path}&regs=0&buffer=../x", UrlError, "a buffer is a name"),
        (f"devmem://?device={path}&regs=0&buffer=udmabuf9", AccessError, "modprobe u-dma-buf"),
    ]
    for url, kind, text in cases:
        before = path.read_bytes(), other.read_bytes()
        with pytest.raises(kind, match=text):
            open_target(url)
        assert (path.read_bytes(), other.read_bytes()) == before, url

    def forbidden(*arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.open", forbidden)
    with pytest.raises(AccessError, match=r"cannot open /dev/mem: Permission denied; run as root"):
        open_target("devmem://")

"""uio://: registers, buffer and interrupt, on plain files and on a device process."""

import mmap
import os
import socket
import threading
import time

import numpy as np
import pytest
from mapped_board import board_process
from register_file import CONFIG, PAGE, register_file

from myvta.driver import (
    AccessError,
    OpenRequest,
    StreamBuilder,
    TargetError,
    UrlError,
    open_target,
)
from myvta.driver.mmio import uio
from myvta.driver.mmio.mapped import MappedMemory, Region
from myvta.driver.mmio.uio import UioTarget, open_uio
from myvta.driver.run.launch import launch
from myvta.isa.register_map import Reg


def test_uio_opens_registers_and_buffer(tmp_path, buffers, monkeypatch):
    (tmp_path / "uio" / "uio0" / "maps" / "map0").mkdir(parents=True)
    size = tmp_path / "uio" / "uio0" / "maps" / "map0" / "size"
    size.write_text("0x0000000000010000\n")
    monkeypatch.setattr(uio, "SYSFS", tmp_path / "uio")
    path = register_file(tmp_path / "uio0")
    files = len(os.listdir("/proc/self/fd"))
    with open_target(f"uio://{path}?config=1x4x4&clock=50000000") as target:
        assert target.clock_hz == 50_000_000
        assert target.read_register(Reg.INTERRUPT_ENABLE) == 1
        assert target.read_register(Reg.WINDOW_BASE) == 0x100_0000
        target.close()
        target.close()
        with pytest.raises(TargetError, match="closed"):
            target.read_register(0)
    assert len(os.listdir("/proc/self/fd")) == files
    size.write_text("256\n")
    with pytest.raises(AccessError, match="maps 256 bytes of registers, 4096 are needed"):
        open_target(f"uio://{path}?config=1x4x4")
    with pytest.raises(AccessError, match="describes no registers"):
        open_target("uio:///dev/uio7?config=1x4x4")
    for options, text in [
        ({"x": "1"}, "no option 'x'"), ({"clock": "-1"}, "clock must be a number"),
    ]:
        with pytest.raises(ValueError, match=text):
            open_uio(OpenRequest("/dev/uio0", CONFIG, options=options))
    with pytest.raises(UrlError, match="the memory is the u-dma-buf's"):
        open_target("uio:///dev/uio0?mem=0x0:64K")
    assert len(os.listdir("/proc/self/fd")) == files


@pytest.mark.slow
def test_a_launch_sleeps_until_the_interrupt(tmp_path):
    """A kernel is played by a thread: enabled by a write, it tells once that the launch ended."""
    mine, kernel = socket.socketpair()
    waits = []
    with board_process(tmp_path, "model://?config=1x4x4&mem=0x10000:64K", 0) as (path, _):
        with open(path, "r+b") as file:
            shown = np.frombuffer(mmap.mmap(file.fileno(), PAGE), np.uint32)
            memory = MappedMemory(Region(file.fileno(), 0x10000, 0x10000, "memory"), 0x10000)
            registers = Region(file.fileno(), 0, PAGE, "registers")
            target = UioTarget(registers, memory, CONFIG, 0, mine.detach())

        def serve():
            while kernel.recv(4):
                while shown[0] & 1 or not shown[0]:
                    time.sleep(1e-3)
                time.sleep(0.05)
                waits.append(int(shown[0]))
                kernel.send(b"\1\0\0\0")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        target.write_memory(0x10000, StreamBuilder(CONFIG).finish().code)
        looks, read = [], target.read_register
        target.read_register = lambda offset: looks.append(offset) or read(offset)
        launch(target, 0x10000, 1)
        assert waits == [2] and looks.count(Reg.CONTROL) <= 3
        started = time.monotonic()
        shown[0] = 0  # nothing is launched, so nothing ends
        del target.read_register
        assert not target.wait_interrupt(0.1) and time.monotonic() - started < 1
        target.close()
    kernel.close()

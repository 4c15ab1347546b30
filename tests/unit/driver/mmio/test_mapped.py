"""devmem, uio and u-dma-buf: against a device process behind a shared map, and plain files."""

import mmap
import os
import socket
import threading
import time
from random import Random

import numpy as np
import pytest
from mapped_board import board_process

from myvta.driver import (
    AccessError,
    DeviceError,
    IdentityError,
    OpenRequest,
    Runtime,
    StreamBuilder,
    TargetError,
    TargetTimeout,
    UrlError,
    WindowError,
    open_target,
)
from myvta.driver.mmio import (
    udmabuf,
    uio,
)
from myvta.driver.mmio.mapped import MappedMemory, Region
from myvta.driver.mmio.uio import UioTarget, open_uio
from myvta.driver.run.launch import launch
from myvta.driver.target.boards import BOARDS
from myvta.isa.config import NAMED
from myvta.isa.opcodes import MemoryType
from myvta.isa.register_map import Reg, reset_values

CONFIG = NAMED["1x4x4"]
PAGE = 4096


def register_file(path, config=CONFIG, size=PAGE):
    """Write what a device of ``config`` shows after its reset."""
    words = np.zeros(size // 4, np.uint32)
    for offset, value in reset_values(config).items():
        words[offset // 4] = value
    path.write_bytes(words.tobytes())
    return path


@pytest.fixture
def buffers(tmp_path, monkeypatch):
    """Make udmabuf0 of 64 KiB at 0x1000000 out of plain files; return its folder in sysfs."""
    folder = tmp_path / "u-dma-buf" / "udmabuf0"
    folder.mkdir(parents=True)
    (folder / "phys_addr").write_text("0x0000000001000000\n")
    (folder / "size").write_text("65536\n")
    (tmp_path / "udmabuf0").write_bytes(bytes(65536))
    monkeypatch.setattr(udmabuf, "SYSFS", tmp_path / "u-dma-buf")
    monkeypatch.setattr(udmabuf, "DEVICES", tmp_path)
    return folder


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
def test_devmem_with_a_board_s_defaults(tmp_path, scheme):
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


def test_memory_moves_whole_at_any_alignment(tmp_path):
    path, random = tmp_path / "memory", Random(4)
    path.write_bytes(bytes(4096))
    with open(path, "r+b") as file:
        memory = MappedMemory(Region(file.fileno(), 64, 1000, "memory"), 0x40)
        mirror = bytearray(1000)
        for _ in range(400):
            at = random.randrange(1000)
            data = random.randbytes(min(random.choice((0, 1, 2, 3, 4, 5, 7, 300)), 1000 - at))
            memory.write(at, memoryview(data))
            mirror[at:at + len(data)] = data
            at = random.randrange(1000)
            size = random.randrange(1001 - at)
            assert memory.read(at, size) == mirror[at:at + size]
        memory.close()
    whole = path.read_bytes()
    assert whole[64:1064] == mirror and not any(whole[:64] + whole[1064:])


def test_a_buffer_is_handed_over_with_every_access(tmp_path, buffers):
    path = register_file(tmp_path / "mem")
    with open_target(f"devmem://?device={path}&regs=0&buffer=udmabuf0&config=1x4x4") as target:
        assert target.window == (0x100_0000, 0x10000)
        target.write_memory(0x100_0102, b"abc")
        told = {item.name: item.read_text() for item in buffers.iterdir()}
        assert (told["sync_offset"], told["sync_size"]) == ("258", "3")
        assert (told["sync_direction"], told["sync_for_device"]) == ("0", "1")
        (buffers / "sync_for_cpu").write_text("-")
        assert target.read_memory(0x100_0100, 8) == b"\0\0abc\0\0\0"
        assert (buffers / "sync_for_cpu").read_text() == "1"
        with pytest.raises(WindowError, match="outside the memory 0x1000000..0x100ffff"):
            target.read_memory(0x100_FFFF, 2)
    assert (tmp_path / "udmabuf0").read_bytes()[0x102:0x105] == b"abc"


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


def test_a_launch_that_does_not_end_is_bounded(tmp_path):
    path = register_file(tmp_path / "mem", size=0x40000)
    url = f"devmem://?device={path}&regs=0&mem=0x10000:64K&config=1x4x4"
    with open_target(url) as target:
        started = time.monotonic()
        with pytest.raises(TargetTimeout, match="waited 0.2 s for the launch to end; CONTROL"):
            launch(target, 0x10000, 1, timeout=0.2)
        assert time.monotonic() - started < 2


def test_wrong_addresses_devices_and_urls(tmp_path, monkeypatch):
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


def test_the_table_of_boards_is_sound():
    for name, board in BOARDS.items():
        assert name == board.name
        assert board.regs % PAGE == board.base % PAGE == board.size % PAGE == 0
        assert board.base + board.size <= 1 << 32

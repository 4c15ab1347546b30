"""Every kind of target by name, opened on configuration 1x4x4 with a window of the caller's.

What is behind a pseudo-terminal, a server or a memory map is a model or the RTL all the same.
"""

from __future__ import annotations

import mmap
import select
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from link_board import Noise, answering, pseudo_terminal
from mapped_board import PAGE, Settled, board_process
from third_party import installed

from myvta.driver import Target, open_target
from myvta.driver.mmio import udmabuf
from myvta.driver.mmio.mapped import Region
from myvta.driver.mmio.udmabuf import DmaBuffer
from myvta.driver.mmio.uio import UioTarget
from myvta.driver.serve.server import Server
from myvta.isa.config import NAMED
from myvta.isa.register_map import Status

CONFIG = NAMED["1x4x4"]
_REGS = 0x40000  # after the memory, in the files of device processes


def _query(base: int, size: int, config: str = "1x4x4") -> str:
    return f"?config={config}&mem={base:#x}:{size}"


@contextmanager
def direct(scheme: str, base: int, size: int, config: str = "1x4x4") -> Iterator[Target]:
    """A model or a simulator in this process."""
    with open_target(f"{scheme}://{_query(base, size, config)}") as opened:
        yield opened


@contextmanager
def from_entry_point(base: int, size: int) -> Iterator[Target]:
    """A target of another package, found through its entry point."""
    with installed(), open_target(f"third-party://{_query(base, size)}") as opened:
        yield opened


@contextmanager
def spied(scheme: str, base: int, size: int) -> Iterator[Target]:
    """The same, logged and recorded."""
    with tempfile.TemporaryDirectory() as folder, open_target(
        f"spy:{scheme}://{_query(base, size)}&trace={folder}/log&record={folder}/record"
    ) as opened:
        yield opened


@contextmanager
def served(
    scheme: str, base: int, size: int, token: bytes | None = None, config: str = "1x4x4",
) -> Iterator[Target]:
    """A server in front of a target, on loopback."""
    with tempfile.TemporaryDirectory() as folder, open_target(
        f"{scheme}://{_query(base, size, config)}"
    ) as inner, Server(inner, ("127.0.0.1", 0), token=token) as server:
        (Path(folder) / "token").write_bytes(token or b"")
        secret = f"&token={folder}/token" if token else ""
        address = f"tcp://127.0.0.1:{server.address[1]}"
        with open_target(f"{address}?config={config}{secret}") as opened:
            yield opened


@contextmanager
def wired(
    scheme: str, base: int, size: int, noise: float = 0.0, config: str = "1x4x4",
) -> Iterator[Target]:
    """A pseudo-terminal with the protocol's device side on its far end."""
    with open_target(f"{scheme}://{_query(base, size, config)}") as inner:
        terminal = pseudo_terminal(answering(inner), Noise(noise, 1), Noise(noise, 2))
        with terminal as path, open_target(f"uart://{path}?config={config}") as opened:
            yield opened


@contextmanager
def mapped(scheme: str, base: int, size: int) -> Iterator[Target]:
    """A device process behind a shared map, waited for after every write of a register."""
    with tempfile.TemporaryDirectory() as folder:
        process = board_process(Path(folder), f"{scheme}://{_query(base, size)}", _REGS)
        with process as (path, looks), open_target(
            f"devmem://?device={path}&regs={_REGS:#x}&mem={base:#x}:{size}&config=1x4x4"
        ) as opened:
            yield Settled(opened, looks)


@contextmanager
def buffered(scheme: str, base: int, size: int) -> Iterator[Target]:
    """The same with memory from a u-dma-buf, played by files."""
    with _buffer(base, size) as folder:
        process = board_process(
            folder, f"{scheme}://{_query(base, size)}", _REGS, folder / "udmabuf0"
        )
        with process as (path, looks), open_target(
            f"devmem://?device={path}&regs={_REGS:#x}&buffer=udmabuf0&config=1x4x4"
        ) as opened:
            yield Settled(opened, looks)


@contextmanager
def interrupting(scheme: str, base: int, size: int) -> Iterator[Target]:
    """UIO registers, interrupt and u-dma-buf; a thread plays the kernel's side of the interrupt."""
    with _buffer(base, size) as folder:
        process = board_process(
            folder, f"{scheme}://{_query(base, size)}", _REGS, folder / "udmabuf0"
        )
        with process as (path, looks), open(path, "r+b") as file:
            shown = np.frombuffer(mmap.mmap(file.fileno(), PAGE, offset=_REGS), np.uint32)
            registers = Region(file.fileno(), _REGS, PAGE, "registers")
            with _kernel(shown) as line, UioTarget(
                registers, DmaBuffer("udmabuf0"), CONFIG, 0, line
            ) as opened:
                yield Settled(opened, looks)


@contextmanager
def _buffer(base: int, size: int) -> Iterator[Path]:
    """Make udmabuf0 out of plain files; yield its folder, where the buffer is ``udmabuf0``."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = folder / "sysfs" / "udmabuf0"
        files.mkdir(parents=True)
        (files / "phys_addr").write_text(f"{base:#018x}\n")
        (files / "size").write_text(f"{size}\n")
        (folder / "udmabuf0").write_bytes(bytes(size))
        with patch.object(udmabuf, "SYSFS", folder / "sysfs"), patch.object(
            udmabuf, "DEVICES", folder
        ):
            yield folder


@contextmanager
def _kernel(shown: np.ndarray) -> Iterator[int]:
    """Yield the descriptor of an interrupt: enabled by a write, it tells when no launch runs."""
    mine, kernel = socket.socketpair()
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            if not select.select([kernel], [], [], 0.05)[0] or not kernel.recv(4):
                continue
            while shown[0] & Status.LAUNCH and not stop.is_set():
                time.sleep(1e-4)
            kernel.send(b"\1\0\0\0")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield mine.detach()
    finally:
        stop.set()
        thread.join(10)
        kernel.close()


@contextmanager
def simulated(base: int, size: int, noise: float = 0.0) -> Iterator[Target]:
    """The UART of uart_top, simulated cycle by cycle."""
    from uart_device import behind_terminal, open_line  # imports MyHDL

    line = open_line()
    terminal = pseudo_terminal(behind_terminal(line), Noise(noise, 1), Noise(noise, 2))
    with terminal as path, open_target(f"uart://{path}{_query(base, size)}&timeout=60") as opened:
        yield opened
    line.close()


_Opener = Callable[[int, int], AbstractContextManager[Target]]
TARGETS: dict[str, _Opener] = {
    "model": lambda *window: direct("model", *window),
    "icarus": lambda *window: direct("icarus", *window),
    "verilator": lambda *window: direct("verilator", *window),
    "spy-model": lambda *window: spied("model", *window),
    "third-party": lambda *window: from_entry_point(*window),
    "tcp-model": lambda *window: served("model", *window),
    "tcp-token-model": lambda base, size: served(
        "model", base, size, b"only the two of us know"
    ),
    "tcp-verilator": lambda *window: served("verilator", *window),
    "uart-model": lambda *window: wired("model", *window),
    "uart-noisy": lambda base, size: wired("model", base, size, 1e-4),
    "devmem-model": lambda *window: mapped("model", *window),
    "devmem-verilator": lambda *window: mapped("verilator", *window),
    "udmabuf-model": lambda *window: buffered("model", *window),
    "uio-model": lambda *window: interrupting("model", *window),
    "uart_top-verilator": lambda *window: simulated(*window),
    "uart_top-noisy-verilator": lambda base, size: simulated(base, size, 1e-4),
}
OF_CONFIGURATION: dict[str, Callable[[int, int, str], AbstractContextManager[Target]]] = {
    "model": lambda base, size, config: direct("model", base, size, config),
    "icarus": lambda base, size, config: direct("icarus", base, size, config),
    "verilator": lambda base, size, config: direct("verilator", base, size, config),
    "tcp-model": lambda base, size, config: served("model", base, size, config=config),
    "uart-model": lambda base, size, config: wired("model", base, size, config=config),
}
"""Targets of a configuration: a name, or a file of one."""
SHARED_FILE = tuple(name for name in TARGETS if name.startswith(("devmem", "udmabuf", "uio")))
"""Targets whose device cannot see that 1 was written over a 1."""


def marked(name: str, *more: pytest.MarkDecorator) -> object:
    """Return a test's parameter with the marks of the tools that the target takes."""
    marks = [getattr(pytest.mark, tool) for tool in ("icarus", "verilator") if tool in name]
    if "uart_top" in name:  # half a minute and more: every byte takes 80 cycles
        marks.append(pytest.mark.soak)
    return pytest.param(name, marks=[*marks, *more])

"""A device process behind a shared memory map, so that devmem:// runs unchanged.

``python mapped_board.py FILE URL REGS [MEMORY]``: FILE is the physical address space; registers at
REGS, memory at the window of URL, or all of the file MEMORY.  Plain memory tells nobody that it was
written, so the process looks at the registers over and over: a value other than the one it last
showed was written by the host, and goes to the device.  A write of the value that a register
already shows is therefore not seen: INTERRUPT_STATUS cannot be cleared by writing 1.  CONTROL is
shown last, after memory and all other registers, and taken last.  A word past the map counts the
looks.
"""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from myvta.driver import Target, open_target
from myvta.driver.target.identity import check_identity
from myvta.isa.register_map import REGISTERS, Status

PAGE = 4096
LOOKS = 0xFFC  # offset of the count of looks
_WORDS = LOOKS // 4


class MappedBoard:
    """The device side."""

    def __init__(self, path: str, target: Target, regs: int, buffer: str | None = None):
        base, size = target.window
        with open(path, "r+b") as file, open(buffer or path, "r+b") as room:
            file.truncate(max(regs + PAGE, base + size, os.path.getsize(path)))
            registers = mmap.mmap(file.fileno(), PAGE, offset=regs)
            memory = mmap.mmap(room.fileno(), size, offset=0 if buffer else base)
        self.target = target
        self.words = np.frombuffer(registers, np.uint32)
        self.memory = np.frombuffer(memory, np.uint8)
        self.shown = np.zeros(_WORDS, np.uint32)
        self.running = False

    def show(self) -> None:
        """Show every register, CONTROL last; the host's writes of the meantime stay."""
        fresh = np.zeros(_WORDS, np.uint32)
        for offset in REGISTERS:
            fresh[offset // 4] = self.target.read_register(offset)
        if not fresh[0] & Status.LAUNCH and self.running:
            self.running = False
            self.memory[:] = np.frombuffer(
                self.target.read_memory(*self.target.window), np.uint8
            )
        for index in (*range(1, _WORDS), 0):
            if self.shown[index] != fresh[index]:
                self.words[index] = self.shown[index] = fresh[index]

    def look(self) -> None:
        """Take the host's writes, and show their effects."""
        seen = self.words[:_WORDS].copy()
        changed = np.flatnonzero(seen != self.shown)
        for index in sorted(changed.tolist(), key=lambda index: index == 0):
            if index == 0 and seen[0] & Status.LAUNCH:
                self.target.write_memory(self.target.window[0], self.memory.tobytes())
                self.running = True
            self.shown[index] = seen[index]
            self.target.write_register(4 * index, int(seen[index]))
        if self.running or changed.size:
            self.show()
        self.words[_WORDS] += np.uint32(1)

    def serve(self) -> None:
        """Look for ever, more seldom when nothing happens."""
        self.show()
        print("ready", flush=True)
        while True:
            self.look()
            if not self.running:
                time.sleep(20e-6)


class Settled:
    """A target that waits, after each write of a register, until the device process has seen it.

    On a board the bus orders a read after a write; a shared file does not.
    """

    def __init__(self, inner: Target, looks: np.ndarray):
        self.inner, self._looks = inner, looks

    def __getattr__(self, name: str):
        return getattr(self.inner, name)

    def write_register(self, offset: int, value: int) -> None:
        """Write, then wait for two polls that began after it."""
        self.inner.write_register(offset, value)
        seen, until = int(self._looks[0]), time.monotonic() + 20
        while (int(self._looks[0]) - seen) % (1 << 32) < 2:
            assert time.monotonic() < until, "the device process does not look"
            time.sleep(20e-6)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.inner.close()


@contextmanager
def board_process(
    folder: Path, url: str, regs: int, buffer: Path | None = None
) -> Iterator[tuple[Path, np.ndarray]]:
    """Start a device process; yield the file of its address space and its count of looks."""
    more = [] if buffer is None else [str(buffer)]
    path = folder / "physical"
    path.touch()
    process = subprocess.Popen(
        [sys.executable, __file__, str(path), url, str(regs), *more],
        stdout=subprocess.PIPE, text=True,
    )
    try:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        with open(path, "r+b") as file:
            looks = np.frombuffer(mmap.mmap(file.fileno(), PAGE, offset=regs), np.uint32)
        yield path, looks[_WORDS:]
    finally:
        process.terminate()
        process.wait(20)


if __name__ == "__main__":
    with open_target(sys.argv[2]) as opened:
        check_identity(opened)
        MappedBoard(sys.argv[1], opened, int(sys.argv[3], 0), *sys.argv[4:]).serve()

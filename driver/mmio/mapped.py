"""Registers and memory mapped into the host's address space, for devmem:// and uio://.

Device memory must be touched with aligned accesses only, so words move one by one and the bytes
before and after them as bytes.  Needs numpy and the standard library only.
"""

from __future__ import annotations

import errno
import mmap
import os
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import numpy as np

from ...isa.config import Config
from ...isa.opcodes import WINDOW_GRANULE
from ..errors import AccessError, UrlError
from ..target.base_target import BaseTarget
from ..target.identity import check_identity

__all__ = ["NO_DEVICE", "MappedMemory", "MappedTarget", "Memory", "Region", "open_device"]

NO_DEVICE = (
    "nothing answers there: load the bitstream first, then check regs= against the address the "
    "design was given"
)
"""Advice where IDENTITY has the value of a bus without a device."""
REGISTER_BYTES = 0x1000  # mapped of the register space: the whole register map
_WORD = 4


def open_device(path: str | Path, *, cached: bool = False) -> int:
    """Open a device file for reading and writing; AccessError gives the remedy when it fails."""
    flags = os.O_RDWR | (0 if cached else os.O_SYNC)
    try:
        return os.open(path, flags | getattr(os, "O_CLOEXEC", 0))
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM):
            advice = "run as root, or give your user the device with a udev rule"
        elif error.errno in (errno.ENOENT, errno.ENXIO, errno.ENODEV):
            advice = "is its driver loaded, and the overlay or device tree that describes it?"
        else:
            advice = "another program may hold it"
        raise AccessError(f"cannot open {path}: {error.strerror}; {advice}") from None


class Region:
    """A piece of a device file in the address space of this process.

    Parameters
    ----------
    file : int
        Descriptor; it may be closed afterwards.
    offset, size : int
        Bytes; the region may begin inside a page.
    what : str
        For messages.
    """

    def __init__(self, file: int, offset: int, size: int, what: str):
        page = offset % mmap.ALLOCATIONGRANULARITY
        try:
            self._map = mmap.mmap(file, page + size, offset=offset - page)
        except (OSError, ValueError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise AccessError(
                f"cannot map {what}, {size} bytes at {offset:#x}: {reason}; is the address right? "
                "A kernel with STRICT_DEVMEM keeps its own memory: reserve it, or use uio:// "
                "and u-dma-buf"
            ) from None
        self.bytes: np.ndarray = np.frombuffer(self._map, np.uint8)[page : page + size]

    def close(self) -> None:
        """Release the mapping, at the latest when no view of it exists any more."""
        self.bytes = np.empty(0, np.uint8)
        with suppress(BufferError):  # the frames of an error still hold a view
            self._map.close()


class Memory(Protocol):
    """The memory of a device: ``base`` and ``size`` in bytes, accesses already checked."""

    base: int
    size: int

    def read(self, start: int, size: int) -> bytes:
        """Return bytes; ``start`` counts from the base."""

    def write(self, start: int, data: memoryview) -> None:
        """Write bytes."""

    def close(self) -> None:
        """Let go of it."""


class MappedMemory:
    """Memory in a region, at the device's address ``base`` (a multiple of 4)."""

    def __init__(self, region: Region, base: int):
        self._region, self.base, self.size = region, base, region.bytes.size
        self._words = region.bytes[: self.size // _WORD * _WORD].view(np.uint32)

    def read(self, start: int, size: int) -> bytes:
        """Return bytes."""
        result = np.empty(size, np.uint8)
        self._copy(start, result, False)
        return result.tobytes()

    def write(self, start: int, data: memoryview) -> None:
        """Write bytes."""
        self._copy(start, np.frombuffer(data, np.uint8), True)

    def close(self) -> None:
        """Release the mapping."""
        self._words = np.empty(0, np.uint32)
        self._region.close()

    def _copy(self, start: int, host: np.ndarray, write: bool) -> None:
        end = start + host.size
        first, last = -(-start // _WORD), end // _WORD  # whole words
        if first >= last:
            self._copy_bytes(start, end, host, start, write)
            return
        self._copy_bytes(start, first * _WORD, host, start, write)
        inner = host[first * _WORD - start : last * _WORD - start]
        # Every second word: numpy then moves words; memcpy may use accesses that devices refuse.
        device = self._words[first:last]
        if write:
            words = np.frombuffer(inner.tobytes(), np.uint32)
            device[0::2], device[1::2] = words[0::2], words[1::2]
        else:
            words = np.empty(device.size, np.uint32)
            words[0::2], words[1::2] = device[0::2], device[1::2]
            inner[:] = words.view(np.uint8)
        self._copy_bytes(last * _WORD, end, host, start, write)

    def _copy_bytes(
        self, begin: int, end: int, host: np.ndarray, start: int, write: bool
    ) -> None:
        for at in range(begin, end):
            if write:
                self._region.bytes[at] = host[at - start]
            else:
                host[at - start] = self._region.bytes[at]


class MappedTarget(BaseTarget):
    """A device whose registers and memory are mapped.

    Opening checks identity and configuration before anything is written, then opens the window.

    Parameters
    ----------
    registers : Region
        From the first register on.
    memory : Memory
    config : Config
    clock_hz : int
        Device clock, for the watchdog; 0 when unknown.
    """

    uses_physical_memory = False

    def __init__(self, registers: Region, memory: Memory, config: Config, clock_hz: int):
        super().__init__(config, (memory.base, memory.size))
        self._registers, self._memory = registers, memory
        self._words: np.ndarray = registers.bytes.view(np.uint32)
        self.clock_hz = clock_hz
        base, size = self.window
        if base % WINDOW_GRANULE or size % WINDOW_GRANULE or base + size > 1 << 32 or not size:
            raise UrlError(
                f"the memory {base:#x}:{size:#x} must be whole pages of {WINDOW_GRANULE} below 2^32"
            )
        check_identity(self)
        self.open_window()

    def _read_register(self, offset: int) -> int:
        """Read with one aligned access."""
        index = offset // _WORD
        return int(self._words[index]) if index < self._words.size else 0

    def _write_register(self, offset: int, value: int) -> None:
        """Write with one aligned access."""
        index = offset // _WORD
        if index < self._words.size:
            self._words[index] = value

    def _read_memory(self, offset: int, size: int) -> bytes:
        return self._memory.read(offset, size)

    def _write_memory(self, offset: int, data: memoryview) -> None:
        self._memory.write(offset, data)

    def _release(self) -> None:
        self._words = np.empty(0, np.uint32)
        self._registers.close()
        self._memory.close()

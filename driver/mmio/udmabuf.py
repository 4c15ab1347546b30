"""Memory from the u-dma-buf kernel module: contiguous, cached, synchronized at every access.

https://github.com/ikwzm/udmabuf: the device file maps the buffer; files next to its physical
address and size in sysfs give a range to the processor or to the device.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from ..errors import AccessError, TargetError
from .mapped import MappedMemory, Region, open_device

__all__ = ["DmaBuffer"]

SYSFS = Path("/sys/class/u-dma-buf")
DEVICES = Path("/dev")
_BOTH_WAYS = 0


class DmaBuffer(MappedMemory):
    """A u-dma-buf by its name, ``udmabuf0``.

    Raises
    ------
    AccessError
        There is none of that name, or this user may not open it.
    """

    def __init__(self, name: str):
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
            raise ValueError(f"a buffer is a name such as udmabuf0, not {name!r}")
        self._folder = SYSFS / name
        if not self._folder.is_dir():
            raise AccessError(
                f"there is no {self._folder}: load u-dma-buf with `sudo modprobe u-dma-buf "
                f"{name}=16777216`, or describe it in the device tree"
            )
        base, size = self._number("phys_addr"), self._number("size")
        file = open_device(DEVICES / name, cached=True)
        try:
            region = Region(file, 0, size, f"the buffer {name}")
        finally:
            os.close(file)
        super().__init__(region, base)
        self._tell("sync_direction", _BOTH_WAYS)

    def read(self, start: int, size: int) -> bytes:
        """Synchronize the range for the processor (caches are invalidated); return the bytes."""
        self._hand_over("sync_for_cpu", start, size)
        return super().read(start, size)

    def write(self, start: int, data: memoryview) -> None:
        """Write bytes and flush them from the caches to memory."""
        self._hand_over("sync_for_cpu", start, len(data))
        super().write(start, data)
        self._hand_over("sync_for_device", start, len(data))

    def _hand_over(self, to: str, start: int, size: int) -> None:
        if size:
            self._tell("sync_offset", start)
            self._tell("sync_size", size)
            self._tell(to, 1)

    def _number(self, name: str) -> int:
        try:
            return int((self._folder / name).read_text().strip(), 0)
        except (OSError, ValueError) as error:
            raise AccessError(f"cannot read {self._folder / name}: {error}") from None

    def _tell(self, name: str, value: int) -> None:
        try:
            (self._folder / name).write_text(str(value))
        except OSError as error:
            raise TargetError(
                f"cannot write {self._folder / name}: {error.strerror}; caches are not kept "
                "right without it"
            ) from None

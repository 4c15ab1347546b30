"""Device memory (DRAM) and the window through which the device sees it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..driver.target.access_checks import window_offset
from ..isa.opcodes import ADDRESS_BITS, WINDOW_GRANULE, ErrorCode
from .model_errors import DeviceFault

__all__ = ["Dram", "Window"]


@dataclass(frozen=True)
class Window:
    """Addresses ``base .. limit`` (inclusive) open to the device; closed if base > limit."""

    base: int
    limit: int


class Dram:
    """Bytes at addresses ``base .. base + size - 1``, zero at power-up.

    Parameters
    ----------
    base, size : int
        Bytes; both multiples of 4096, ``base + size <= 2**32``.

    Raises
    ------
    ValueError
        Base or size is not as above.
    """

    def __init__(self, base: int, size: int):
        for name, value in (("base", base), ("size", size)):
            if value % WINDOW_GRANULE or value < 0:
                raise ValueError(
                    f"memory {name} must be a multiple of {WINDOW_GRANULE}, not {value:#x}"
                )
        if not size or base + size > 1 << ADDRESS_BITS:
            raise ValueError(
                f"memory must be 1..2^{ADDRESS_BITS} bytes and end by 2^{ADDRESS_BITS}, not "
                f"{size:#x} bytes at {base:#x}"
            )
        self.base = base
        self.size = size
        self._bytes: NDArray[np.uint8] = np.zeros(size, np.uint8)

    # -- host side -------------------------------------------------------------------------------
    def read(self, address: int, size: int) -> bytes:
        """Return bytes; raises WindowError outside the memory."""
        offset = window_offset((self.base, self.size), address, size)
        return self._bytes[offset : offset + size].tobytes()

    def write(self, address: int, data: bytes | bytearray | memoryview) -> None:
        """Write bytes; raises WindowError outside the memory without writing anything."""
        source = np.frombuffer(data, np.uint8)
        offset = window_offset((self.base, self.size), address, source.size)
        self._bytes[offset : offset + source.size] = source

    # -- device side -----------------------------------------------------------------------------
    def rows(
        self, window: Window, address: int, row_bytes: int, pitch: int, rows: int
    ) -> NDArray[np.uint8]:
        """Return a view uint8 [rows, row_bytes] of rows that start ``pitch`` bytes apart.

        Raises
        ------
        Fault
            WINDOW if a row is not inside the window (or not below 2**32), BUS if it is, but there
            is no memory; the first such row decides.
        """
        end = address + (rows - 1) * pitch + row_bytes - 1
        first, last = self.base, self.base + self.size - 1
        if address < max(window.base, first) or end > min(window.limit, last):
            raise self._outside(window, address, row_bytes, pitch, rows)
        view: NDArray[np.uint8] = np.ndarray(
            (rows, row_bytes), np.uint8, self._bytes.data, address - first, (pitch, 1)
        )
        return view

    def _outside(
        self, window: Window, address: int, row_bytes: int, pitch: int, rows: int
    ) -> DeviceFault:
        """Return the fault of the first row outside, which must exist."""
        first, last = self.base, self.base + self.size - 1
        for row in range(rows):
            first_byte = address + row * pitch
            last_byte = first_byte + row_bytes - 1
            text = f"row {row} is {row_bytes} bytes at {first_byte:#x}"
            end = min(window.limit, (1 << ADDRESS_BITS) - 1)
            if first_byte < window.base or last_byte > end:
                inside = window.base <= first_byte <= window.limit
                return DeviceFault(
                    ErrorCode.WINDOW,
                    f"{text}, not inside the window {window.base:#x}..{window.limit:#x}",
                    address=window.limit + 1 if inside else first_byte,
                )
            if first_byte < first or last_byte > last:
                return DeviceFault(
                    ErrorCode.BUS,
                    f"{text}, inside the window, but the memory is {first:#x}..{last:#x}",
                    address=last + 1 if first <= first_byte <= last else first_byte,
                )
        raise AssertionError("every row is inside")

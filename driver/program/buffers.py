"""Device memory: an allocator over the window, and buffers read and written as numpy arrays."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from ...isa.config import Config
from ...isa.opcodes import MemoryType
from ..errors import AllocationError, OutOfMemoryError, WindowError
from ..target.protocol import Target

__all__ = ["Allocator", "Buffer", "DEFAULT_ALIGNMENT"]

DEFAULT_ALIGNMENT = 4096  # a multiple of every element size, and AXI's burst boundary


class Allocator:
    """First fit over ``[base, base + size)``; works without a device, so a compiler can plan.

    Blocks never overlap, and start at multiples of their alignment.  Adjacent holes are merged.
    """

    def __init__(self, base: int, size: int):
        self.base, self.size = base, size
        self._holes = [(base, size)]  # address and size, by address, never touching
        self._blocks: dict[int, int] = {}

    @property
    def free_bytes(self) -> int:
        """Bytes not allocated, contiguous or not."""
        return sum(size for _, size in self._holes)

    @property
    def largest(self) -> int:
        """Bytes of the largest hole."""
        return max((size for _, size in self._holes), default=0)

    @property
    def blocks(self) -> dict[int, int]:
        """Sizes of the allocated blocks by address (a copy)."""
        return dict(self._blocks)

    def allocate(self, size: int, alignment: int = DEFAULT_ALIGNMENT, what: str = "") -> int:
        """Return the address of ``size`` free bytes.

        Raises
        ------
        OutOfMemoryError
            No hole is large enough; names the bytes asked for, those free and the largest hole.
        AllocationError
            Size not positive, or alignment not a power of two.
        """
        if size <= 0:
            raise AllocationError(f"size must be positive, not {size}")
        if alignment <= 0 or alignment & (alignment - 1):
            raise AllocationError(f"alignment must be a power of two, not {alignment}")
        for position, (hole, room) in enumerate(self._holes):
            start = -(-hole // alignment) * alignment
            if start + size <= hole + room:
                rest = [(hole, start - hole), (start + size, hole + room - start - size)]
                self._holes[position : position + 1] = [item for item in rest if item[1]]
                self._blocks[start] = size
                return start
        raise OutOfMemoryError(size, self.free_bytes, self.largest, what)

    def free(self, address: int) -> None:
        """Free a block; AllocationError when it is not allocated (or was freed already)."""
        if address not in self._blocks:
            raise AllocationError(f"no block is allocated at {address:#x}: freed twice?")
        self._holes.append((address, self._blocks.pop(address)))
        merged: list[tuple[int, int]] = []
        for start, size in sorted(self._holes):
            if merged and sum(merged[-1]) == start:
                merged[-1] = (merged[-1][0], merged[-1][1] + size)
            else:
                merged.append((start, size))
        self._holes = merged


@dataclass(frozen=True)
class Buffer:
    """``size`` bytes at byte ``address`` of a target's memory."""

    target: Target
    address: int
    size: int

    def write(self, array: npt.ArrayLike, offset: int = 0) -> None:
        """Write an array's bytes (C order, little endian) at a byte offset.

        Raises
        ------
        WindowError
            It does not fit the buffer; nothing is written.
        """
        values = np.asarray(array)
        values = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
        self._check(offset, values.nbytes)
        self.target.write_memory(self.address + offset, values.tobytes())

    def read(
        self, dtype: npt.DTypeLike = np.uint8, shape: tuple[int, ...] | None = None,
        offset: int = 0,
    ) -> np.ndarray:
        """Return an array of the given dtype and shape (default: 1-D, up to the buffer's end)."""
        kind = np.dtype(dtype).newbyteorder("<")
        if shape is None:
            shape = ((self.size - offset) // kind.itemsize,)
        size = prod(shape) * kind.itemsize
        self._check(offset, size)
        data = self.target.read_memory(self.address + offset, size)
        return np.frombuffer(data, dtype=kind).reshape(shape).copy()

    def element(self, memory_type: MemoryType, config: Config, base: int = 0) -> int:
        """Return the buffer's address in elements of a memory type, relative to a base pointer."""
        unit = config.tile_bytes(memory_type)
        if (self.address - base) % unit:
            raise WindowError(
                f"buffer at {self.address:#x} is not aligned to {memory_type.name} elements of "
                f"{unit} bytes from base {base:#x}"
            )
        return (self.address - base) // unit

    def _check(self, offset: int, size: int) -> None:
        if offset < 0 or offset + size > self.size:
            raise WindowError(
                f"bytes {offset}..{offset + size - 1} are outside a buffer of {self.size} bytes"
            )

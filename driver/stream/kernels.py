"""Micro-op kernels, which GEMM and ALU instructions iterate over, and their on-chip cache."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ...isa.config import Config
from ...isa.fields import uop_layout
from ...isa.instructions import Uop
from ...isa.opcodes import UOP_BYTES, MemoryType
from ..errors import StreamError

__all__ = ["Kernel", "KernelCache", "UopLoad", "make_kernel"]


@dataclass(frozen=True)
class Kernel:
    """A sequence of micro-ops, encoded; equal bytes are the same kernel."""

    data: bytes

    def __len__(self) -> int:
        return len(self.data) // UOP_BYTES


def make_kernel(
    uops: Iterable[Uop | tuple[int, ...]] | np.ndarray, config: Config,
) -> Kernel:
    """Encode micro-ops.

    Parameters
    ----------
    uops : iterable of Uop or (dst, src, wgt), or int array of shape (n, 3)
        A missing ``src`` or ``wgt`` is 0.

    Raises
    ------
    StreamError
        No micro-op, more than the buffer holds, or an index that does not fit its field.
    """
    if isinstance(uops, np.ndarray):
        table = uops
    else:
        rows = [
            (item.dst, item.src, item.wgt) if isinstance(item, Uop) else (*item, 0, 0)[:3]
            for item in uops
        ]
        table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    if table.ndim != 2 or table.shape[1] != 3 or table.dtype.kind not in "iu":
        raise StreamError(f"micro-ops are an integer array (n, 3), not {table.shape} {table.dtype}")
    depth = config.depth(MemoryType.UOP)
    if not 0 < len(table) <= depth:
        raise StreamError(f"a kernel holds 1..{depth} micro-ops, not {len(table)}")
    words = np.zeros(len(table), dtype=np.uint64)
    for column, (name, field) in zip(table.T, uop_layout(config).items(), strict=True):
        if column.min() < 0 or column.max() > field.maximum:
            raise StreamError(
                f"micro-op {name} must be 0..{field.maximum}, not {column.min()}..{column.max()}"
            )
        words |= column.astype(np.uint64) << np.uint64(field.lo)
    return Kernel(words.astype("<u4").tobytes())


@dataclass(frozen=True)
class UopLoad:
    """One LOAD UOP to issue, in micro-ops: ``size`` from DRAM ``dram`` to on-chip ``sram``."""

    sram: int
    dram: int
    size: int


class KernelCache:
    """Which kernels are on chip, where, and the DRAM image they are loaded from.

    The buffer is filled as a ring: a new kernel takes the place of the oldest ones.  Each distinct
    kernel is in the image once, in order of first use.
    """

    def __init__(self, config: Config):
        self.depth = config.depth(MemoryType.UOP)
        self._image = bytearray()
        self._dram: dict[Kernel, int] = {}
        self._resident: OrderedDict[Kernel, int] = OrderedDict()  # oldest first
        self._cursor = 0

    @property
    def image(self) -> bytes:
        """Micro-ops to be placed in DRAM, at the UOP base pointer."""
        return bytes(self._image)

    def address(self, kernel: Kernel) -> int:
        """Return where on chip a resident kernel begins."""
        return self._resident[kernel]

    def require(self, kernels: Iterable[Kernel]) -> list[UopLoad]:
        """Make kernels resident together; return the loads that do it, fewest possible.

        Raises
        ------
        StreamError
            Together they exceed the micro-op buffer.
        """
        group = list(dict.fromkeys(kernels))
        total = sum(len(kernel) for kernel in group)
        if total > self.depth:
            raise StreamError(f"{total} micro-ops exceed the buffer of {self.depth}")
        missing = [kernel for kernel in group if kernel not in self._resident]
        self._place(missing)
        if any(kernel not in self._resident for kernel in group):  # a member was pushed out
            missing = group
            self._place(missing)
        loads: list[UopLoad] = []
        for kernel in missing:
            if kernel not in self._dram:
                self._dram[kernel] = len(self._image) // UOP_BYTES
                self._image += kernel.data
            sram, dram = self._resident[kernel], self._dram[kernel]
            last = loads[-1] if loads else None
            if last and (last.sram + last.size, last.dram + last.size) == (sram, dram):
                loads[-1] = UopLoad(last.sram, last.dram, last.size + len(kernel))
            else:
                loads.append(UopLoad(sram, dram, len(kernel)))
        return loads

    def _place(self, kernels: list[Kernel]) -> None:
        """Give kernels one contiguous place at the cursor, evicting the oldest."""
        total = sum(len(kernel) for kernel in kernels)
        for kernel in kernels:
            self._resident.pop(kernel, None)
        if self._cursor + total > self.depth:
            self._evict(self._cursor, self.depth)
            self._cursor = 0
        self._evict(self._cursor, self._cursor + total)
        for kernel in kernels:
            self._resident[kernel] = self._cursor
            self._cursor += len(kernel)

    def _evict(self, start: int, end: int) -> None:
        """Forget resident kernels that touch ``[start, end)``: the oldest, by the ring's order."""
        while self._resident:
            kernel, at = next(iter(self._resident.items()))
            if at >= end or at + len(kernel) <= start:
                return
            del self._resident[kernel]

"""The micro-op buffer while a stream is read instruction by instruction, without a device."""

from __future__ import annotations

import numpy as np

from ...isa.config import Config
from ...isa.fields import uop_layout
from ...isa.instructions import Alu, Gemm, Load
from ...isa.opcodes import MemoryType

__all__ = ["UopBuffer"]


class UopBuffer:
    """Follows LOAD UOP.

    Parameters
    ----------
    image
        Micro-ops in memory from UOP_BASE on.
    """

    def __init__(self, config: Config, image: bytes):
        self._fields = [(np.uint32(f.lo), f.high) for f in uop_layout(config).values()]
        self._image = np.frombuffer(image, "<u4")
        self._held = np.zeros(config.depth(MemoryType.UOP), np.uint32)

    def load(self, item: Load) -> None:
        """Take the rows of a LOAD UOP."""
        for row in range(item.y_size):
            at, start = item.sram_base + row * item.x_size, item.dram_base + row * item.x_stride
            part = self._image[start:start + item.x_size]
            self._held[at:at + len(part)] = part

    def of(self, item: Gemm | Alu) -> np.ndarray:
        """Return the encoded micro-ops of an instruction, uint32."""
        return self._held[item.uop_bgn:item.uop_end]

    def column(self, uops: np.ndarray, which: int) -> np.ndarray:
        """Return one index of encoded micro-ops, int64: 0 destination, 1 source, 2 weight."""
        low, high = self._fields[which]
        return (uops >> low).astype(np.int64) & high

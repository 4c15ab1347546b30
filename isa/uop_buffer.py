"""The micro-ops on chip while a stream is read in order: LOAD UOP with strides and padding.

The contents of the buffer follow from the stream and memory alone, so timing model, static checker
and compiler know the micro-ops of every GEMM and ALU without a device.  Padding and
2-D strides are honoured as for every memory type (rules D9 to D11 of docs/device.md).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .config import Config
from .fields import uop_layout
from .instructions import Load, StepInstruction
from .opcodes import MemoryType

__all__ = ["UOP_INDICES", "UopBuffer", "UopImage", "Words", "uop_indices"]

Words = NDArray[np.uint32]
"""Encoded micro-ops."""

UOP_INDICES = ("dst", "src", "wgt")
"""The tile indices of a micro-op, in the order of its fields."""


def uop_indices(words: Words, name: str, config: Config) -> NDArray[np.int64]:
    """Return one index of encoded micro-ops, ``dst``, ``src`` or ``wgt``, int64 [micro-ops]."""
    field = uop_layout(config)[name]
    return (words >> np.uint32(field.lo)).astype(np.int64) & field.maximum


class UopImage:
    """Encoded micro-ops in memory from UOP_BASE on.

    Parameters
    ----------
    data : bytes
        Words of 32 bits, little endian.
    """

    def __init__(self, data: bytes):
        self._words = np.frombuffer(data, "<u4")

    def rows(self, load: Load) -> Words:
        """Return the rows that a LOAD UOP reads, uint32 [y_size, x_size]; 0 past the image."""
        index = (
            load.dram_base + load.x_stride * np.arange(load.y_size)[:, None]
            + np.arange(load.x_size)
        )
        inside = index < self._words.size
        if inside.all():
            return self._words[index]
        out = np.zeros(index.shape, np.uint32)
        out[inside] = self._words[index[inside]]
        return out


class UopBuffer:
    """The contents of the micro-op buffer, and which of them are known.

    Parameters
    ----------
    config : Config
    words : uint32 [micro-ops], optional
        Contents from index 0 on.
    known : int, optional
        Set of the indices whose contents are known, one bit each.
    """

    def __init__(self, config: Config, words: Words | None = None, known: int = 0):
        self._words: Words = np.zeros(config.depth(MemoryType.UOP), np.uint32)
        if words is not None:
            self._words[: words.size] = words
        self.known = known

    def load(self, load: Load, rows: Words | None) -> None:
        """Write the rows of a LOAD UOP and its padding of zeros.

        Parameters
        ----------
        load : Load
            Free of static faults: it ends inside the buffer.
        rows : uint32 [y_size, x_size] or None
            The words it reads; None when they are not known.
        """
        height, width = load.padded_shape
        count = height * width
        if not count:
            return
        loaded = ((1 << count) - 1) << load.sram_base
        if rows is None:
            self.known &= ~loaded
            return
        self.known |= loaded
        target = self._words[load.sram_base : load.sram_base + count].reshape(height, width)
        target[...] = 0
        target[
            load.y_pad_0 : load.y_pad_0 + load.y_size, load.x_pad_0 : load.x_pad_0 + load.x_size
        ] = rows

    def words(self, steps: StepInstruction) -> Words:
        """Return the encoded micro-ops of an instruction, uint32 [uop_end - uop_bgn]."""
        return self._words[steps.uop_bgn : steps.uop_end]

    def known_words(self) -> Words:
        """Return the contents from index 0 up to the last known one, uint32."""
        return self._words[: self.known.bit_length()]

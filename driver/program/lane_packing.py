"""Several pixels or taps in the lanes of one tile: how the host packs inputs and unpacks outputs.

The compiler chooses (:mod:`myvta.compiler.layout`), the attributes of a host step record it, and
the driver executes it: a board has no compiler.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import gcd
from typing import Any

import numpy as np

__all__ = ["InputPacking", "OutputPacking", "Pair"]

Pair = tuple[int, int]


@dataclass(frozen=True)
class InputPacking:
    """How one convolution's input is packed; pairs are (rows, columns)."""

    channels: int
    size: Pair
    out: Pair
    kernel: Pair
    strides: Pair
    dilations: Pair
    before: Pair  # padding above and to the left
    taps: Pair  # taps in one packed pixel

    @property
    def lanes(self) -> int:
        """Channels of the packed tensor."""
        return self.channels * self.taps[0] * self.taps[1]

    @property
    def window(self) -> Pair:
        """Positions of the packed window."""
        return self._groups(0), self._groups(1)

    @property
    def pitch(self) -> Pair:
        """Input pixels from one packed pixel to the next."""
        return self._pitch(0), self._pitch(1)

    @property
    def packed_strides(self) -> Pair:
        """Strides of the packed convolution."""
        return self._stride(0), self._stride(1)

    @property
    def packed_dilations(self) -> Pair:
        """Packed pixels from one position of the packed window to the next."""
        return self._dilation(0), self._dilation(1)

    @property
    def pixels(self) -> Pair:
        """Rows and columns of the packed tensor."""
        rows, columns = (
            (self.out[axis] - 1) * self._stride(axis)
            + (self._groups(axis) - 1) * self._dilation(axis) + 1
            for axis in range(2)
        )
        return rows, columns

    def pack(self, values: np.ndarray, outside: int = 0) -> np.ndarray:
        """Return ``[N, lanes, *pixels]`` of an input ``[N, channels, *size]``."""
        reach = [self._places(axis) for axis in range(2)]
        padding = [
            (self.before[axis], max(0, int(reach[axis].max()) + 1 - self.size[axis]
                                    - self.before[axis]))
            for axis in range(2)
        ]
        padded = np.pad(values, [(0, 0), (0, 0), *padding], constant_values=outside)
        windows = padded[:, :, reach[0]][..., reach[1]]  # [N, C, rows, taps, columns, taps]
        moved = windows.transpose(0, 3, 5, 1, 2, 4)
        return np.ascontiguousarray(moved).reshape(len(values), self.lanes, *self.pixels)

    def pack_weight(self, weight: np.ndarray) -> np.ndarray:
        """Return weights ``[M, lanes, *window]`` of ``[M, channels, *kernel]``."""
        (gy, gx), (ty, tx) = self.window, self.taps
        full = np.zeros((*weight.shape[:2], gy * ty, gx * tx), weight.dtype)
        full[:, :, : self.kernel[0], : self.kernel[1]] = weight
        split = full.reshape(*weight.shape[:2], gy, ty, gx, tx).transpose(0, 3, 5, 1, 2, 4)
        return np.ascontiguousarray(split).reshape(len(weight), self.lanes, gy, gx)

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> InputPacking:
        """Read the result of :meth:`to_json`, pairs as lists or tuples."""
        return cls(int(values["channels"]), *(
            (int(values[name][0]), int(values[name][1]))
            for name in ("size", "out", "kernel", "strides", "dilations", "before", "taps")
        ))

    def _groups(self, axis: int) -> int:
        return -(-self.kernel[axis] // self.taps[axis])

    def _pitch(self, axis: int) -> int:
        outputs = self.strides[axis] if self.out[axis] > 1 else 0
        groups = self.taps[axis] * self.dilations[axis] if self._groups(axis) > 1 else 0
        return gcd(outputs, groups) or 1

    def _stride(self, axis: int) -> int:
        return max(1, self.strides[axis] // self._pitch(axis))

    def _dilation(self, axis: int) -> int:
        return max(1, self.taps[axis] * self.dilations[axis] // self._pitch(axis))

    def _places(self, axis: int) -> np.ndarray:
        """Return ``[packed pixels, taps]``: the padded input pixel of each."""
        pixels = np.arange(self.pixels[axis]) * self._pitch(axis)
        return np.add.outer(pixels, np.arange(self.taps[axis]) * self.dilations[axis])


@dataclass(frozen=True)
class OutputPacking:
    """How a convolution's output pixels share lanes; pairs are (rows, columns)."""

    filters: int
    size: Pair
    block: Pair

    def unpack(self, packed: np.ndarray) -> np.ndarray:
        """Return ``[N, filters, *size]`` of ``[N, block * filters, packed rows, columns]``."""
        (n, _, rows, columns), (by, bx) = packed.shape, self.block
        split = packed.reshape(n, by, bx, self.filters, rows, columns)
        full = split.transpose(0, 3, 4, 1, 5, 2).reshape(n, self.filters, rows * by, columns * bx)
        return np.ascontiguousarray(full[:, :, : self.size[0], : self.size[1]])

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> OutputPacking:
        """Read the result of :meth:`to_json`, pairs as lists or tuples."""
        size, block = values["size"], values["block"]
        return cls(
            int(values["filters"]), (int(size[0]), int(size[1])), (int(block[0]), int(block[1]))
        )

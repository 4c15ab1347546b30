"""Conversion of tiles between their bytes in DRAM and their lanes as integers.

Lane 0 is in the least significant bits of a tile, bytes are little endian, and 4-bit operands
are packed two per byte, the even lane in the low nibble (vta_isa.md 1.1).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["pack_lanes", "unpack_operands"]

Bytes = NDArray[np.uint8]


def unpack_operands(data: Bytes, width: int) -> NDArray[np.int8]:
    """Return signed operands from their bytes.

    Parameters
    ----------
    data : uint8 [..., bytes]
    width : int
        Bits of an operand, 4 or 8.

    Returns
    -------
    int8 [..., bytes * 8 // width]
    """
    signed = data.view(np.int8)
    if width == 8:
        return signed
    lanes = np.empty((*data.shape[:-1], data.shape[-1], 2), np.int8)
    lanes[..., 0] = (signed << 4) >> 4
    lanes[..., 1] = signed >> 4
    return lanes.reshape(*data.shape[:-1], -1)


def pack_lanes(lanes: NDArray[np.int32], width: int) -> Bytes:
    """Return the bytes of the low ``width`` bits (4 or 8) of each lane: truncation, no saturation.

    Parameters
    ----------
    lanes : int32 [..., lanes]
    width : int

    Returns
    -------
    uint8 [..., lanes * width // 8]
    """
    truncated: Bytes = lanes.astype(np.uint8)
    if width == 8:
        return truncated
    return (truncated[..., 0::2] & np.uint8(0xF)) | (truncated[..., 1::2] << np.uint8(4))

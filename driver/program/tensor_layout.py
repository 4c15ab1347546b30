"""Numpy arrays to tiles in device memory and back (vta_isa.md 1.1).

A tile of INP, ACC, OUT or ACC_8BIT is ``[batch][block]``, a tile of WGT or WGT_4BIT
``[block_out][block_in]``, an element of LUT one table ``[1][256]``; lanes are row-major, index 0 at
the lowest address.  Two 4-bit lanes share a byte, the even index in the low nibble.  INP and WGT
are signed with the configuration's width, OUT has INP's width, ACC is int32, ACC_8BIT int8,
WGT_4BIT 4 bits, LUT int16.

A *tensor* has two tiled axes and any number of others: axis 0 is cut into tile rows and axis 1 into
tile columns, zero padded, and memory holds ``[axis0 tiles][axis1 tiles][other axes][row][column]``.
That is VTA's NCHWnc for an activation (N, C, H, W) in INP or ACC tiles, its OIHWoi for a weight
(O, I, KH, KW) in WGT tiles, and a matrix is the case with no other axes.
"""

from __future__ import annotations

from math import prod

import numpy as np
import numpy.typing as npt

from ...isa.config import Config
from ...isa.opcodes import LUT_ENTRIES, MemoryType
from ..errors import LayoutError

__all__ = [
    "lane_bits", "lane_dtype", "pack_tensor", "pack_tiles", "tensor_bytes", "tensor_tiles",
    "tile_shape", "tile_tensor", "unpack_tensor", "unpack_tiles", "untile_tensor",
]


def tile_shape(memory_type: MemoryType, config: Config) -> tuple[int, int]:
    """Return rows and columns of a tile."""
    if memory_type in (MemoryType.WGT, MemoryType.WGT_4BIT):
        return config.block_out, config.block_in
    if memory_type == MemoryType.LUT:
        return 1, LUT_ENTRIES
    if memory_type == MemoryType.UOP:
        raise LayoutError("UOP has no tiles: micro-ops are 32-bit words")
    return config.batch, config.block_out


def lane_bits(memory_type: MemoryType, config: Config) -> int:
    """Return the bits of one lane in memory."""
    return {
        MemoryType.INP: config.inp_width, MemoryType.WGT: config.wgt_width,
        MemoryType.ACC: config.acc_width, MemoryType.OUT: config.out_width,
        MemoryType.ACC_8BIT: 8, MemoryType.LUT: 16, MemoryType.WGT_4BIT: 4,
    }[memory_type]


def lane_dtype(memory_type: MemoryType) -> np.dtype:
    """Return the numpy type that holds one lane: int32 for ACC, int16 for LUT, else int8."""
    return np.dtype({MemoryType.ACC: "<i4", MemoryType.LUT: "<i2"}.get(memory_type, "i1"))


def pack_tiles(tiles: npt.ArrayLike, memory_type: MemoryType, config: Config) -> bytes:
    """Return the memory bytes of tiles.

    Parameters
    ----------
    tiles : array of int, shape (..., rows, columns)
        Rows and columns of :func:`tile_shape`; order of the leading axes is memory order.

    Raises
    ------
    LayoutError
        Not integers, another tile shape, or a value outside the lane's range.
    """
    values = np.asarray(tiles)
    shape, bits = tile_shape(memory_type, config), lane_bits(memory_type, config)
    if values.dtype.kind not in "iub":
        raise LayoutError(f"{memory_type.name} tiles hold integers, not {values.dtype}")
    if values.shape[-2:] != shape:
        raise LayoutError(
            f"{memory_type.name} tiles are {shape[0]}x{shape[1]}, not {values.shape[-2:]}"
        )
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    if values.size and not low <= int(values.min()) <= int(values.max()) <= high:
        raise LayoutError(
            f"{memory_type.name} lanes must be {low}..{high}, not "
            f"{int(values.min())}..{int(values.max())}"
        )
    if bits == 4:
        nibbles = values.astype(np.uint8).reshape(-1) & 15
        return (nibbles[0::2] | (nibbles[1::2] << 4)).tobytes()
    return np.ascontiguousarray(values, dtype=lane_dtype(memory_type)).tobytes()


def unpack_tiles(
    data: bytes, memory_type: MemoryType, config: Config, shape: tuple[int, ...] | None = None,
) -> np.ndarray:
    """Return tiles ``(*shape, rows, columns)`` from memory bytes; default shape: all of them.

    Raises
    ------
    LayoutError
        The bytes are not exactly that many tiles.
    """
    rows, columns = tile_shape(memory_type, config)
    unit = config.tile_bytes(memory_type)
    count = len(data) // unit if shape is None else prod(shape)
    if len(data) != count * unit:
        raise LayoutError(
            f"{count} {memory_type.name} tiles are {count * unit} bytes, not {len(data)}"
        )
    if lane_bits(memory_type, config) == 4:
        raw = np.frombuffer(data, dtype=np.int8)
        lanes = np.empty(2 * raw.size, dtype=np.int8)
        lanes[0::2] = (raw << 4) >> 4  # sign-extends: both shifts are 8 bits wide
        lanes[1::2] = raw >> 4
    else:
        lanes = np.frombuffer(data, dtype=lane_dtype(memory_type)).copy()
    return lanes.reshape(*((count,) if shape is None else shape), rows, columns)


def tensor_tiles(
    shape: tuple[int, ...], memory_type: MemoryType, config: Config,
) -> tuple[int, ...]:
    """Return how many tiles a tensor has: ``(axis0 tiles, axis1 tiles, *other axes)``."""
    if len(shape) < 2:
        raise LayoutError(f"a tiled tensor has at least two axes, not shape {tuple(shape)}")
    rows, columns = tile_shape(memory_type, config)
    return (-(-shape[0] // rows), -(-shape[1] // columns), *shape[2:])


def tensor_bytes(shape: tuple[int, ...], memory_type: MemoryType, config: Config) -> int:
    """Return the memory bytes of a tensor, padding lanes included."""
    tiles = tensor_tiles(shape, memory_type, config)
    return prod(tiles) * config.tile_bytes(memory_type)


def tile_tensor(array: npt.ArrayLike, memory_type: MemoryType, config: Config) -> np.ndarray:
    """Return ``(axis0 tiles, axis1 tiles, *other axes, rows, columns)``, zero padded."""
    values = np.asarray(array)
    tiles = tensor_tiles(values.shape, memory_type, config)
    rows, columns = tile_shape(memory_type, config)
    full = np.zeros((tiles[0] * rows, tiles[1] * columns, *tiles[2:]), dtype=values.dtype)
    full[: values.shape[0], : values.shape[1]] = values
    split = full.reshape(tiles[0], rows, tiles[1], columns, *tiles[2:])
    others = range(4, 4 + len(tiles) - 2)
    return np.ascontiguousarray(split.transpose(0, 2, *others, 1, 3))


def untile_tensor(tiles: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the tensor of ``shape`` that :func:`tile_tensor` cut; padding lanes are dropped."""
    last = tiles.ndim - 1
    joined = tiles.transpose(0, last - 1, 1, last, *range(2, last - 1)).reshape(
        tiles.shape[0] * tiles.shape[-2], tiles.shape[1] * tiles.shape[-1], *tiles.shape[2:-2]
    )
    if joined.shape[2:] != tuple(shape[2:]) or any(
        have < want for have, want in zip(joined.shape[:2], shape[:2], strict=True)
    ):
        raise LayoutError(f"tiles {tiles.shape} do not hold a tensor of shape {tuple(shape)}")
    return np.ascontiguousarray(joined[: shape[0], : shape[1]])


def pack_tensor(array: npt.ArrayLike, memory_type: MemoryType, config: Config) -> bytes:
    """Return the memory bytes of a tensor (two or more axes, integers in the lane's range)."""
    return pack_tiles(tile_tensor(array, memory_type, config), memory_type, config)


def unpack_tensor(
    data: bytes, shape: tuple[int, ...], memory_type: MemoryType, config: Config,
) -> np.ndarray:
    """Return the tensor of ``shape`` in memory bytes, of :func:`lane_dtype`."""
    tiles = unpack_tiles(data, memory_type, config, tensor_tiles(shape, memory_type, config))
    return untile_tensor(tiles, shape)

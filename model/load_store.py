"""LOAD and STORE: rows of tiles between DRAM and the scratchpads (vta_isa.md 4.1, 4.2), and results
forwarded into the operand buffers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..isa.config import Config
from ..isa.geometry import SCRATCHPADS
from ..isa.instructions import Load, Store
from ..isa.legality import footprint
from ..isa.opcodes import MemoryType
from .dram import Dram, Window
from .scratchpads import Scratchpads
from .tiles import pack_lanes, unpack_operands

__all__ = ["forward", "load", "store"]


def load(
    instruction: Load, pads: Scratchpads, dram: Dram, window: Window, base: int
) -> int:
    """Execute a LOAD whose static checks passed.

    Parameters
    ----------
    base : int
        Base pointer of the memory type in bytes (byte address: rule D21 of docs/device.md).

    Returns
    -------
    int
        Bytes read, without padding.

    Raises
    ------
    Fault
        WINDOW or BUS; nothing has been written then.
    """
    tiles = footprint(instruction)
    if not tiles:
        return 0
    config, kind = pads.config, MemoryType(instruction.memory_type)
    scratchpad = SCRATCHPADS[kind]
    first = instruction.sram_base
    target = pads.tiles(scratchpad)[first : first + tiles]
    grid = target.reshape(*instruction.padded_shape, target.shape[-1])
    rows, columns = instruction.y_size, instruction.x_size
    element = pads.tile_bytes[kind]
    data_rows = _source(instruction, dram, window, base, element)
    if tiles != rows * columns:
        grid[...] = 0
    if rows:
        top, left = instruction.y_pad_0, instruction.x_pad_0
        data = _lanes(data_rows, kind, config).reshape(rows, columns, -1)
        grid[top : top + rows, left : left + columns] = data
    pads.note_write(scratchpad, slice(first, first + tiles))
    return rows * columns * element


def _source(
    instruction: Load | Store, dram: Dram, window: Window, base: int, element: int
) -> NDArray[np.uint8]:
    """Return the DRAM rows of a 2-D access, uint8 [y_size, x_size * element]."""
    row_bytes = instruction.x_size * element
    if not instruction.y_size:
        return np.empty((0, row_bytes), np.uint8)
    return dram.rows(
        window,
        base + instruction.dram_base * element,
        row_bytes,
        instruction.x_stride * element,
        instruction.y_size,
    )


def _lanes(data: NDArray[np.uint8], kind: MemoryType, config: Config) -> NDArray[np.generic]:
    """Return the lanes in the bytes of whole tiles of a memory type."""
    if kind == MemoryType.INP:
        return unpack_operands(data, config.inp_width)
    if kind == MemoryType.WGT:
        return unpack_operands(data, config.wgt_width)
    if kind == MemoryType.WGT_4BIT:
        return unpack_operands(data, 4)
    if kind == MemoryType.ACC_8BIT:
        return data.view(np.int8)
    return np.ascontiguousarray(data).view(_WORDS[kind])


_WORDS = {MemoryType.UOP: "<u4", MemoryType.ACC: "<i4", MemoryType.LUT: "<i2"}


def store(
    instruction: Store, pads: Scratchpads, dram: Dram, window: Window, base: int
) -> int:
    """Execute a STORE whose static checks passed: the low OUT_WIDTH bits of ACC lanes.

    OUT is a view of ACC (rules D6, D7).

    Returns the bytes written; raises Fault (WINDOW, BUS) without having written anything.
    """
    rows, columns = instruction.y_size, instruction.x_size
    if not rows * columns:
        return 0
    config = pads.config
    element = pads.tile_bytes[MemoryType.OUT]
    first = instruction.sram_base
    tiles = slice(first, first + rows * columns)
    target = _source(instruction, dram, window, base, element)
    data = pack_lanes(pads.tiles(MemoryType.ACC)[tiles], config.out_width).reshape(target.shape)
    if instruction.x_stride < columns:  # rows overlap: later ones overwrite earlier ones
        for row in range(rows):
            target[row] = data[row]
    else:
        target[...] = data
    pads.note_read(MemoryType.ACC, tiles, "STORE")
    return rows * columns * element


def forward(instruction: Store, pads: Scratchpads) -> None:
    """Execute a STORE to INP or WGT whose static checks passed.

    OUT tiles ``sram_base`` ... go to INP tile ``dram_base`` ..., or to that row of WGT, one after
    another; rows of ``x_size`` are ``x_stride`` apart there.
    """
    rows, columns = instruction.y_size, instruction.x_size
    if not rows * columns:
        return
    config, first = pads.config, instruction.sram_base
    source = slice(first, first + rows * columns)
    lanes = pads.tiles(MemoryType.ACC)[source]
    unused = config.acc_width - config.out_width
    operands = ((lanes << unused) >> unused).reshape(rows, columns, -1)
    start = instruction.dram_base + np.arange(rows) * instruction.x_stride
    places = start[:, None] + np.arange(columns)
    weights = instruction.memory_type == MemoryType.WGT
    target = pads.wgt_rows if weights else pads.tiles(MemoryType.INP)
    for row in range(rows):  # where they overlap, a later row covers an earlier one
        target[places[row]] = operands[row]
    pads.note_read(MemoryType.ACC, source, "STORE")
    if weights:
        pads.note_write_rows(places)
    else:
        pads.note_write(MemoryType.INP, places)

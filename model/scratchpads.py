"""The on-chip memories: UOP, INP, WGT, ACC and the lookup tables (OUT is a view of ACC: rules D6,
D7 of docs/device.md).

Operands are stored as float32, which represents every int8 exactly and which the matrix products of
:mod:`.gemm` take, so that no instruction has to convert.  The memories are stored as *rows*, a tile
being ``batch`` (INP, ACC) or ``block_out`` (WGT) consecutive rows: gathering rows in the right
order yields a matrix without a transposition.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..isa.config import Config
from ..isa.opcodes import MemoryType
from .tiles import unpack_operands

__all__ = ["POWER_UP_BYTE", "Scratchpads"]

POWER_UP_BYTE = 0xA5
"""Initial value of every byte of every scratchpad: int8 -91, int4 5 and -6,
int32 -1515870811.  Contents after reset are undefined; a pattern exposes reads of them."""

_REPORT_LIMIT = 100  # reports kept per launch


class Scratchpads:
    """On-chip memories of one device.

    Attributes
    ----------
    uop : uint32 [uop depth]
    inp_rows : float32 [inp depth * batch, block_in]
    wgt_rows : float32 [wgt depth * block_out, block_in]
    acc_rows : int32 [acc depth * batch, block_out]
    lut : int16 [tables, entries]
    depth, tile_bytes : dict[MemoryType, int]
        Those of the configuration, looked up once.
    reports : list[str]
        With ``strict``, the reads of never-written tiles since :meth:`clear_reports`.
    """

    def __init__(self, config: Config, *, strict: bool = False):
        self.config = config
        self.strict = strict
        self.reports: list[str] = []
        self.depth = {kind: config.depth(kind) for kind in MemoryType}
        self.tile_bytes = {kind: config.tile_bytes(kind) for kind in MemoryType}

        def fill(kind: MemoryType) -> NDArray[np.uint8]:
            return np.full(self.depth[kind] * self.tile_bytes[kind], POWER_UP_BYTE, np.uint8)

        block = config.block_in
        inp = unpack_operands(fill(MemoryType.INP), config.inp_width)
        wgt = unpack_operands(fill(MemoryType.WGT), config.wgt_width)
        self.uop: NDArray[np.uint32] = fill(MemoryType.UOP).view("<u4")
        self.inp_rows = inp.astype(np.float32).reshape(-1, block)
        self.wgt_rows = wgt.astype(np.float32).reshape(-1, block)
        self.acc_rows: NDArray[np.int32] = fill(MemoryType.ACC).view("<i4").reshape(-1, block)
        self.lut: NDArray[np.int16] = fill(MemoryType.LUT).view("<i2")
        self._tiles: dict[MemoryType, NDArray[Any]] = {
            MemoryType.UOP: self.uop,
            MemoryType.INP: self.inp_rows,
            MemoryType.WGT: self.wgt_rows,
            MemoryType.ACC: self.acc_rows,
            MemoryType.LUT: self.lut,
        }
        for kind, rows in self._tiles.items():
            self._tiles[kind] = rows.reshape(self.depth[kind], -1)
        self.lut = self._tiles[MemoryType.LUT]
        self._written = {kind: np.zeros(self.depth[kind], bool) for kind in self._tiles}
        self._written_rows = np.zeros((self.depth[MemoryType.WGT], config.block_out), bool)

    # -- as the ISA sees them --------------------------------------------------------------------
    @property
    def inp(self) -> NDArray[np.int8]:
        """Copy of INP, int8 [depth, batch, block_in]."""
        config = self.config
        return self.inp_rows.astype(np.int8).reshape(-1, config.batch, config.block_in)

    @property
    def wgt(self) -> NDArray[np.int8]:
        """Copy of WGT, int8 [depth, block_out, block_in]."""
        config = self.config
        return self.wgt_rows.astype(np.int8).reshape(-1, config.block_out, config.block_in)

    @property
    def acc(self) -> NDArray[np.int32]:
        """ACC itself, int32 [depth, batch, block_out]."""
        return self.acc_rows.reshape(-1, self.config.batch, self.config.block_out)

    def tiles(self, kind: MemoryType) -> NDArray[Any]:
        """Return a memory as one row per tile: [depth, lanes of a tile] (a view)."""
        return self._tiles[kind]

    # -- never-written tiles ---------------------------------------------------------------------
    def note_write(self, kind: MemoryType, tiles: NDArray[np.intp] | slice) -> None:
        """Record that tiles were written (only with ``strict``)."""
        if self.strict:
            self._written[kind][tiles] = True

    def note_write_rows(self, rows: NDArray[np.intp]) -> None:
        """Remember that rows of WGT hold something; a tile does once all its rows do."""
        if self.strict:
            self._written_rows.reshape(-1)[rows] = True
            self._written[MemoryType.WGT] |= self._written_rows.all(axis=1)

    def note_read(self, kind: MemoryType, tiles: NDArray[np.intp] | slice, reader: str) -> None:
        """Report tiles that are read and were never written (only with ``strict``)."""
        if not self.strict or len(self.reports) >= _REPORT_LIMIT:
            return
        read = np.zeros(self.depth[kind], bool)
        read[tiles] = True
        never = np.flatnonzero(read & ~self._written[kind])
        if never.size:
            shown = ", ".join(map(str, never[:8])) + (", ..." if never.size > 8 else "")
            self.reports.append(f"{reader} reads never-written {kind.name} [{shown}]")

    def clear_reports(self) -> None:
        """Forget the reports (a new launch)."""
        self.reports = []

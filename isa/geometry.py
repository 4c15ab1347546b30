"""Attributes of a configuration, and every width, size and depth that follows from them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from .extensions import EXTENSIONS
from .opcodes import LUT_ENTRIES, LUT_TABLES, MemoryType

__all__ = [
    "COUNTER_SETS", "Geometry", "MEMORY_TYPE_EXTENSIONS", "PAIRED_MULTIPLIERS_FROM", "SCRATCHPADS",
]

COUNTER_SETS = {
    "all": "work of a launch, and cycles by cause",
    "basic": "work of a launch",
    "none": "cycles of a launch alone",
}
"""Sets of counters that a device can have, in the order of their codes in FEATURES, and what they
count."""

PAIRED_MULTIPLIERS_FROM = 256
"""Products per step from which two of them share a multiplier."""

SCRATCHPADS: dict[MemoryType, MemoryType] = {kind: kind for kind in MemoryType} | {
    MemoryType.OUT: MemoryType.ACC,
    MemoryType.ACC_8BIT: MemoryType.ACC,
    MemoryType.WGT_4BIT: MemoryType.WGT,
}
"""The scratchpad in which elements of each memory type are kept."""

MEMORY_TYPE_EXTENSIONS = {MemoryType.LUT: "lookup", MemoryType.WGT_4BIT: "weights4"}
"""The extension that a memory type of LOAD belongs to."""


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """The values of a configuration, not validated: :class:`myvta.isa.config.Config` does that.

    The first eleven attributes are the keys of ``vta_config.json`` in lower case.
    """

    target: str = "sim"
    hw_ver: str = "0.0.2"
    log_inp_width: int = 3
    log_wgt_width: int = 3
    log_acc_width: int = 5
    log_batch: int = 0
    log_block: int = 4
    log_uop_buff_size: int = 15
    log_inp_buff_size: int = 15
    log_wgt_buff_size: int = 18
    log_acc_buff_size: int = 17
    log_bus_width: int = 6
    # extensions (:data:`.extensions.EXTENSIONS`)
    overwrite: bool = False
    requantize: bool = False
    lookup: bool = False
    reduce: bool = False
    depthwise: bool = False
    forward: bool = False
    weights4: bool = False
    # counters (:data:`COUNTER_SETS`)
    counters: str = "all"

    # -- shape and widths ------------------------------------------------------------------------
    @property
    def batch(self) -> int:
        """Rows of an input, accumulator and output tile."""
        return 1 << self.log_batch

    @property
    def block_in(self) -> int:
        """Columns of an input and of a weight tile."""
        return 1 << self.log_block

    @property
    def block_out(self) -> int:
        """Rows of a weight tile, columns of an accumulator and output tile."""
        return 1 << self.log_block

    @property
    def lanes(self) -> int:
        """Lanes of an accumulator tile: ``batch * block_out``."""
        return self.batch * self.block_out

    @property
    def macs_per_step(self) -> int:
        """Multiply-accumulates of one GEMM step: ``batch * block_in * block_out``."""
        return self.batch * self.block_in * self.block_out

    @property
    def inp_width(self) -> int:
        """Bits of an input operand."""
        return 1 << self.log_inp_width

    @property
    def wgt_width(self) -> int:
        """Bits of a weight operand."""
        return 1 << self.log_wgt_width

    @property
    def acc_width(self) -> int:
        """Bits of an accumulator lane."""
        return 1 << self.log_acc_width

    @property
    def out_width(self) -> int:
        """Bits of an output lane, the low bits of the accumulator's (LOG_OUT_WIDTH = INP)."""
        return self.inp_width

    @property
    def bus_width(self) -> int:
        """Bits of the memory port (AXI data)."""
        return 1 << self.log_bus_width

    @property
    def bus_bytes(self) -> int:
        """Bytes of one beat of the memory port."""
        return self.bus_width // 8

    # -- counters --------------------------------------------------------------------------------
    @property
    def has_counters(self) -> bool:
        """Whether the device has the architectural counters."""
        return self.counters != "none"

    @property
    def has_performance(self) -> bool:
        """Whether the device counts cycles by cause, and bursts."""
        return self.counters == "all"

    # -- depthwise window ------------------------------------------------------------------------
    @property
    def multiplies_pairs(self) -> bool:
        """Whether two products share a multiplier, of 25 x 18 bits (7-series, UltraScale).

        Arrays of fewer products are for devices with multipliers of 18 x 18 bits (ECP5), which
        hold one product each, and have enough of them.
        """
        return self.macs_per_step >= PAIRED_MULTIPLIERS_FROM

    @property
    def taps(self) -> int:
        """Taps of a window per lane and step of DWC: ``block_in``, half of it where products share
        multipliers; 0 without the extension.
        """
        return self.block_in >> self.multiplies_pairs if self.depthwise else 0

    @property
    def window(self) -> tuple[int, int]:
        """Maximum rows and columns of a window of DWC; their product is :attr:`taps`.

        1x2, 2x2, 2x4, 4x4, 4x8 for 2, 4, 8, 16 and 32 taps; (0, 0) without the extension.
        """
        if not self.taps:
            return 0, 0
        rows = 1 << (self.taps.bit_length() - 1) // 2
        return rows, self.taps // rows

    def window_code(self, rows: int, columns: int) -> int:
        """Return DWC's ``window`` for rows and columns of taps.

        Raises
        ------
        ValueError
            The window is empty, or larger than :attr:`window`.
        """
        most = self.window
        if not (1 <= rows <= most[0] and 1 <= columns <= most[1]):
            raise ValueError(
                f"a window must have 1..{most[0]} rows and 1..{most[1]} columns, not "
                f"{rows}x{columns}")
        return (rows - 1) * most[1] + columns - 1

    def window_shape(self, code: int) -> tuple[int, int]:
        """Return rows and columns of taps that DWC's ``window`` stands for, below :attr:`taps`."""
        return code // self.window[1] + 1, code % self.window[1] + 1

    # -- tiles and depths ------------------------------------------------------------------------
    def log_tile_bits(self, memory_type: MemoryType) -> int:
        """Log2 bits of one element of a memory type in DRAM (vta_isa.md 1.1)."""
        return self._log_tile_bits[memory_type]

    @cached_property
    def _log_tile_bits(self) -> dict[MemoryType, int]:
        batch, block = self.log_batch, self.log_block
        return {
            MemoryType.UOP: 5,
            MemoryType.WGT: 2 * block + self.log_wgt_width,
            MemoryType.INP: batch + block + self.log_inp_width,
            MemoryType.ACC: batch + block + self.log_acc_width,
            MemoryType.OUT: batch + block + self.log_inp_width,
            MemoryType.ACC_8BIT: batch + block + 3,
            MemoryType.LUT: (LUT_ENTRIES * 16).bit_length() - 1,
            MemoryType.WGT_4BIT: 2 * block + 2,
        }

    def tile_bytes(self, memory_type: MemoryType) -> int:
        """Bytes of one element of a memory type in DRAM; always a power of two."""
        return 1 << (self.log_tile_bits(memory_type) - 3)

    @property
    def memory_types(self) -> tuple[MemoryType, ...]:
        """The memory types that a device of this configuration has."""
        return tuple(
            kind for kind in MemoryType
            if kind not in MEMORY_TYPE_EXTENSIONS or getattr(self, MEMORY_TYPE_EXTENSIONS[kind])
        )

    def alignment(self, base_types: Iterable[MemoryType]) -> int:
        """Return the bytes that a base pointer of some memory types must be a multiple of: the
        largest element among those the configuration has.
        """
        return max(self.tile_bytes(kind) for kind in base_types if kind in self.memory_types)

    def log_depth(self, memory_type: MemoryType) -> int:
        """Log2 elements of the scratchpad of a memory type (ACC_8BIT and OUT: ACC's,
        WGT_4BIT: WGT's).
        """
        memory_type = SCRATCHPADS[memory_type]
        if memory_type == MemoryType.LUT:
            return LUT_TABLES.bit_length() - 1
        size = getattr(self, f"log_{memory_type.name.lower()}_buff_size")
        return size + 3 - self.log_tile_bits(memory_type)

    def depth(self, memory_type: MemoryType) -> int:
        """Elements of the scratchpad of a memory type."""
        return 1 << self.log_depth(memory_type)

    @property
    def log_uop_depth(self) -> int:
        """Log2 micro-ops held on chip."""
        return self.log_depth(MemoryType.UOP)

    @property
    def log_inp_depth(self) -> int:
        """Log2 input tiles held on chip."""
        return self.log_depth(MemoryType.INP)

    @property
    def log_wgt_depth(self) -> int:
        """Log2 weight tiles held on chip."""
        return self.log_depth(MemoryType.WGT)

    @property
    def log_acc_depth(self) -> int:
        """Log2 accumulator (and output) tiles held on chip."""
        return self.log_depth(MemoryType.ACC)

    # -- identity --------------------------------------------------------------------------------
    @property
    def extended(self) -> bool:
        """Whether it has an extension; without one, programs are for every implementation of VTA.
        """
        return any(getattr(self, extension.name) for extension in EXTENSIONS)

    @property
    def canonical(self) -> str:
        """Everything a program depends on, in VTA's config-string style (no target, bus width or
        counters).
        """
        extensions = "".join(
            extension.letter for extension in EXTENSIONS if getattr(self, extension.name))
        if self.depthwise:
            extensions += str(self.taps)
        return (
            f"{self.batch}x{self.block_in}_i{self.inp_width}w{self.wgt_width}a{self.acc_width}"
            f"_{self.log_uop_buff_size}_{self.log_inp_buff_size}"
            f"_{self.log_wgt_buff_size}_{self.log_acc_buff_size}"
            + (f"_{extensions}" if extensions else "")
        )

    @property
    def fingerprint(self) -> int:
        """CRC-32 of :attr:`canonical`: a program runs on a device with the same fingerprint."""
        return zlib.crc32(self.canonical.encode("ascii"))

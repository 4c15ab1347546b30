"""Attributes of a configuration, and every width, size and depth that follows from them."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property

from .opcodes import MemoryType

__all__ = ["Geometry"]


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
    overwrite: bool = False  # GEMM bit 63, vta_isa.md section 0.1
    requantize: bool = False  # ALU opcode 7 (RQT), vta_isa.md section 0.1

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
        }

    def tile_bytes(self, memory_type: MemoryType) -> int:
        """Bytes of one element of a memory type in DRAM; always a power of two."""
        return 1 << (self.log_tile_bits(memory_type) - 3)

    def log_depth(self, memory_type: MemoryType) -> int:
        """Log2 elements of the scratchpad of a memory type (ACC_8BIT and OUT: ACC's)."""
        if memory_type in (MemoryType.OUT, MemoryType.ACC_8BIT):
            memory_type = MemoryType.ACC
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
    def canonical(self) -> str:
        """Everything a program depends on, in VTA's config-string style (no target, no bus)."""
        extensions = ("o" if self.overwrite else "") + ("q" if self.requantize else "")
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

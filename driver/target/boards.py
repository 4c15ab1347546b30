"""Boards known by name: addresses of registers and memory, and the clock of the design.

The memory is taken from Linux at boot (``mem=`` on the kernel's command line keeps it below) or,
better, reserved in the device tree (``docs/boards.md``).
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BOARDS", "DEFAULT_BOARD", "Board"]


@dataclass(frozen=True)
class Board:
    """Addresses are physical, in bytes; ``clock_hz`` is that of the accelerator."""

    name: str
    regs: int
    base: int
    size: int
    clock_hz: int


BOARDS = {
    board.name: board
    for board in (
        # Zynq-7000, 512 MiB: first slave of M_AXI_GP0; the uppermost 16 MiB of memory
        Board("pynq-z1", 0x43C0_0000, 0x1F00_0000, 16 << 20, 100_000_000),
        Board("pynq-z2", 0x43C0_0000, 0x1F00_0000, 16 << 20, 100_000_000),
        # Zynq UltraScale+, 2 GiB: first slave of M_AXI_HPM0_FPD
        Board("ultra96", 0xA000_0000, 0x7F00_0000, 16 << 20, 100_000_000),
    )
}
DEFAULT_BOARD = "pynq-z2"

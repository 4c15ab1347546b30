"""``devmem://``: registers and memory through /dev/mem, on the board's own processor."""

from __future__ import annotations

import os
import re
from dataclasses import replace

from ...isa.config import Config
from ..target.boards import BOARDS, DEFAULT_BOARD, Board
from .mapped import REGISTER_BYTES, MappedMemory, MappedTarget, Memory, Region, open_device
from .udmabuf import DmaBuffer

__all__ = ["open_devmem"]

_KNOWN = ("buffer", "clock", "device", "regs")


def open_devmem(
    *, location: str, config: Config, base: int, size: int, options: dict[str, str]
) -> MappedTarget:
    """Open ``devmem://BOARD`` (entry point of group ``myvta.targets``).

    Parameters
    ----------
    location : str
        A name of :data:`~myvta.driver.target.boards.BOARDS`; ``""`` is :data:`DEFAULT_BOARD`.
    base, size : int
        Physical memory; size 0 takes the board's.
    options : dict
        ``regs=`` physical address of the registers, ``buffer=`` a u-dma-buf in place of mem,
        ``clock=`` of the device in Hz, ``device=`` another file than /dev/mem.
    """
    board = _board(location, options)
    if size and "buffer" in options:
        raise ValueError("mem= and buffer= both say where the memory is")
    if size:
        board = replace(board, base=base, size=size)
    file = open_device(options.get("device", "/dev/mem"))
    try:
        registers = Region(file, board.regs, REGISTER_BYTES, "the registers")
        memory: Memory | None = None
        try:
            if "buffer" in options:
                memory = DmaBuffer(options["buffer"])
            else:
                memory = MappedMemory(
                    Region(file, board.base, board.size, "the memory"), board.base
                )
            return MappedTarget(registers, memory, config, board.clock_hz)
        except BaseException:
            registers.close()
            if memory is not None:
                memory.close()
            raise
    finally:
        os.close(file)


def _board(location: str, options: dict[str, str]) -> Board:
    unknown = [name for name in options if name not in _KNOWN]
    if unknown:
        raise ValueError(f"no option {unknown[0]!r}; known: {', '.join(_KNOWN)}")
    name = location or DEFAULT_BOARD
    if name not in BOARDS:
        raise ValueError(f"no board {name!r}; known: {', '.join(sorted(BOARDS))}")
    board = BOARDS[name]
    if "regs" in options:
        board = replace(board, regs=_number("regs", options["regs"]))
    if "clock" in options:
        board = replace(board, clock_hz=_number("clock", options["clock"]))
    if board.regs % REGISTER_BYTES or board.regs >= 1 << 40:
        raise ValueError(f"regs must be a multiple of {REGISTER_BYTES:#x}, not {board.regs:#x}")
    return board


def _number(name: str, text: str) -> int:
    if not re.fullmatch(r"0[xX][0-9a-fA-F]+|[0-9]+", text):
        raise ValueError(f"{name} must be a number, not {text!r}")
    return int(text, 16 if text[:2].lower() == "0x" else 10)

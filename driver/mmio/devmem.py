"""``devmem://``: registers and memory through /dev/mem, on the board's own processor."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Mapping
from dataclasses import replace

from ..target.boards import BOARDS, DEFAULT_BOARD, Board
from ..target.schemes import Advice, OpenRequest, TargetScheme
from .mapped import (
    NO_DEVICE,
    REGISTER_BYTES,
    MappedMemory,
    MappedTarget,
    Memory,
    Region,
    open_device,
)
from .udmabuf import DmaBuffer

__all__ = ["SCHEME", "open_devmem"]

_KNOWN = ("buffer", "clock", "device", "regs")


def open_devmem(request: OpenRequest) -> MappedTarget:
    """Open ``devmem://BOARD``.

    The location is a name of :data:`~myvta.driver.target.boards.BOARDS`; ``""`` is
    :data:`DEFAULT_BOARD`.  Without ``mem=`` the window is the board's.  Options: ``regs=`` physical
    address of the registers, ``buffer=`` a u-dma-buf in place of mem, ``clock=`` of the device in
    Hz, ``device=`` another file than /dev/mem.
    """
    options = request.options
    board = _board(request.location, options)
    if request.window and "buffer" in options:
        raise ValueError("mem= and buffer= both say where the memory is")
    if request.window:
        board = replace(board, base=request.window[0], size=request.window[1])
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
            target = MappedTarget(registers, memory, request.config, board.clock_hz)
            target.uses_physical_memory = not {"buffer", "device"} & set(options)
            return target
        except BaseException:
            registers.close()
            if memory is not None:
                memory.close()
            raise
    finally:
        os.close(file)


def _board(location: str, options: Mapping[str, str]) -> Board:
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


SCHEME = TargetScheme(open_devmem, Advice(
    {
        errno.EACCES: "memory is root's: run it with sudo, or use uio:// with a udev rule",
        errno.ENOENT: "this kernel has no /dev/mem: use uio:// with u-dma-buf",
        errno.EPERM: "the kernel keeps this memory to itself (STRICT_DEVMEM): reserve it in the "
                     "device tree, or use uio:// with u-dma-buf",
    },
    no_device=NO_DEVICE,
))
"""The scheme ``devmem://``."""

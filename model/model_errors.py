"""Errors inside the model."""

from __future__ import annotations

from ..isa.instructions import Instruction
from ..isa.opcodes import ErrorCode

__all__ = ["DeviceFault", "UnwrittenReadWarning"]


class UnwrittenReadWarning(UserWarning):
    """A launch read scratchpad tiles never written before (only reported with ``strict``)."""


class DeviceFault(Exception):
    """A launch that ends in error, as registers ERROR_CODE and ERROR_INDEX report it.

    Raised where the fault is found, mostly without knowing the position in the stream; the
    scheduler adds that with :meth:`locate`.

    Attributes
    ----------
    code : ErrorCode
    index : int or None
        Position in the stream of the instruction at fault.
    detail : str
        The reason in words.
    instruction : Instruction or None
        The instruction at fault, None if there is none (ALIGNMENT, NO_FINISH).
    listing : str
        The instruction as the disassembler writes it, "" without one.
    address : int
        WINDOW and BUS: the first byte address that was refused or failed; it may pass 2^32.
    """

    def __init__(
        self,
        code: ErrorCode,
        detail: str,
        *,
        index: int | None = None,
        instruction: Instruction | None = None,
        listing: str = "",
        address: int = 0,
    ):
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.index = index
        self.instruction = instruction
        self.listing = listing
        self.address = address

    def locate(self, index: int, instruction: Instruction | None, listing: str) -> DeviceFault:
        """Add the position in the stream and the instruction; returns the fault itself."""
        self.index, self.instruction, self.listing = index, instruction, listing
        return self

    def __str__(self) -> str:
        position = "" if self.index is None else f" at instruction {self.index}"
        line = f"\n  {self.listing}" if self.listing else ""
        return f"{self.code.name}{position}: {self.detail}{line}"

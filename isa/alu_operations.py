"""ALU operations as rows: operands, immediate and extension of each, once.

Legality, model, timing model, static checker, assembler, drivers and RTL read these rows; none of
them compares opcodes to determine the needs of an operation.
"""

from __future__ import annotations

from dataclasses import dataclass

from .config import Config
from .opcodes import AluOpcode, Reduction, RqtFlag

__all__ = [
    "ALU_OPERATIONS", "AluOperation", "RQT_BITS", "RQT_LOOKUP_BITS", "RQT_TABLE", "immediate_fault",
    "source_tiles",
]

RQT_BITS = 11  # of RQT's immediate that are defined without LOOKUP; those above must be 0
RQT_TABLE = RqtFlag.LOOKUP + 1  # lowest bit of the table's number
RQT_LOOKUP_BITS = RQT_TABLE + 2  # defined bits with LOOKUP


@dataclass(frozen=True, kw_only=True)
class AluOperation:
    """One operation.

    Attributes
    ----------
    opcode : AluOpcode
    result : str
        Lane by lane, for the documentation: p is a lane of ``ACC[dst]``, q the immediate or a lane
        of ``ACC[src]``.
    parameter_tiles : int
        Consecutive tiles from ``ACC[src]`` on that a step reads in addition to its immediate; 0
        for operations whose immediate replaces ``ACC[src]``.
    reads_destination : bool
        Whether the result depends on ``ACC[dst]``.
    needs_tensor : bool
        ``use_imm`` must be 0; the immediate holds options.
    extension : str
        Attribute of :class:`Config` that must be set, ``""`` for the base ISA.
    """

    opcode: AluOpcode
    result: str
    parameter_tiles: int = 0
    needs_tensor: bool = False
    reads_destination: bool = True
    extension: str = ""

    @property
    def has_options(self) -> bool:
        """Whether the immediate holds options of the operation instead of an operand."""
        return self.needs_tensor or self.needs_immediate

    @property
    def needs_immediate(self) -> bool:
        """Whether ``use_imm`` must be 1: ``ACC[src]`` holds parameters, not the second operand."""
        return self.parameter_tiles > 0

    def supported(self, config: Config) -> bool:
        """Return whether a configuration has the operation."""
        return not self.extension or bool(getattr(config, self.extension))


_ROWS = (
    AluOperation(opcode=AluOpcode.MIN, result="min(p, q), signed"),
    AluOperation(opcode=AluOpcode.MAX, result="max(p, q), signed"),
    AluOperation(opcode=AluOpcode.ADD, result="p + q, 32-bit wrap"),
    AluOperation(
        opcode=AluOpcode.SHR,
        result="q >= 0: p >> q arithmetically; q < 0: p << -q; the amount saturates",
    ),
    AluOperation(opcode=AluOpcode.MUL, result="low 32 bits of p * q"),
    AluOperation(
        opcode=AluOpcode.RQT,
        result="requantize by the parameter tiles `ACC[src]`, +1, +2 (extension)",
        parameter_tiles=3, extension="requantize",
    ),
    AluOperation(
        opcode=AluOpcode.RED,
        result="sum (32-bit wrap), maximum or minimum of all lanes of `ACC[src]`, in every lane, "
        "each batch row by itself (extension)",
        needs_tensor=True, reads_destination=False, extension="reduce",
    ),
)

ALU_OPERATIONS: dict[int, AluOperation] = {row.opcode: row for row in _ROWS}
"""The defined operations by opcode; an opcode without an entry is undefined (ALU_OPCODE)."""


def immediate_fault(operation: AluOperation, imm: int, config: Config) -> str:
    """Return the reason why the options in an operation's immediate are illegal, "" if legal.

    Parameters
    ----------
    imm
        Signed or not.
    """
    imm &= 0xFFFF
    name = operation.opcode.name
    if operation.opcode == AluOpcode.RED:
        return "" if imm in set(Reduction) else (
            f"{name} immediate {imm:#06x}: must be one of "
            + ", ".join(f"{kind.value} ({kind.name})" for kind in Reduction))
    if operation.opcode == AluOpcode.RQT:
        bits = RQT_LOOKUP_BITS if config.lookup and imm >> RqtFlag.LOOKUP & 1 else RQT_BITS
        return f"{name} immediate {imm:#06x}: bits 15:{bits} must be 0" if imm >> bits else ""
    return ""


def source_tiles(alu_opcode: int, use_imm: int) -> int:
    """Return how many consecutive tiles from ``ACC[src]`` on a step of a defined operation reads.

    RQT: bias, multiplier and shift.  Others: one, none with an immediate.
    """
    return ALU_OPERATIONS[alu_opcode].parameter_tiles or int(not use_imm)

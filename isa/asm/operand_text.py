"""Syntax of the text form, once: mnemonics, operands and flags (docs/assembly.md).

The assembler and the disassembler share these tables.  Bit positions are those of
:mod:`myvta.isa.fields`.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..alu_operations import ALU_OPERATIONS
from ..instructions import Alu, Dwc, Finish, Gemm, Load, Store
from ..opcodes import AluOpcode, MemoryType, Reduction, RqtFlag

__all__ = [
    "ALU_OPCODES", "FORMATS", "MEMORY_TYPES", "REDUCTIONS", "RQT_FLAGS", "DramBuffer",
    "OperandSyntax", "StatementSyntax",
]


@dataclass(frozen=True)
class OperandSyntax:
    """``name=value`` with one value for each field, joined by the separator."""

    name: str
    fields: tuple[str, ...]
    separator: str
    required: bool = False

    @property
    def shape(self) -> str:
        """Syntax of its value, in field names."""
        return self.separator.join(f"<{field}>" for field in self.fields)


@dataclass(frozen=True)
class StatementSyntax:
    """One mnemonic: its instruction class, subject, operands and flags."""

    cls: type[Load | Store | Gemm | Dwc | Alu | Finish]
    subject: str  # field that the word after the mnemonic names, or ""
    operands: tuple[OperandSyntax, ...]
    flags: tuple[str, ...]

    def operand(self, name: str) -> OperandSyntax | None:
        """Return the operand of a name, or None."""
        return next((operand for operand in self.operands if operand.name == name), None)


@dataclass(frozen=True)
class DramBuffer:
    """A name for DRAM: ``count`` elements of a memory type from an element address on.

    The address counts elements from the type's base pointer, as the instructions do (byte address:
    rule D21 of docs/device.md).  A count of None leaves the end open.
    """

    name: str
    memory_type: MemoryType
    address: int
    count: int | None = None


MEMORY_TYPES = {
    "wgt4" if kind == MemoryType.WGT_4BIT else kind.name.lower(): kind for kind in MemoryType
}
REDUCTIONS = {f"red.{kind.name.lower()}": kind for kind in Reduction}
"""Names of RED with its immediate."""
ALU_OPCODES = {
    row.opcode.name.lower(): row.opcode for row in ALU_OPERATIONS.values()
    if row.opcode != AluOpcode.RED
} | dict.fromkeys(REDUCTIONS, AluOpcode.RED)
RQT_FLAGS = {flag.name.lower(): 1 << flag for flag in RqtFlag if flag != RqtFlag.LOOKUP}

_MEMORY = (
    OperandSyntax("sram", ("sram_base",), ""),
    OperandSyntax("dram", ("dram_base",), ""),
    OperandSyntax("rows", ("y_size",), ""),
    OperandSyntax("cols", ("x_size",), "", required=True),
    OperandSyntax("stride", ("x_stride",), ""),
    OperandSyntax("pad", ("y_pad_0", "y_pad_1", "x_pad_0", "x_pad_1"), ","),
)
_TO = OperandSyntax("to", ("dram_base",), "")  # tile or row on chip that STORE forwards to
_STEPS = (
    OperandSyntax("uops", ("uop_bgn", "uop_end"), ":", required=True),
    OperandSyntax("loop", ("iter_out", "iter_in"), "x"),
    OperandSyntax("dst", ("dst_factor_out", "dst_factor_in"), ","),
    OperandSyntax("src", ("src_factor_out", "src_factor_in"), ","),
)
_WEIGHT = OperandSyntax("wgt", ("wgt_factor_out", "wgt_factor_in"), ",")
_PITCH = OperandSyntax("pitch", ("row_pitch",), "")
_WINDOW = OperandSyntax("window", ("window_rows", "window_columns"), "x", required=True)
_IMMEDIATE = OperandSyntax("imm", ("imm",), "")
_ZERO_POINT = OperandSyntax("zero_point", ("zero_point",), "")
_TABLE = OperandSyntax("lut", ("table",), "")

FORMATS: dict[str, StatementSyntax] = {
    "load": StatementSyntax(Load, "memory_type", _MEMORY, ()),
    "store": StatementSyntax(Store, "memory_type", (*_MEMORY, _TO), ()),
    "gemm": StatementSyntax(Gemm, "", (*_STEPS, _WEIGHT), ("reset", "overwrite")),
    "dwc": StatementSyntax(Dwc, "", (*_STEPS, _PITCH, _WINDOW), ("reset", "overwrite")),
    "alu": StatementSyntax(
        Alu, "alu_opcode", (*_STEPS, _IMMEDIATE, _ZERO_POINT, _TABLE), tuple(RQT_FLAGS)),
    "finish": StatementSyntax(Finish, "", (), ()),
}
"""Every mnemonic; each also takes the four dependency flags."""

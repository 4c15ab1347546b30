"""Syntax of the text form, once: mnemonics, operands and flags (docs/assembly.md).

The assembler reads these tables, the disassembler writes by them and the documentation is made
from them.  Which bits a field has stands in :mod:`myvta.isa.fields` alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from .instructions import Alu, Finish, Gemm, Load, Store
from .opcodes import AluOpcode, MemoryType, RqtFlag

__all__ = [
    "ALU_OPCODES", "FORMATS", "MEMORY_TYPES", "RQT_FLAGS", "TOKENS", "Buffer", "Format", "Operand",
]


@dataclass(frozen=True)
class Operand:
    """``name=value`` with one value for each field, between them the separator."""

    name: str
    fields: tuple[str, ...]
    separator: str
    meaning: str
    required: bool = False

    @property
    def shape(self) -> str:
        """How its value is written, in words of the fields."""
        return self.separator.join(f"<{field}>" for field in self.fields)


@dataclass(frozen=True)
class Format:
    """One mnemonic: its instruction class, what follows the mnemonic, its operands and flags."""

    cls: type[Load | Store | Gemm | Alu | Finish]
    subject: str  # field that the word after the mnemonic names, or ""
    operands: tuple[Operand, ...]
    flags: tuple[str, ...]

    def operand(self, name: str) -> Operand | None:
        """Return the operand of a name, or None."""
        return next((operand for operand in self.operands if operand.name == name), None)


@dataclass(frozen=True)
class Buffer:
    """A name for DRAM: ``count`` elements of a memory type from an element address on.

    The address counts elements from the type's base pointer, as the instructions do (D21).  A count
    of None leaves the end open.
    """

    name: str
    memory_type: MemoryType
    address: int
    count: int | None = None


TOKENS = ("pop_prev", "pop_next", "push_prev", "push_next")
MEMORY_TYPES = {kind.name.lower(): kind for kind in MemoryType}
ALU_OPCODES = {kind.name.lower(): kind for kind in AluOpcode}
RQT_FLAGS = {flag.name.lower(): 1 << flag for flag in RqtFlag}

_MEMORY = (
    Operand("sram", ("sram_base",), "", "first element in the scratchpad"),
    Operand("dram", ("dram_base",), "", "element address in memory: a number or `@buffer+offset`"),
    Operand("rows", ("y_size",), "", "rows"),
    Operand("cols", ("x_size",), "", "elements of a row; 0 moves nothing", required=True),
    Operand("stride", ("x_stride",), "", "elements between row starts in memory; else `cols`"),
    Operand(
        "pad", ("y_pad_0", "y_pad_1", "x_pad_0", "x_pad_1"), ",",
        "zero rows above and below, zero elements left and right",
    ),
)
_STEPS = (
    Operand(
        "uops", ("uop_bgn", "uop_end"), ":",
        "micro-ops of a step group, the end excluded; or the name of a `.uops` section",
        required=True,
    ),
    Operand("loop", ("iter_out", "iter_in"), "x", "trips of the outer and the inner loop"),
    Operand("dst", ("dst_factor_out", "dst_factor_in"), ",", "accumulator tiles per trip"),
    Operand("src", ("src_factor_out", "src_factor_in"), ",", "source tiles per trip"),
)
_WEIGHT = Operand("wgt", ("wgt_factor_out", "wgt_factor_in"), ",", "weight tiles per trip")
_IMMEDIATE = Operand("imm", ("imm",), "", "second operand for every lane, in place of `src`")
_ZERO_POINT = Operand("zero_point", ("zero_point",), "", "`rqt` only: what real zero becomes")

FORMATS: dict[str, Format] = {
    "load": Format(Load, "memory_type", _MEMORY, ()),
    "store": Format(Store, "memory_type", _MEMORY, ()),
    "gemm": Format(Gemm, "", (*_STEPS, _WEIGHT), ("reset", "overwrite")),
    "alu": Format(Alu, "alu_opcode", (*_STEPS, _IMMEDIATE, _ZERO_POINT), tuple(RQT_FLAGS)),
    "finish": Format(Finish, "", (), ()),
}
"""Every mnemonic; each takes the four :data:`TOKENS` as flags besides."""

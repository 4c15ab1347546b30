"""Every instruction and micro-op field, once, derived from a configuration.

Positions follow the packing of VTA's C structs (vta_isa.md section 2.7): fields are placed LSB
first in table order; a field that would cross a 64-bit boundary starts at the next 64-bit word.
RTL decoders, model, assembler and docs all read these tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from .geometry import Geometry
from .opcodes import Opcode
from .token_queues import TOKEN_FLAGS

__all__ = [
    "BitField", "MAX_ITERATIONS", "WITH_OVERWRITE", "WordLayout", "fit_problems", "layout",
    "uop_layout",
]

_ITERATION_BITS = 14
MAX_ITERATIONS = (1 << _ITERATION_BITS) - 1
"""Of each of the two loops of a GEMM or ALU instruction."""


@dataclass(frozen=True)
class BitField:
    """A bit field ``[hi-1:lo]`` of an instruction word or micro-op."""

    name: str
    lo: int
    width: int
    signed: bool = False

    @property
    def hi(self) -> int:
        """Exclusive upper bit, as MyHDL slices: ``word[hi:lo]``."""
        return self.lo + self.width

    @property
    def minimum(self) -> int:
        """Smallest value."""
        return -(1 << (self.width - 1)) if self.signed else 0

    @property
    def maximum(self) -> int:
        """Largest value."""
        return (1 << (self.width - self.signed)) - 1

    def get(self, word: int) -> int:
        """Extract the field from a word."""
        value = (word >> self.lo) & ((1 << self.width) - 1)
        return value - (1 << self.width) if self.signed and value > self.maximum else value

    def put(self, value: int) -> int:
        """Return the value at the field's position; raises ValueError when it does not fit."""
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"{self.name} must be {self.minimum}..{self.maximum}, not {value}")
        return (value & ((1 << self.width) - 1)) << self.lo


class WordLayout(dict):
    """Fields of one format by name, in table order."""

    def pack(self, values: dict[str, int]) -> int:
        """Pack values by field name (missing ones are 0); raises ValueError naming the field."""
        word = 0
        for name, value in values.items():
            if name in self:
                word |= self[name].put(value)
            elif value:
                raise ValueError(f"{name} must be 0 here, where it has no place, not {value}")
        return word

    def unpack(self, word: int) -> dict[str, int]:
        """Unpack a word into values by field name."""
        return {name: field.get(word) for name, field in self.items()}

    @property
    def mask(self) -> int:
        """Bits that belong to a field; the others are undefined."""
        return sum(((1 << field.width) - 1) << field.lo for field in self.values())


_COMMON = (("opcode", 3), *((flag, 1) for flag in TOKEN_FLAGS))
_MEMORY = (
    *_COMMON, ("memory_type", 3), ("sram_base", 16), ("dram_base", 32), ("y_size", 16),
    ("x_size", 16), ("x_stride", 16), ("y_pad_0", 4), ("y_pad_1", 4), ("x_pad_0", 4),
    ("x_pad_1", 4),
)
WITH_OVERWRITE = (Opcode.GEMM, Opcode.DWC)
"""The formats of array steps, which have a bit ``overwrite``."""
_OVERWRITE_BIT = 63


def _rows(opcode: Opcode, config: Geometry) -> tuple[tuple[str, int], ...]:
    acc, inp, wgt = config.log_acc_depth, config.log_inp_depth, config.log_wgt_depth
    steps = (
        *_COMMON, ("reset", 1), ("uop_bgn", config.log_uop_depth),
        ("uop_end", config.log_uop_depth + 1),
        ("iter_out", _ITERATION_BITS), ("iter_in", _ITERATION_BITS),
    )
    if opcode in (Opcode.LOAD, Opcode.STORE):
        return _MEMORY
    if opcode == Opcode.FINISH:
        return _COMMON
    if opcode in WITH_OVERWRITE:
        last = ("wgt_factor_out", "wgt_factor_in") if opcode == Opcode.GEMM else (
            "row_pitch", "window")
        return (
            *steps, ("dst_factor_out", acc), ("dst_factor_in", acc), ("src_factor_out", inp),
            ("src_factor_in", inp), *((name, wgt) for name in last),
        )
    return (
        *steps, ("dst_factor_out", acc), ("dst_factor_in", acc), ("src_factor_out", acc),
        ("src_factor_in", acc), ("alu_opcode", 3), ("use_imm", 1), ("imm", 16),
    )


def _place(rows: tuple[tuple[str, int], ...]) -> WordLayout:
    out, position = WordLayout(), 0
    for name, width in rows:
        if position // 64 != (position + width - 1) // 64:
            position = (position // 64 + 1) * 64
        out[name] = BitField(name, position, width, signed=name == "imm")
        position += width
    return out


@cache
def layout(opcode: Opcode, config: Geometry) -> WordLayout:
    """Fields of an instruction format.

    ``overwrite`` of GEMM and DWC is among them whether configured or not, so that a device without
    it can detect a request for it; it is absent only where another field occupies its bit.

    ALU instructions reserve the position of the ``reset`` bit, which is never read (vta_isa.md
    2.4): it is not in their layout.
    """
    out = _place(_rows(opcode, config))
    if opcode == Opcode.ALU:
        del out["reset"]
    if opcode in WITH_OVERWRITE and not out.mask >> _OVERWRITE_BIT & 1:
        out["overwrite"] = BitField("overwrite", _OVERWRITE_BIT, 1)
    return out


@cache
def uop_layout(config: Geometry) -> WordLayout:
    """Fields of a 32-bit micro-op: dst (ACC), src (INP or ACC), wgt (WGT)."""
    acc, inp = config.log_acc_depth, config.log_inp_depth
    return _place((("dst", acc), ("src", max(acc, inp)), ("wgt", config.log_wgt_depth)))


def fit_problems(config: Geometry) -> list[str]:
    """Describe the fields that do not fit the 128-bit instruction or the 32-bit micro-op."""
    problems = []
    for opcode in (Opcode.GEMM, Opcode.ALU):
        placed = _place(_rows(opcode, config))
        for name, limit in (("iter_in", 64), (list(placed)[-1], 128)):
            if placed[name].hi > limit:
                problems.append(
                    f"{opcode.name} field {name} ends at bit {placed[name].hi - 1}, past bit "
                    f"{limit - 1}: reduce the buffer sizes"
                )
    if config.overwrite and _place(_rows(Opcode.GEMM, config)).mask >> _OVERWRITE_BIT & 1:
        problems.append(
            f"GEMM field overwrite needs bit {_OVERWRITE_BIT}, which another field reaches: change "
            "the buffer sizes or do without it"
        )
    last = uop_layout.__wrapped__(config)["wgt"]
    if last.hi > 32:
        problems.append(
            f"micro-op field wgt ends at bit {last.hi - 1}, past bit 31: reduce the buffer sizes"
        )
    return problems

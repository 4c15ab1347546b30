"""Static faults as tables for ROMs: what isa.legality says of encodings, by a few bits of a word.

Every entry is an ``ErrorCode``, 0 for none; the decoders look codes up and hold no rules of
their own.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...isa.alu_operations import ALU_OPERATIONS, RQT_BITS
from ...isa.config import Config
from ...isa.instructions import Alu, Instruction, Load, Store, decode
from ...isa.legality import Legality
from ...isa.opcodes import AluOpcode, ErrorCode

__all__ = [
    "RED_INDEX_BITS", "RQT_INDEX_BITS", "load_faults", "opcode_faults", "operation_faults",
    "red_faults", "rqt_faults", "store_faults",
]

_CODES = range(8)  # values of a 3-bit field
RQT_INDEX_BITS = 1 + 16 - RQT_BITS
RED_INDEX_BITS = 1 + 1 + 2


def opcode_faults(config: Config) -> tuple[int, ...]:
    """Return the faults of opcodes, with all other bits of the word 0."""
    return _codes(config, (decode(code, config) for code in _CODES))


def load_faults(config: Config) -> tuple[int, ...]:
    """Return the faults of LOAD's memory types."""
    return _codes(config, (Load(memory_type=kind) for kind in _CODES))


def store_faults(config: Config) -> tuple[int, ...]:
    """Return the faults of STORE's memory types where it moves something."""
    return _codes(config, (Store(memory_type=kind, x_size=1) for kind in _CODES))


def operation_faults(config: Config) -> tuple[int, ...]:
    """Return the faults of ALU opcodes with a legal immediate."""
    with_immediate = {code for code, row in ALU_OPERATIONS.items() if row.needs_immediate}
    return _codes(
        config, (Alu(alu_opcode=code, use_imm=code in with_immediate) for code in _CODES))


def rqt_faults(config: Config) -> tuple[int, ...]:
    """Return the faults of RQT by {use_imm, the immediate's bits above the plain options}."""
    return _codes(config, (
        Alu(alu_opcode=AluOpcode.RQT, use_imm=index >> 16 - RQT_BITS,
            imm=(index << RQT_BITS) & 0xFFFF)
        for index in range(1 << RQT_INDEX_BITS)))


def red_faults(config: Config) -> tuple[int, ...]:
    """Return the faults of RED by {use_imm, whether a bit above the lowest two is set, those two}.
    """
    return _codes(config, (
        Alu(alu_opcode=AluOpcode.RED, use_imm=index >> 3, imm=index & 7)
        for index in range(1 << RED_INDEX_BITS)))


def _codes(config: Config, instructions: Iterable[Instruction]) -> tuple[int, ...]:
    legality = Legality(config)
    return tuple(
        int(ErrorCode.NONE if (fault := legality.fault(instruction)) is None else fault[0])
        for instruction in instructions)

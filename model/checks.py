"""Static faults: what is wrong with an instruction whatever the memories hold (D14, D17).

The device raises them when an instruction reaches the head of its module queue, before it waits
for tokens.  Several can hold at once; the first in the order of :data:`_CHECKS` is the one raised.
"""

from __future__ import annotations

from ..isa.config import Config
from ..isa.instructions import Alu, Finish, Gemm, Instruction, Load, Store, Undefined, route
from ..isa.opcodes import AluOpcode, ErrorCode, MemoryType, Module
from .errors import Fault

__all__ = ["check_static"]

_LOADABLE = (
    MemoryType.UOP, MemoryType.WGT, MemoryType.INP, MemoryType.ACC, MemoryType.ACC_8BIT,
)


def check_static(instruction: Instruction, config: Config) -> None:
    """Raise the first static Fault of an instruction, if it has one."""
    for code, find in _CHECKS:
        detail = find(instruction, config)
        if detail:
            raise Fault(code, detail)


def has_steps(instruction: Gemm | Alu) -> bool:
    """Say whether a GEMM or ALU instruction has at least one step (D8)."""
    return bool(
        instruction.uop_bgn < instruction.uop_end and instruction.iter_out and instruction.iter_in
    )


def footprint(load: Load) -> int:
    """Return how many scratchpad tiles a LOAD writes: data and padding (vta_isa.md 4.1)."""
    if not load.x_size:
        return 0
    width = load.x_pad_0 + load.x_size + load.x_pad_1
    return width * (load.y_pad_0 + load.y_size + load.y_pad_1)


def _opcode(instruction: Instruction, config: Config) -> str:
    if isinstance(instruction, Undefined):
        return f"opcode {instruction.opcode} is not defined"
    return ""


def _dependency(instruction: Instruction, config: Config) -> str:
    if isinstance(instruction, (Undefined, Finish)):
        return ""
    module = route(instruction)
    wrong = {
        Module.LOAD: ("pop_prev", "push_prev"),
        Module.STORE: ("pop_next", "push_next"),
        Module.COMPUTE: (),
    }[module]
    flags = [flag for flag in wrong if getattr(instruction, flag)]
    if flags:
        side = "previous" if module == Module.LOAD else "next"
        return f"{' and '.join(flags)} set, but {module.name.lower()} has no {side} module"
    return ""


def _memory_type(instruction: Instruction, config: Config) -> str:
    if isinstance(instruction, Load) and instruction.memory_type not in _LOADABLE:
        return f"memory type {instruction.memory_type} cannot be loaded"
    if isinstance(instruction, Store) and instruction.x_size:
        if instruction.memory_type != MemoryType.OUT:
            return f"memory type {instruction.memory_type} cannot be stored, only OUT"
    return ""


def _extension(instruction: Instruction, config: Config) -> str:
    if isinstance(instruction, Gemm) and instruction.overwrite and not config.overwrite:
        return "overwrite (bit 63), which this configuration does not have"
    if isinstance(instruction, Alu) and instruction.alu_opcode == AluOpcode.RQT:
        if not config.requantize:
            return "RQT, which this configuration does not have"
    return ""


def _alu_opcode(instruction: Instruction, config: Config) -> str:
    if isinstance(instruction, Alu) and instruction.alu_opcode not in tuple(AluOpcode):
        return f"ALU opcode {instruction.alu_opcode} is not defined"
    return ""


def _operand(instruction: Instruction, config: Config) -> str:
    if isinstance(instruction, Alu) and instruction.alu_opcode == AluOpcode.RQT:
        if not instruction.use_imm:
            return "RQT needs use_imm = 1"
        if (instruction.imm & 0xFFFF) >> 11:
            return f"RQT immediate {instruction.imm & 0xFFFF:#06x}: bits 15:11 must be 0"
    if isinstance(instruction, Store) and instruction.x_size:
        names = ("y_pad_0", "y_pad_1", "x_pad_0", "x_pad_1")
        padded = [name for name in names if getattr(instruction, name)]
        if padded:
            return f"{' and '.join(padded)} set, but STORE does not pad"
    return ""


def _sram_range(instruction: Instruction, config: Config) -> str:
    if isinstance(instruction, Load):
        tiles = footprint(instruction)
    elif isinstance(instruction, Store):
        tiles = instruction.x_size * instruction.y_size
    else:
        return ""
    kind = MemoryType(instruction.memory_type) if tiles else MemoryType.OUT
    end = instruction.sram_base + tiles
    if tiles and end > config.depth(kind):
        return (
            f"{tiles} tiles from {kind.name}[{instruction.sram_base}] end at {end}, "
            f"depth {config.depth(kind)}"
        )
    return ""


def _uop_range(instruction: Instruction, config: Config) -> str:
    if isinstance(instruction, (Gemm, Alu)) and has_steps(instruction):
        depth = config.depth(MemoryType.UOP)
        if instruction.uop_end > depth:
            return f"uop_end {instruction.uop_end} is past the end of UOP, depth {depth}"
    return ""


_CHECKS = (
    (ErrorCode.OPCODE, _opcode),
    (ErrorCode.DEPENDENCY, _dependency),
    (ErrorCode.MEMORY_TYPE, _memory_type),
    (ErrorCode.EXTENSION, _extension),
    (ErrorCode.ALU_OPCODE, _alu_opcode),
    (ErrorCode.OPERAND, _operand),
    (ErrorCode.SRAM_RANGE, _sram_range),
    (ErrorCode.UOP_RANGE, _uop_range),
)

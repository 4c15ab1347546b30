"""Static faults: errors of an instruction that do not depend on the contents of memories.

They are listed in docs/device.md: index out of range (rule D14), flag without neighbour (rule
D17), STORE of another type (rule D20), undefined encoding (rule D23).

The device raises them when an instruction reaches the head of its module queue, before it waits
for tokens; the static checker reports the same ones before a launch.  Several can occur at once;
the first in the order of :data:`_CHECKS` is raised.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .alu_operations import ALU_OPERATIONS
from .config import Config
from .instructions import Alu, Gemm, Instruction, Load, Store, Undefined, route
from .opcodes import ErrorCode, MemoryType, Module
from .token_queues import flags_without_queue

__all__ = ["Legality", "footprint", "has_steps"]

_LOADABLE = (
    MemoryType.UOP, MemoryType.WGT, MemoryType.INP, MemoryType.ACC, MemoryType.ACC_8BIT,
)


class Legality:
    """The static checks for one configuration."""

    def __init__(self, config: Config):
        self._config = config
        self._depth = {kind: config.depth(kind) for kind in MemoryType}

    def fault(self, instruction: Instruction) -> tuple[ErrorCode, str] | None:
        """Return code and wording of an instruction's first static fault, None if it has none."""
        for code, find in _CHECKS.get(type(instruction), ()):
            detail = find(instruction, self._config, self._depth)
            if detail:
                return code, detail
        return None


def has_steps(instruction: Gemm | Alu) -> bool:
    """Return whether a GEMM or ALU instruction has at least one step (zero trips: rule D8)."""
    return bool(
        instruction.uop_bgn < instruction.uop_end and instruction.iter_out and instruction.iter_in
    )


def footprint(load: Load) -> int:
    """Return how many scratchpad tiles a LOAD writes: data and padding (vta_isa.md 4.1)."""
    rows, columns = load.padded_shape
    return rows * columns


Depth = Mapping[MemoryType, int]


def _opcode(instruction: Undefined, config: Config, depth: Depth) -> str:
    return f"opcode {instruction.opcode} is not defined"


def _dependency(instruction: Load | Store, config: Config, depth: Depth) -> str:
    module = route(instruction)
    wrong = flags_without_queue(module)
    if not any(getattr(instruction, flag) for flag in wrong):
        return ""
    side = "previous" if module == Module.LOAD else "next"
    return f"{' or '.join(wrong)} is set, but {module.name.lower()} has no {side} module"


def _load_type(instruction: Load, config: Config, depth: Depth) -> str:
    if instruction.memory_type in _LOADABLE:
        return ""
    return f"memory type {instruction.memory_type} cannot be loaded"


def _store_type(instruction: Store, config: Config, depth: Depth) -> str:
    if instruction.x_size and instruction.memory_type != MemoryType.OUT:
        return f"memory type {instruction.memory_type} cannot be stored, only OUT"
    return ""


def _overwrite(instruction: Gemm, config: Config, depth: Depth) -> str:
    if instruction.overwrite and not config.overwrite:
        return "overwrite (bit 63), which this configuration does not have"
    return ""


def _alu_extension(instruction: Alu, config: Config, depth: Depth) -> str:
    operation = ALU_OPERATIONS.get(instruction.alu_opcode)
    if operation and not operation.supported(config):
        return f"{operation.opcode.name}, which this configuration does not have"
    return ""


def _alu_opcode(instruction: Alu, config: Config, depth: Depth) -> str:
    if instruction.alu_opcode in ALU_OPERATIONS:
        return ""
    return f"ALU opcode {instruction.alu_opcode} is not defined"


def _alu_operand(instruction: Alu, config: Config, depth: Depth) -> str:
    operation = ALU_OPERATIONS[instruction.alu_opcode]
    if not operation.needs_immediate:
        return ""
    name, bits = operation.opcode.name, operation.immediate_bits
    if not instruction.use_imm:
        return f"{name} needs use_imm = 1"
    imm = instruction.imm & 0xFFFF
    return f"{name} immediate {imm:#06x}: bits 15:{bits} must be 0" if imm >> bits else ""


def _store_padding(instruction: Store, config: Config, depth: Depth) -> str:
    pads = instruction.y_pad_0, instruction.y_pad_1, instruction.x_pad_0, instruction.x_pad_1
    if instruction.x_size and any(pads):
        return "padding is set, but STORE does not pad"
    return ""


def _load_range(instruction: Load, config: Config, depth: Depth) -> str:
    return _past_end(instruction, footprint(instruction), depth)


def _store_range(instruction: Store, config: Config, depth: Depth) -> str:
    return _past_end(instruction, instruction.x_size * instruction.y_size, depth)


def _past_end(instruction: Load | Store, tiles: int, depth: Depth) -> str:
    if not tiles:
        return ""
    kind = MemoryType(instruction.memory_type)
    end = instruction.sram_base + tiles
    if end <= depth[kind]:
        return ""
    first = f"{kind.name}[{instruction.sram_base}]"
    return f"{tiles} tiles from {first} end at {end}, depth {depth[kind]}"


def _uop_range(instruction: Gemm | Alu, config: Config, depth: Depth) -> str:
    limit = depth[MemoryType.UOP]
    if instruction.uop_end > limit and has_steps(instruction):
        return f"uop_end {instruction.uop_end} is past the end of UOP, depth {limit}"
    return ""


Check = tuple[ErrorCode, Callable[[Any, Config, Depth], str]]

_CHECKS: dict[type, tuple[Check, ...]] = {
    Undefined: ((ErrorCode.OPCODE, _opcode),),
    Load: (
        (ErrorCode.DEPENDENCY, _dependency),
        (ErrorCode.MEMORY_TYPE, _load_type),
        (ErrorCode.SRAM_RANGE, _load_range),
    ),
    Store: (
        (ErrorCode.DEPENDENCY, _dependency),
        (ErrorCode.MEMORY_TYPE, _store_type),
        (ErrorCode.OPERAND, _store_padding),
        (ErrorCode.SRAM_RANGE, _store_range),
    ),
    Gemm: ((ErrorCode.EXTENSION, _overwrite), (ErrorCode.UOP_RANGE, _uop_range)),
    Alu: (
        (ErrorCode.EXTENSION, _alu_extension),
        (ErrorCode.ALU_OPCODE, _alu_opcode),
        (ErrorCode.OPERAND, _alu_operand),
        (ErrorCode.UOP_RANGE, _uop_range),
    ),
}
"""The static faults of each kind of instruction, in the order in which they are checked."""

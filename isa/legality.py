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

from .alu_operations import ALU_OPERATIONS, immediate_fault
from .config import Config
from .geometry import MEMORY_TYPE_EXTENSIONS
from .instructions import (
    Alu,
    Dwc,
    Gemm,
    Instruction,
    Load,
    StepInstruction,
    Store,
    Undefined,
    route,
)
from .opcodes import AluOpcode, ErrorCode, MemoryType, Module, RqtFlag
from .token_queues import flags_without_queue

__all__ = ["Legality", "footprint", "forward_end", "forwards_to_weights", "has_steps"]


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


def has_steps(instruction: StepInstruction) -> bool:
    """Return whether a GEMM or ALU instruction has at least one step (zero trips: rule D8)."""
    return bool(
        instruction.uop_bgn < instruction.uop_end and instruction.iter_out and instruction.iter_in
    )


def footprint(load: Load) -> int:
    """Return how many scratchpad tiles a LOAD writes: data and padding (vta_isa.md 4.1)."""
    rows, columns = load.padded_shape
    return rows * columns


def forward_end(store: Store) -> int:
    """Return the index after the last INP tile or WGT row that a forwarding STORE writes.

    Rows of ``x_size`` are ``x_stride`` apart; 0 where it moves nothing.
    """
    if not store.x_size or not store.y_size:
        return 0
    return store.dram_base + (store.y_size - 1) * store.x_stride + store.x_size


def forwards_to_weights(config: Config) -> bool:
    """Return whether an OUT tile is a row of a WGT tile: batch 1 and operands of one width."""
    return config.forward and config.batch == 1 and config.inp_width == config.wgt_width


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


def _load_extension(instruction: Load, config: Config, depth: Depth) -> str:
    kind = MemoryType(instruction.memory_type)
    return _missing(MEMORY_TYPE_EXTENSIONS.get(kind), config, f"LOAD {kind.name}")


def _load_type(instruction: Load, config: Config, depth: Depth) -> str:
    if instruction.memory_type != MemoryType.OUT:
        return ""
    return f"memory type {instruction.memory_type} cannot be loaded"


def _store_extension(instruction: Store, config: Config, depth: Depth) -> str:
    if not instruction.x_size or not instruction.forwards:
        return ""
    return _missing("forward", config, f"STORE {MemoryType(instruction.memory_type).name}")


def _store_type(instruction: Store, config: Config, depth: Depth) -> str:
    kind = instruction.memory_type
    if not instruction.x_size or kind in (MemoryType.OUT, MemoryType.INP):
        return ""
    if kind != MemoryType.WGT:
        return f"memory type {kind} cannot be stored, only OUT" + (
            ", and INP and WGT on chip" if config.forward else "")
    return "" if forwards_to_weights(config) else (
        "results are no rows of WGT here: that takes batch 1 and operands of one width")


def _missing(name: str | None, config: Config, use: str) -> str:
    """Return that an instruction uses an extension which the configuration does not have."""
    if not name or getattr(config, name):
        return ""
    return f"{use}, which this configuration does not have ({name})"


def _overwrite(instruction: Gemm | Dwc, config: Config, depth: Depth) -> str:
    if instruction.overwrite and not config.overwrite:
        return _missing("overwrite", config, "overwrite (bit 63)")
    return ""


def _dwc_extension(instruction: Dwc, config: Config, depth: Depth) -> str:
    return _missing("depthwise", config, "DWC") or _overwrite(instruction, config, depth)


def _dwc_window(instruction: Dwc, config: Config, depth: Depth) -> str:
    if instruction.window < config.taps:
        return ""
    rows, columns = config.window
    return (
        f"window {instruction.window} is past {rows} rows of {columns} columns, the largest: "
        f"0..{config.taps - 1}"
    )


def _alu_extension(instruction: Alu, config: Config, depth: Depth) -> str:
    operation = ALU_OPERATIONS.get(instruction.alu_opcode)
    if operation and not operation.supported(config):
        return _missing(operation.extension, config, operation.opcode.name)
    if instruction.alu_opcode == AluOpcode.RQT and instruction.imm >> RqtFlag.LOOKUP & 1:
        return _missing("lookup", config, "RQT with a table")
    return ""


def _alu_opcode(instruction: Alu, config: Config, depth: Depth) -> str:
    if instruction.alu_opcode in ALU_OPERATIONS:
        return ""
    return f"ALU opcode {instruction.alu_opcode} is not defined"


def _alu_operand(instruction: Alu, config: Config, depth: Depth) -> str:
    operation = ALU_OPERATIONS[instruction.alu_opcode]
    if not operation.has_options:
        return ""
    if instruction.use_imm != operation.needs_immediate:
        return f"{operation.opcode.name} needs use_imm = {operation.needs_immediate:d}"
    return immediate_fault(operation, instruction.imm, config)


def _store_padding(instruction: Store, config: Config, depth: Depth) -> str:
    pads = instruction.y_pad_0, instruction.y_pad_1, instruction.x_pad_0, instruction.x_pad_1
    if instruction.x_size and any(pads):
        return "padding is set, but STORE does not pad"
    return ""


def _load_range(instruction: Load, config: Config, depth: Depth) -> str:
    return _past_end(instruction, footprint(instruction), depth)


def _store_range(instruction: Store, config: Config, depth: Depth) -> str:
    tiles = instruction.x_size * instruction.y_size
    source = _past_end(instruction, tiles, depth, MemoryType.OUT)
    if source or not instruction.forwards:
        return source
    kind, unit, limit = MemoryType(instruction.memory_type), "tile", depth[MemoryType.INP]
    if kind == MemoryType.WGT:
        unit, limit = "row", depth[MemoryType.WGT] * config.block_out
    end = forward_end(instruction)
    if end <= limit:
        return ""
    return f"the last {kind.name} {unit} it writes is {end - 1}, and {kind.name} has {limit}"


def _past_end(
    instruction: Load | Store, tiles: int, depth: Depth, kind: MemoryType | None = None
) -> str:
    if not tiles:
        return ""
    kind = MemoryType(instruction.memory_type) if kind is None else kind
    end = instruction.sram_base + tiles
    if end <= depth[kind]:
        return ""
    first = f"{kind.name}[{instruction.sram_base}]"
    return f"{tiles} tiles from {first} end at {end}, depth {depth[kind]}"


def _uop_range(instruction: StepInstruction, config: Config, depth: Depth) -> str:
    limit = depth[MemoryType.UOP]
    if instruction.uop_end > limit and has_steps(instruction):
        return f"uop_end {instruction.uop_end} is past the end of UOP, depth {limit}"
    return ""


Check = tuple[ErrorCode, Callable[[Any, Config, Depth], str]]

_CHECKS: dict[type, tuple[Check, ...]] = {
    Undefined: ((ErrorCode.OPCODE, _opcode),),
    Load: (
        (ErrorCode.DEPENDENCY, _dependency),
        (ErrorCode.EXTENSION, _load_extension),
        (ErrorCode.MEMORY_TYPE, _load_type),
        (ErrorCode.SRAM_RANGE, _load_range),
    ),
    Store: (
        (ErrorCode.DEPENDENCY, _dependency),
        (ErrorCode.EXTENSION, _store_extension),
        (ErrorCode.MEMORY_TYPE, _store_type),
        (ErrorCode.OPERAND, _store_padding),
        (ErrorCode.SRAM_RANGE, _store_range),
    ),
    Gemm: ((ErrorCode.EXTENSION, _overwrite), (ErrorCode.UOP_RANGE, _uop_range)),
    Dwc: (
        (ErrorCode.EXTENSION, _dwc_extension),
        (ErrorCode.OPERAND, _dwc_window),
        (ErrorCode.UOP_RANGE, _uop_range),
    ),
    Alu: (
        (ErrorCode.EXTENSION, _alu_extension),
        (ErrorCode.ALU_OPCODE, _alu_opcode),
        (ErrorCode.OPERAND, _alu_operand),
        (ErrorCode.UOP_RANGE, _uop_range),
    ),
}
"""The static faults of each kind of instruction, in the order in which they are checked."""

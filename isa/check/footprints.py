"""Read and write sets of each instruction: exact sets of tiles, and rows of memory.

INP, WGT, ACC and the lookup tables share one space of indices (:class:`Space`), so that a set is
one integer whatever memories it spans.  Micro-ops belong to compute alone and are followed apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..alu_operations import ALU_OPERATIONS, RQT_TABLE, source_tiles
from ..config import Config
from ..fields import layout, uop_layout
from ..geometry import SCRATCHPADS
from ..instructions import (
    FORWARD_TYPES,
    Alu,
    Dwc,
    Gemm,
    Instruction,
    Load,
    StepInstruction,
    Store,
    decode,
    route,
)
from ..legality import Legality, footprint, has_steps
from ..opcodes import AluOpcode, ErrorCode, MemoryType, Module, Opcode, RqtFlag
from .index_sets import grouped, moved_by, of_indices, repeated, runs, span
from .memory_map import Rows

__all__ = ["DecodedWord", "Footprints", "Space", "StepsOutside", "Touched", "uses_table"]

Words = NDArray[np.uint32]
_KEPT = 1 << 16  # sets remembered by step fields and micro-ops


_SHARED = (MemoryType.INP, MemoryType.WGT, MemoryType.ACC, MemoryType.LUT)


class Space:
    """The tiles of INP, WGT and ACC and the tables in one row; ``end`` is the first index after
    them.
    """

    def __init__(self, config: Config):
        self.base: dict[MemoryType, int] = {}
        first = 0
        for kind in _SHARED:
            self.base[kind] = first
            first += config.depth(kind)
        self.end = first
        for kind, scratchpad in SCRATCHPADS.items():
            if scratchpad in self.base:
                self.base[kind] = self.base[scratchpad]
        self._depth = {kind: config.depth(kind) for kind in MemoryType}

    def text(self, bits: int) -> str:
        """Return a set of tiles in words: ``INP[0..7], ACC[3]``."""
        parts = []
        for kind in _SHARED:
            own = bits >> self.base[kind] & (1 << self._depth[kind]) - 1
            if own:
                parts.append(f"{kind.name}[{runs(own)}]")
        return ", ".join(parts)


@dataclass(frozen=True)
class Touched:
    """Tiles read and written, as sets of :class:`Space`.

    ``weight_rows``: rows of WGT, a set of row indices, where an instruction writes single ones of
    the tiles.
    """

    reads: int = 0
    writes: int = 0
    weight_rows: int = 0


@dataclass(frozen=True)
class StepsOutside:
    """A step that indexes past the end of a scratchpad."""

    text: str


@dataclass(frozen=True)
class DecodedWord:
    """A decoded instruction without its address in memory.

    Attributes
    ----------
    instruction : Instruction
        With ``dram_base`` 0.
    module : Module
    flags : int
        The four token bits, ``pop_prev`` lowest.
    fault : (ErrorCode, str) or None
        Its static fault.
    touched : Touched
        Of LOAD and STORE; steps depend on micro-ops.
    kind : MemoryType or None
        Of a LOAD or STORE that moves something.
    rows : Rows or None
        Of a LOAD or STORE that accesses memory, from address 0.
    steps, loads_uops : bool
    """

    instruction: Instruction
    module: Module
    flags: int
    fault: tuple[ErrorCode, str] | None
    touched: Touched
    kind: MemoryType | None
    rows: Rows | None
    steps: bool
    loads_uops: bool


_NOTHING = Touched()


class Footprints:
    """Decodes words and computes their sets, once for each distinct word."""

    def __init__(self, config: Config):
        self.config, self.space = config, Space(config)
        self._legality = Legality(config)
        self._address = layout(Opcode.LOAD, config)["dram_base"]
        self._memory_type = layout(Opcode.STORE, config)["memory_type"]
        self._address_bits = self._address.put(self._address.maximum)
        self._depth = {kind: config.depth(kind) for kind in MemoryType}
        self._fields = uop_layout(config)
        self._decoded: dict[int, DecodedWord] = {}
        self._steps: dict[tuple[int, bytes], Touched | StepsOutside] = {}

    def decode(self, word: int) -> DecodedWord:
        """Return an instruction word decoded, without its address."""
        key = word & ~self._address_bits if self._has_address(word) else word
        decoded = self._decoded.get(key)
        if decoded is None:
            if len(self._decoded) >= _KEPT:
                self._decoded.clear()
            decoded = self._decoded[key] = self._analyse(key)
        return decoded

    def _has_address(self, word: int) -> bool:
        """Return whether ``dram_base`` of an instruction is an address in memory."""
        if word & 7 == Opcode.STORE:
            return self._memory_type.get(word) not in FORWARD_TYPES
        return word & 7 == Opcode.LOAD

    def address(self, word: int) -> int:
        """Return ``dram_base`` of a LOAD or STORE."""
        return self._address.get(word)

    def _analyse(self, word: int) -> DecodedWord:
        instruction = decode(word, self.config)
        fault, touched = self._legality.fault(instruction), _NOTHING
        kind, rows = None, None
        if fault is None and isinstance(instruction, (Load, Store)) and instruction.x_size:
            kind, base = MemoryType(instruction.memory_type), self.space.base
            if isinstance(instruction, Store) and instruction.forwards:
                kind, touched = None, self._forwarded(instruction)
            elif isinstance(instruction, Store):
                touched = Touched(reads=self._stored(instruction))
            elif kind != MemoryType.UOP:
                tiles = footprint(instruction)
                touched = Touched(writes=span(base[kind] + instruction.sram_base, tiles))
            moves = isinstance(instruction, Store) or bool(footprint(instruction))
            if kind is not None and instruction.y_size and moves:
                size = self.config.tile_bytes(kind)
                rows = Rows(
                    0, instruction.x_size * size, instruction.x_stride * size, instruction.y_size
                )
        return DecodedWord(
            instruction, route(instruction), word >> 3 & 15, fault, touched, kind, rows,
            steps=isinstance(instruction, (Gemm, Dwc, Alu)) and has_steps(instruction)
            and fault is None,
            loads_uops=isinstance(instruction, Load) and instruction.memory_type == MemoryType.UOP
            and bool(footprint(instruction)) and fault is None,
        )

    def _stored(self, instruction: Store) -> int:
        """Return the OUT tiles that a STORE reads."""
        first = self.space.base[MemoryType.OUT] + instruction.sram_base
        return span(first, instruction.x_size * instruction.y_size)

    def _forwarded(self, instruction: Store) -> Touched:
        """Return the tiles that a STORE to INP or WGT reads and writes."""
        kind = MemoryType(instruction.memory_type)
        written = repeated(
            span(instruction.dram_base, instruction.x_size), instruction.x_stride,
            instruction.y_size)
        reads, base = self._stored(instruction), self.space.base[kind]
        if kind == MemoryType.INP:
            return Touched(reads, written << base)
        return Touched(reads, grouped(written, self.config.block_out) << base, written)

    def of_steps(
        self, word: int, instruction: StepInstruction, uops: Words
    ) -> Touched | StepsOutside:
        """Return the tiles that an instruction of steps touches with its micro-ops, in order."""
        key = (word & ~0x78, uops.tobytes())
        touched = self._steps.get(key)
        if touched is None:
            if len(self._steps) >= _KEPT:
                self._steps.clear()
            touched = self._steps[key] = self._steps_of(instruction, uops)
        return touched

    def _steps_of(self, instruction: StepInstruction, uops: Words) -> Touched | StepsOutside:
        sets: dict[str, int] = {}
        for name, kind, offsets in self._tile_offsets(instruction):
            field = self._fields[name]
            indices = uops >> np.uint32(field.lo) & np.uint32(field.maximum)
            outer = getattr(instruction, f"{name}_factor_out", 0)
            inner = getattr(instruction, f"{name}_factor_in", 0)
            last = int(indices.max()) + offsets.bit_length() - 1
            last += (instruction.iter_out - 1) * outer + (instruction.iter_in - 1) * inner
            if last >= self._depth[kind]:
                return StepsOutside(
                    f"its last step reaches {name} {kind.name}[{last}], depth {self._depth[kind]}")
            bits = of_indices(indices, self._depth[kind])
            bits = repeated(repeated(bits, inner, instruction.iter_in), outer, instruction.iter_out)
            sets[name] = moved_by(bits, offsets) << self.space.base[kind]
        touched = _touched(instruction, sets)
        if isinstance(instruction, Alu) and uses_table(instruction):
            table = self.space.base[MemoryType.LUT] + (instruction.imm >> RQT_TABLE & 3)
            return Touched(touched.reads | 1 << table, touched.writes)
        return touched

    def _tile_offsets(self, instruction: StepInstruction) -> list[tuple[str, MemoryType, int]]:
        """Return the indices a step uses: name, memory, and the set of tiles from the index on."""
        wanted = [("dst", MemoryType.ACC, 1)]
        if isinstance(instruction, Alu):
            sources = source_tiles(instruction.alu_opcode, instruction.use_imm)
            return [*wanted, ("src", MemoryType.ACC, span(0, sources))] if sources else wanted
        if instruction.reset:
            return wanted
        inputs = 1
        if isinstance(instruction, Dwc):
            rows, columns = self.config.window_shape(instruction.window)
            inputs = repeated(span(0, columns), instruction.row_pitch, rows)
        return [*wanted, ("src", MemoryType.INP, inputs), ("wgt", MemoryType.WGT, 1)]


def uses_table(instruction: Alu) -> bool:
    """Return whether an ALU instruction reads a lookup table."""
    return instruction.alu_opcode == AluOpcode.RQT and bool(
        instruction.imm >> RqtFlag.LOOKUP & 1)


def _touched(instruction: StepInstruction, sets: Mapping[str, int]) -> Touched:
    written = sets["dst"]
    reads = sets.get("src", 0) | sets.get("wgt", 0)
    if isinstance(instruction, Alu):
        accumulates = ALU_OPERATIONS[instruction.alu_opcode].reads_destination
    else:
        accumulates = not (instruction.reset or instruction.overwrite)
    return Touched(reads | written if accumulates else reads, written)

"""Read and write sets of each instruction: exact sets of tiles, and rows of memory.

INP, WGT and ACC share one index space (:class:`Space`), so that one integer represents a set across
several memories.  Micro-ops are used by compute only and are tracked separately.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..alu_operations import source_tiles
from ..config import Config
from ..fields import layout, uop_layout
from ..instructions import Alu, Gemm, Instruction, Load, Store, decode, route
from ..legality import Legality, footprint, has_steps
from ..opcodes import ErrorCode, MemoryType, Module, Opcode
from .index_sets import of_indices, repeated, runs, span
from .memory_map import Rows

__all__ = ["DecodedWord", "Footprints", "Space", "StepsOutside", "Touched"]

Words = NDArray[np.uint32]
_KEPT = 1 << 16  # sets remembered by step fields and micro-ops


class Space:
    """The tiles of INP, WGT and ACC in one index range; ``end`` is the first index after them."""

    def __init__(self, config: Config):
        self.base: dict[MemoryType, int] = {}
        first = 0
        for kind in (MemoryType.INP, MemoryType.WGT, MemoryType.ACC):
            self.base[kind] = first
            first += config.depth(kind)
        self.end = first
        self.base[MemoryType.ACC_8BIT] = self.base[MemoryType.OUT] = self.base[MemoryType.ACC]
        self._depth = {kind: config.depth(kind) for kind in MemoryType}

    def text(self, bits: int) -> str:
        """Return a set of tiles in words: ``INP[0..7], ACC[3]``."""
        parts = []
        for kind in (MemoryType.INP, MemoryType.WGT, MemoryType.ACC):
            own = bits >> self.base[kind] & (1 << self._depth[kind]) - 1
            if own:
                parts.append(f"{kind.name}[{runs(own)}]")
        return ", ".join(parts)


@dataclass(frozen=True)
class Touched:
    """Tiles read and written, as sets of :class:`Space`."""

    reads: int = 0
    writes: int = 0


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
        self._address_bits = self._address.put(self._address.maximum)
        self._depth = {kind: config.depth(kind) for kind in MemoryType}
        self._fields = uop_layout(config)
        self._decoded: dict[int, DecodedWord] = {}
        self._steps: dict[tuple[int, bytes], Touched | StepsOutside] = {}

    def decode(self, word: int) -> DecodedWord:
        """Return an instruction word decoded, without its address."""
        key = word & ~self._address_bits if word & 7 in (Opcode.LOAD, Opcode.STORE) else word
        decoded = self._decoded.get(key)
        if decoded is None:
            if len(self._decoded) >= _KEPT:
                self._decoded.clear()
            decoded = self._decoded[key] = self._analyse(key)
        return decoded

    def address(self, word: int) -> int:
        """Return ``dram_base`` of a LOAD or STORE."""
        return self._address.get(word)

    def _analyse(self, word: int) -> DecodedWord:
        instruction = decode(word, self.config)
        fault, touched = self._legality.fault(instruction), _NOTHING
        kind, rows = None, None
        if fault is None and isinstance(instruction, (Load, Store)) and instruction.x_size:
            kind, base = MemoryType(instruction.memory_type), self.space.base
            if isinstance(instruction, Store):
                tiles = instruction.x_size * instruction.y_size
                touched = Touched(reads=span(base[kind] + instruction.sram_base, tiles))
            elif kind != MemoryType.UOP:
                tiles = footprint(instruction)
                touched = Touched(writes=span(base[kind] + instruction.sram_base, tiles))
            if instruction.y_size and (isinstance(instruction, Store) or footprint(instruction)):
                size = self.config.tile_bytes(kind)
                rows = Rows(
                    0, instruction.x_size * size, instruction.x_stride * size, instruction.y_size
                )
        return DecodedWord(
            instruction, route(instruction), word >> 3 & 15, fault, touched, kind, rows,
            steps=isinstance(instruction, (Gemm, Alu)) and has_steps(instruction) and fault is None,
            loads_uops=isinstance(instruction, Load) and instruction.memory_type == MemoryType.UOP
            and bool(footprint(instruction)) and fault is None,
        )

    def of_steps(self, word: int, instruction: Gemm | Alu, uops: Words) -> Touched | StepsOutside:
        """Return the tiles that a GEMM or ALU instruction touches with its micro-ops, in order."""
        key = (word & ~0x78, uops.tobytes())
        touched = self._steps.get(key)
        if touched is None:
            if len(self._steps) >= _KEPT:
                self._steps.clear()
            touched = self._steps[key] = self._steps_of(instruction, uops)
        return touched

    def _steps_of(self, instruction: Gemm | Alu, uops: Words) -> Touched | StepsOutside:
        factors = {"dst": (instruction.dst_factor_out, instruction.dst_factor_in),
                   "src": (instruction.src_factor_out, instruction.src_factor_in)}
        operands = [("dst", MemoryType.ACC, 1)]
        if isinstance(instruction, Gemm):
            factors["wgt"] = (instruction.wgt_factor_out, instruction.wgt_factor_in)
            if not instruction.reset:
                operands += [("src", MemoryType.INP, 1), ("wgt", MemoryType.WGT, 1)]
        elif sources := source_tiles(instruction.alu_opcode, instruction.use_imm):
            operands.append(("src", MemoryType.ACC, sources))
        sets: dict[str, int] = {}
        for name, kind, tiles in operands:
            field = self._fields[name]
            indices = uops >> np.uint32(field.lo) & np.uint32(field.maximum)
            outer, inner = factors[name]
            last = int(indices.max())
            last += (instruction.iter_out - 1) * outer + (instruction.iter_in - 1) * inner
            if last + tiles > self._depth[kind]:
                return StepsOutside(
                    f"its last step reaches {name} {kind.name}[{last + tiles - 1}], depth "
                    f"{self._depth[kind]}"
                )
            bits = of_indices(indices, self._depth[kind])
            bits = repeated(repeated(bits, inner, instruction.iter_in), outer, instruction.iter_out)
            bits = repeated(bits, 1, tiles)
            sets[name] = bits << self.space.base[kind]
        return _touched(instruction, sets)


def _touched(instruction: Gemm | Alu, sets: Mapping[str, int]) -> Touched:
    written = sets["dst"]
    reads = sets.get("src", 0) | sets.get("wgt", 0)
    if isinstance(instruction, Alu) or not (instruction.reset or instruction.overwrite):
        reads |= written
    return Touched(reads, written)

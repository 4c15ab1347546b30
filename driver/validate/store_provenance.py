"""Which instructions wrote a byte of memory: the STORE, and the last writer of its tile."""

from __future__ import annotations

from ...isa.asm.disassembler import format_instruction
from ...isa.check.footprints import Footprints, Touched
from ...isa.check.index_sets import span
from ...isa.check.memory_map import MemoryMap, Rows
from ...isa.check.static_checker import StreamChecker
from ...isa.instructions import Store, words
from ...isa.opcodes import INSTRUCTION_BYTES, MemoryType
from ..program.launch_partition import LaunchLayer
from ..program.program import LaunchStep, Program
from ..program.program_check import launch_bases
from .validate_report import Instruction

__all__ = ["last_writers"]


def last_writers(
    program: Program, step: LaunchStep, layer: LaunchLayer, address: int
) -> tuple[int | None, Instruction | None, Instruction | None]:
    """Return the instructions that wrote a byte of memory last when a layer ran.

    Parameters
    ----------
    address : int
        From the program's base.

    Returns
    -------
    (int or None, Instruction or None, Instruction or None)
        Position of the STORE in the layer; the STORE, and the last instruction before it that
        wrote the tile it took the byte from, by their positions in the launch.  None: no STORE did.
    """
    config = program.config
    footprints = Footprints(config)
    stream = words(layer.code, INSTRUCTION_BYTES, "instruction stream")
    accesses: list[tuple[int, Touched, Rows | None]] = []

    def observe(index: int, touched: Touched, rows: Rows | None) -> None:
        accesses.append((index, touched, rows))

    contents = tuple((segment.offset, segment.data, segment.name) for segment in program.segments)
    StreamChecker(config).check(
        layer.code, bases=launch_bases(step), memory=MemoryMap(contents=contents), observe=observe,
    )

    def text(index: int) -> Instruction:
        instruction = footprints.decode(stream[index]).instruction
        if isinstance(instruction, Store):
            address = footprints.address(stream[index])
            instruction = Store(**{**vars(instruction), "dram_base": address})
        return Instruction(layer.indices[index], format_instruction(instruction, config))

    byte = Rows(address, 1, 0, 1)
    for place in range(len(accesses) - 1, -1, -1):
        index, _, rows = accesses[place]
        instruction = footprints.decode(stream[index]).instruction
        if not isinstance(instruction, Store) or rows is None or rows.overlap(byte) is None:
            continue
        size = config.tile_bytes(MemoryType.OUT)
        row = min((address - rows.start) // rows.pitch if rows.pitch else rows.count - 1,
                  rows.count - 1)
        column = (address - rows.start - row * rows.pitch) // size
        first = footprints.space.base[MemoryType.ACC] + instruction.sram_base
        tile = span(first + row * instruction.x_size + column, 1)
        for earlier, touched, _ in reversed(accesses[:place]):
            if touched.writes & tile:
                return index, text(index), text(earlier)
        return index, text(index), None
    return None, None, None

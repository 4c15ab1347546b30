"""The tiles and bytes that an instruction reads and writes, which order its execution."""

from collections import namedtuple

from device_programs import ACC, BASE, INP, LUT, OUT, POINTERS, UOP, WGT

from myvta.isa.geometry import SCRATCHPADS
from myvta.isa.instructions import Alu, Dwc, Gemm, Load, StepInstruction, Store, Uop, decode_uop
from myvta.isa.opcodes import AluOpcode, MemoryType

Touched = namedtuple("Touched", "reads writes")
"""Sets as integers, one bit for each tile or byte, by memory type; OUT is DRAM."""


class Micro:
    """The micro-op memory as a program fills it, instruction by instruction."""

    def __init__(self, program):
        self._program = program
        self.uops = [None] * program.config.depth(UOP)

    def execute(self, item):
        """Apply a LOAD UOP; every other instruction changes nothing here."""
        if not isinstance(item, Load) or item.memory_type != UOP or not item.x_size:
            return
        width = item.x_pad_0 + item.x_size + item.x_pad_1
        rows = [[Uop()] * width] * item.y_pad_0
        for y in range(item.y_size):
            words = [self._word(item.dram_base + y * item.x_stride + x) for x in range(item.x_size)]
            rows.append([Uop()] * item.x_pad_0 + words + [Uop()] * item.x_pad_1)
        rows += [[Uop()] * width] * item.y_pad_1
        flat = [uop for row in rows for uop in row]
        self.uops[item.sram_base : item.sram_base + len(flat)] = flat

    def _word(self, tile):
        program = self._program
        at = program.pointers[UOP] + 4 * tile - BASE
        return decode_uop(int.from_bytes(program.image[at : at + 4], "little"), program.config)

    def steps(self, item):
        """Return the indices (dst, src, wgt) of every step of an instruction."""
        wgt_out, wgt_in = getattr(item, "wgt_factor_out", 0), getattr(item, "wgt_factor_in", 0)
        return [
            (uop.dst + i * item.dst_factor_out + j * item.dst_factor_in,
             uop.src + i * item.src_factor_out + j * item.src_factor_in,
             uop.wgt + i * wgt_out + j * wgt_in)
            for i in range(item.iter_out) for j in range(item.iter_in)
            for uop in self.uops[item.uop_bgn : item.uop_end]
        ]


def accesses(program, item, micro):
    """Return the accesses of an instruction, without micro-ops and tables: one engine has them."""
    if isinstance(item, StepInstruction):
        return _steps(program.config, item, micro)
    if not isinstance(item, (Load, Store)) or not item.x_size:
        return Touched({}, {})
    if isinstance(item, Store) and item.forwards:
        return Touched({ACC: _span(item.sram_base, item.x_size * item.y_size)},
                       {item.memory_type: _forwarded(program.config, item)})
    if isinstance(item, Store):
        memory = {OUT: row_bytes(program, item)}
        return Touched({ACC: _span(item.sram_base, item.x_size * item.y_size)}, memory)
    width = item.x_pad_0 + item.x_size + item.x_pad_1
    tiles = _span(item.sram_base, width * (item.y_pad_0 + item.y_size + item.y_pad_1))
    kind = SCRATCHPADS[MemoryType(item.memory_type)]
    memory = {OUT: row_bytes(program, item)}
    return Touched(memory, {} if kind in (UOP, LUT) else {kind: tiles})


def conflict(first, second):
    """Say whether the order of two instructions can be seen."""
    pairs = ((first.writes, second.reads), (first.writes, second.writes),
             (first.reads, second.writes))
    return any(one.get(kind, 0) & bits for one, other in pairs for kind, bits in other.items())


def _span(first, count):
    return ((1 << count) - 1) << first


def _bits(indices):
    bits = 0
    for index in set(indices):
        bits |= 1 << index
    return bits


def row_bytes(program, item):
    """Return the bytes of memory, as bits, that the rows of a LOAD or STORE address."""
    size = program.config.tile_bytes(item.memory_type)
    pointer = program.pointers[POINTERS[MemoryType(item.memory_type)]]
    bits = 0
    for y in range(item.y_size):
        start = pointer - BASE + (item.dram_base + y * item.x_stride) * size
        bits |= _span(start, item.x_size * size)
    return bits


def _forwarded(config, item):
    """Return the tiles of INP or WGT that a STORE to it writes, in whole or in part."""
    unit = config.block_out if item.memory_type == WGT else 1  # results of a tile
    return _bits(
        (item.dram_base + y * item.x_stride + x) // unit
        for y in range(item.y_size) for x in range(item.x_size)
    )


def _window(config, item):
    """Return the distances of the INP tiles of a step from its first one."""
    if not isinstance(item, Dwc):
        return [0]
    rows, columns = config.window_shape(item.window)
    return [row * item.row_pitch + column for row in range(rows) for column in range(columns)]


def _steps(config, item, micro):
    steps = micro.steps(item)
    written = _bits(dst for dst, _, _ in steps)
    reads = {ACC: written}
    if isinstance(item, (Gemm, Dwc)) and not item.reset:
        tiles = _bits(src + far for _, src, _ in steps for far in _window(config, item))
        reads |= {INP: tiles, WGT: _bits(wgt for _, _, wgt in steps)}
    if isinstance(item, Alu) and not item.use_imm:
        reads[ACC] |= _bits(src for _, src, _ in steps)
    if isinstance(item, Alu) and item.alu_opcode == AluOpcode.RQT:
        reads[ACC] |= _bits(src + n for _, src, _ in steps for n in range(3))
    return Touched(reads, {ACC: written})

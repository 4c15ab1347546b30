"""Which tiles and bytes an instruction reads and writes: what may not be done out of order."""

from collections import namedtuple

from device_programs import ACC, ACC_8BIT, BASE, INP, OUT, UOP, WGT

from myvta.isa.instructions import Alu, Gemm, Load, Store, Uop, decode_uop
from myvta.isa.opcodes import AluOpcode

Touched = namedtuple("Touched", "reads writes")
"""Sets as integers, one bit for each tile or byte, by memory type; OUT stands for DRAM."""


class Micro:
    """The micro-op memory as a program fills it, instruction by instruction."""

    def __init__(self, program):
        self._program = program
        self.uops = [None] * program.config.depth(UOP)

    def execute(self, it):
        """Do what a LOAD UOP does; every other instruction changes nothing here."""
        if not isinstance(it, Load) or it.memory_type != UOP or not it.x_size:
            return
        width = it.x_pad_0 + it.x_size + it.x_pad_1
        rows = [[Uop()] * width] * it.y_pad_0
        for y in range(it.y_size):
            words = [self._word(it.dram_base + y * it.x_stride + x) for x in range(it.x_size)]
            rows.append([Uop()] * it.x_pad_0 + words + [Uop()] * it.x_pad_1)
        rows += [[Uop()] * width] * it.y_pad_1
        flat = [uop for row in rows for uop in row]
        self.uops[it.sram_base : it.sram_base + len(flat)] = flat

    def _word(self, tile):
        program = self._program
        at = program.pointers[UOP] + 4 * tile - BASE
        return decode_uop(int.from_bytes(program.image[at : at + 4], "little"), program.config)

    def steps(self, it):
        """Return the indices (dst, src, wgt) of every step of a GEMM or ALU instruction."""
        wgt_out, wgt_in = getattr(it, "wgt_factor_out", 0), getattr(it, "wgt_factor_in", 0)
        return [
            (uop.dst + i * it.dst_factor_out + j * it.dst_factor_in,
             uop.src + i * it.src_factor_out + j * it.src_factor_in,
             uop.wgt + i * wgt_out + j * wgt_in)
            for i in range(it.iter_out) for j in range(it.iter_in)
            for uop in self.uops[it.uop_bgn : it.uop_end]
        ]


def accesses(program, it, micro):
    """Return what an instruction of a program touches; micro-ops, which one engine has, apart."""
    if isinstance(it, (Gemm, Alu)):
        return _steps(it, micro)
    if not isinstance(it, (Load, Store)) or not it.x_size:
        return Touched({}, {})
    memory = {OUT: row_bytes(program, it)}
    if isinstance(it, Store):
        return Touched({ACC: _span(it.sram_base, it.x_size * it.y_size)}, memory)
    width = it.x_pad_0 + it.x_size + it.x_pad_1
    tiles = _span(it.sram_base, width * (it.y_pad_0 + it.y_size + it.y_pad_1))
    kind = ACC if it.memory_type == ACC_8BIT else it.memory_type
    return Touched(memory, {} if kind == UOP else {kind: tiles})


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


def row_bytes(program, it):
    """Return the bytes of memory, as bits, that the rows of a LOAD or STORE address."""
    size = program.config.tile_bytes(it.memory_type)
    pointer = program.pointers[ACC if it.memory_type == ACC_8BIT else it.memory_type]
    bits = 0
    for y in range(it.y_size):
        start = pointer - BASE + (it.dram_base + y * it.x_stride) * size
        bits |= _span(start, it.x_size * size)
    return bits


def _steps(it, micro):
    steps = micro.steps(it)
    written = _bits(dst for dst, _, _ in steps)
    reads = {ACC: written}
    if isinstance(it, Gemm) and not it.reset:
        reads |= {INP: _bits(src for _, src, _ in steps), WGT: _bits(wgt for _, _, wgt in steps)}
    if isinstance(it, Alu) and not it.use_imm:
        reads[ACC] |= _bits(src for _, src, _ in steps)
    if isinstance(it, Alu) and it.alu_opcode == AluOpcode.RQT:
        reads[ACC] |= _bits(src + n for _, src, _ in steps for n in range(3))
    return Touched(reads, {ACC: written})

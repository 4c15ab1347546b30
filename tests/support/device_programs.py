"""Directed programs for the whole device: memory image, micro-ops, instructions, ranges to compare.

A :class:`Program` collects instructions without dependency flags; :mod:`device_tokens` chains them
when it runs (``raw=True``: they run unchanged).  Scratchpads are made visible through OUT:
:meth:`Program.show_acc` stores the accumulator plane by plane, :meth:`Program.show` does it for
any memory, with products by unit vectors.  Every memory type has a base pointer of its own.
"""

from dataclasses import dataclass

import numpy as np
from device_tokens import chain

from myvta.isa.asm.disassembler import disassemble
from myvta.isa.asm.operand_text import DramBuffer
from myvta.isa.instructions import (
    Alu,
    Finish,
    Gemm,
    Load,
    Store,
    Uop,
    decode_uop,
    encode_stream,
    encode_uop,
)
from myvta.isa.opcodes import AluOpcode, MemoryType
from myvta.isa.register_map import BASE_REGISTERS, POINTER_TYPES

BASE, SIZE = 0x10000, 0x40000  # every device's memory: a base that is not 0, room for a program
LOW = 0x1000  # the base pointers are below this, buffers above
UOP, WGT, INP, ACC, OUT, ACC_8BIT, LUT, WGT_4BIT = MemoryType
POINTERS = {
    kind: next(first for first in MemoryType if BASE_REGISTERS[first] == BASE_REGISTERS[kind])
    for kind in MemoryType
}
"""The memory type under whose name a program keeps the base pointer of each one."""
_GUARD = np.random.default_rng(0x6A2D).integers(1, 256, SIZE, np.uint8).tobytes()


def lane_bits(config, kind):
    """Bits of a lane of a memory type as stored in DRAM."""
    return {
        UOP: 32, WGT: config.wgt_width, INP: config.inp_width, ACC: 32, OUT: config.out_width,
        ACC_8BIT: 8, LUT: 16, WGT_4BIT: 4,
    }[kind]


def lanes_of(config, kind):
    """Lanes of a tile of a memory type."""
    return config.tile_bytes(kind) * 8 // lane_bits(config, kind)


def pack(config, kind, tiles):
    """Return the DRAM bytes of tiles [n, lanes]: little endian, lane 0 in the lowest bits."""
    width = lane_bits(config, kind)
    out = bytearray()
    for tile in np.asarray(tiles).reshape(-1, lanes_of(config, kind)).tolist():
        word = sum((lane & ((1 << width) - 1)) << (width * n) for n, lane in enumerate(tile))
        out += word.to_bytes(config.tile_bytes(kind), "little")
    return bytes(out)


def unpack(config, kind, data):
    """Return the signed lanes [n, lanes] in DRAM bytes; the other way round of :func:`pack`."""
    width, size = lane_bits(config, kind), config.tile_bytes(kind)
    half = 1 << (width - 1)
    return np.array([
        [((word >> (width * n) & (2 * half - 1)) ^ half) - half
         for n in range(lanes_of(config, kind))]
        for at in range(0, len(data), size)
        for word in [int.from_bytes(data[at : at + size], "little")]
    ], np.int64).reshape(-1, lanes_of(config, kind))


def random_tiles(rng, config, kind, count):
    """Return random lanes [count, lanes] of a memory type, whole range."""
    half = 1 << (lane_bits(config, kind) - 1)
    return rng.integers(-half, half, (count, lanes_of(config, kind)))


@dataclass(frozen=True)
class Region:
    """Tiles in device memory; ``tile`` is the value of dram_base."""

    kind: MemoryType
    address: int
    tile: int
    count: int


@dataclass(frozen=True)
class Shown:
    """Tiles stored by :meth:`Program.show`; ``Outcome.view`` reassembles them."""

    kind: MemoryType
    planes: list
    count: int


class Program:
    """A program under construction; see the module's text.

    Parameters
    ----------
    config : Config
    raw : bool
        Run the instructions unchanged: no tokens are added, no FINISH.
    """

    def __init__(self, config, *, raw=False):
        self.config, self.raw = config, raw
        self.image = bytearray(_GUARD)
        self.body = []
        self.regions = []
        self.pointers = {
            kind: BASE + config.alignment(POINTER_TYPES[BASE_REGISTERS[kind]]) * n
            for kind, n in ((UOP, 5), (WGT, 2), (INP, 7), (ACC, 3), (OUT, 11))
        }
        self._free = BASE + LOW
        self._uops = 0

    # -- memory ----------------------------------------------------------------------------------
    def space(self, kind, count):
        """Reserve room for tiles, with a guard tile after it and whatever alignment comes."""
        size = self.config.tile_bytes(kind)
        address = -(-self._free // size) * size
        pointer = self.pointers[POINTERS[kind]]
        # those types count in their own elements from another's pointer
        region = Region(kind, address, (address - pointer) // size, count)
        self._free = address + (count + 1) * size
        assert self._free <= BASE + SIZE, "the program does not fit the memory"
        self.regions.append(region)
        return region

    def data(self, kind, tiles):
        """Place tiles [n, lanes] (UOP: micro-ops) in memory."""
        if kind == UOP:
            content = b"".join(encode_uop(uop, self.config).to_bytes(4, "little") for uop in tiles)
        else:
            content = pack(self.config, kind, tiles)
        region = self.space(kind, len(content) // self.config.tile_bytes(kind))
        at = region.address - BASE
        self.image[at : at + len(content)] = content
        return region

    # -- instructions ----------------------------------------------------------------------------
    def add(self, *instructions):
        """Append instructions."""
        self.body += instructions

    def load(self, kind, tiles, sram=0, **fields):
        """Place tiles in memory and append the LOAD of all of them."""
        region = self.data(kind, tiles)
        self.add(load(region, sram, **fields))
        return region

    def uops(self, *uops):
        """Load micro-ops after the existing ones; return the index of the first."""
        first, self._uops = self._uops, self._uops + len(uops)
        self.load(UOP, uops, first)
        return first

    def store(self, first, count, **fields):
        """Append the STORE of OUT tiles to a place of their own; return the place."""
        region = self.space(OUT, count)
        self.add(Store(sram_base=first, dram_base=region.tile, x_size=count, x_stride=count,
                       **fields))
        return region

    # -- looking ---------------------------------------------------------------------------------
    def show_acc(self, first, count):
        """Store ACC[first ..] in full width; it is shifted to nothing on the way.

        Uses the last micro-op.
        """
        width, last = self.config.out_width, self.config.depth(UOP) - 1
        self.load(UOP, [Uop(dst=first, src=first)], last)
        shift = Alu(
            alu_opcode=AluOpcode.SHR, use_imm=1, imm=width, uop_bgn=last, uop_end=last + 1,
            iter_in=count, dst_factor_in=1, src_factor_in=1,
        )
        planes = []
        for plane in range(32 // width):
            if plane:
                self.add(shift)
            planes.append(self.store(first, count))
        return Shown(ACC, planes, count)

    def show(self, kind, first, count):
        """Store a part of INP, WGT or ACC; return the argument of ``Outcome.view``.

        INP and WGT are multiplied by unit vectors into ACC[0 ..]; the last tile of the other
        memory and the last micro-op are used up.
        """
        if kind in (ACC, OUT, ACC_8BIT):
            return self.show_acc(first, count)
        return self._show_inp(first, count) if kind == INP else self._show_wgt(first, count)

    def _show_inp(self, first, count):
        last = self.config.depth(WGT) - 1
        self.load(WGT, np.eye(self.config.block_in, dtype=int).reshape(1, -1), last)
        self._products(Uop(src=first, wgt=last), iter_in=count, dst_factor_in=1, src_factor_in=1)
        return Shown(INP, [self.store(0, count)], count)

    def _show_wgt(self, first, count):
        config = self.config
        block, top = config.block_in, config.depth(INP) - config.block_in
        self.load(INP, np.tile(np.eye(block, dtype=int), (1, config.batch)), top)
        self._products(
            Uop(src=top, wgt=first), iter_out=count, dst_factor_out=block, wgt_factor_out=1,
            iter_in=block, dst_factor_in=1, src_factor_in=1,
        )
        return Shown(WGT, [self.store(0, count * block)], count)

    def _products(self, uop, **loops):
        last = self.config.depth(UOP) - 1
        self.load(UOP, [uop], last)
        once = dict(uop_bgn=last, uop_end=last + 1, **loops)
        self.add(Gemm(reset=1, **once), Gemm(**once))

    # -- to be run -------------------------------------------------------------------------------
    def stream(self):
        """Return the instructions as they will run."""
        return list(self.body) if self.raw else [*chain(self.body), Finish()]

    def listing(self):
        """Return the program's text."""
        words = encode_stream(self.stream(), self.config)
        buffers = [
            DramBuffer(f"{region.kind.name.lower()}_{n}", region.kind, region.tile, region.count)
            for n, region in enumerate(self.regions) if region.tile >= 0
        ]
        return disassemble(words, self.config, buffers=buffers) + "".join(
            f"; micro-ops of uop_{n}: {self._uop_text(region)}\n"
            for n, region in enumerate(self.regions) if region.kind == UOP
        )

    def _uop_text(self, region):
        at = region.address - BASE
        words = np.frombuffer(bytes(self.image[at : at + 4 * region.count]), "<u4").tolist()
        uops = [decode_uop(word, self.config) for word in words]
        return " ".join(f"{uop.dst},{uop.src},{uop.wgt}" for uop in uops)

    def launchable(self):
        """Return memory image, address of the stream, number of instructions, base pointers."""
        stream = encode_stream(self.stream(), self.config)
        address = -(-self._free // 16) * 16
        assert address + len(stream) <= BASE + SIZE, "the stream does not fit the memory"
        image = bytearray(self.image)
        image[address - BASE : address - BASE + len(stream)] = stream
        return bytes(image), address, len(stream) // 16, dict(self.pointers)

    def place(self, address):
        """Return the name of the range that holds an address."""
        for n, region in enumerate(self.regions):
            size = self.config.tile_bytes(region.kind)
            if region.address <= address < region.address + size * region.count:
                tile, byte = divmod(address - region.address, size)
                return f"{region.kind.name.lower()}_{n}, tile {tile}, byte {byte}"
        return "a guard byte, outside every buffer"


def load(region, sram=0, **fields):
    """Return the LOAD of a region's tiles in one row; fields override."""
    return Load(**{
        "memory_type": region.kind, "sram_base": sram, "dram_base": region.tile,
        "x_size": region.count, "x_stride": region.count, **fields,
    })

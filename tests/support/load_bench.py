"""The load engine and the scratchpads it fills, driven through their ports."""

import numpy as np
from dma_bench import ReadMemory, footprint, load_oracle
from engine_bench import MEMORY_BYTES, EngineBench
from myhdl import Signal, block, modbv

from myvta.isa.geometry import SCRATCHPADS
from myvta.isa.opcodes import MemoryType
from myvta.rtl.lib.bundles import OperandRead, PadWrite, ReadClient, TileWrite
from myvta.rtl.lib.elements import MAX_LANES
from myvta.rtl.load.load import load as load_engine
from myvta.rtl.load.scratchpad import scratchpad
from myvta.rtl.load.tile_switch import tile_switch
from myvta.rtl.load.weights4_unpack import weights4_unpack

INP, WGT = MemoryType.INP, MemoryType.WGT
BASES = {INP: 0x1C00, WGT: 0x0400}


@block
def load_and_scratchpads(
    clock, reset, sink, g2l, l2g, inp_base, wgt_base, read, status, inp_read, wgt_read, *, config,
):
    """The load engine and the memories it fills, as in the core."""
    writes = [TileWrite(config, MAX_LANES) for _ in range(3)]
    pads, wgt_write, unpack = [PadWrite() for _ in range(3)], writes[2], []
    if config.weights4:
        wgt_write = TileWrite(config, MAX_LANES, beats=2)
        unpack.append(weights4_unpack(writes[2], wgt_write, config=config))
    engine = load_engine(
        clock, reset, sink, g2l=g2l, l2g=l2g, inp_base=inp_base, wgt_base=wgt_base, read=read,
        write=writes[0], pad=pads[0], status=status, config=config,
    )
    switch = tile_switch(
        writes[0], pads[0], writes[1], pads[1], writes[2], pads[2], first_type=INP,
    )
    inp = scratchpad(
        clock, writes[1], pads[1], inp_read.enable, inp_read.address, inp_read.data, config=config,
        memory_type=INP,
    )
    wgt = scratchpad(
        clock, wgt_write, pads[2], wgt_read.enable, wgt_read.address, wgt_read.data, config=config,
        memory_type=WGT,
    )
    return engine, switch, unpack, inp, wgt


class Bench(EngineBench):
    """The load engine with its scratchpads; after a run it reads back all that was written."""

    def __init__(self, config, *, seed=0, latency=1, rate=1.0, errors=()):
        super().__init__(config, seed)
        self.memory = np.frombuffer(self.random.randbytes(MEMORY_BYTES), np.uint8)
        read = ReadClient(config)
        self.port = ReadMemory(
            read, self.memory, config, self.random, latency=latency, rate=rate, errors=errors,
        )
        bases = (Signal(modbv(BASES[kind])[32:]) for kind in (INP, WGT))
        self.reads = {
            kind: OperandRead(config.log_depth(kind), 8 * config.tile_bytes(kind))
            for kind in (INP, WGT)
        }
        self.dut = load_and_scratchpads(
            self.clock, self.reset, self.sink, self.pop_side, self.push_side, *bases, read,
            self.status, self.reads[INP], self.reads[WGT], config=config,
        )

    def run(self, loads, *, until=None, **options):
        """Execute; unless ``until`` ends it, read each load's footprint into ``contents``."""
        self.contents, self.reading = {}, None  # element being read, and whether it shows
        self.to_read = [
            (SCRATCHPADS[MemoryType(load.memory_type)], at)
            for load in (loads if until is None else ())
            for at in range(load.sram_base, load.sram_base + footprint(load))
        ]
        return super().run(loads, until=until, **options)

    def finish(self):
        if self.reading:
            kind, at, shows = self.reading
            if not shows:
                self.reading = kind, at, True
                return False
            data = int(self.reads[kind].data).to_bytes(self.config.tile_bytes(kind), "little")
            self.contents[kind, at] = data
        if not self.to_read:
            return True
        kind, at = self.to_read.pop()
        self.reads[kind].enable.next, self.reads[kind].address.next = True, at
        self.reading = kind, at, False
        return False

    def check(self, loads):
        """Compare the elements read back with the walk of vta_isa.md 4.1."""
        expected = {
            kind: np.zeros((self.config.depth(kind), self.config.tile_bytes(kind)), np.uint8)
            for kind in (INP, WGT)
        }
        for load in loads:
            kind, memory, scale = MemoryType(load.memory_type), self.memory, 1
            if kind == MemoryType.WGT_4BIT:  # as if memory held the weights as bytes
                low, high = (memory << 4).view(np.int8) >> 4, memory.view(np.int8) >> 4
                kind, scale = WGT, 2
                memory = np.stack([low, high], axis=1).reshape(-1).view(np.uint8)
            load_oracle(
                expected[kind], memory, scale * BASES[kind], self.config.tile_bytes(kind), load,
            )
        for (kind, at), data in self.contents.items():
            assert data == expected[kind][at].tobytes(), f"{kind.name} {at} of {loads}"

"""The store engine between output tiles, a memory and the operand scratchpads, driven through its
ports.
"""

from dataclasses import replace

import numpy as np
from dma_bench import WriteMemory
from engine_bench import MEMORY_BYTES, EngineBench
from myhdl import Signal, modbv

from myvta.isa.instructions import Store
from myvta.isa.legality import forward_end
from myvta.isa.opcodes import MemoryType
from myvta.rtl.lib.bundles import ForwardWrite, OperandRead, WriteClient
from myvta.rtl.store.store import store as store_engine

__all__ = ["BASE", "Bench", "random_forward", "random_store"]

OUT = MemoryType.OUT
BASE = 0x0C40


class Bench(EngineBench):
    """The store engine; ``moved`` are the rows that it reports, ``forwarded`` the results that it
    writes: cycle, memory type, index, tile.  ``forward_rate``: how often one is taken.
    """

    def __init__(self, config, *, seed=0, latency=1, rate=1.0, errors=(), base=BASE,
                 forward_rate=1.0):
        super().__init__(config, seed)
        self.forward = ForwardWrite(config) if config.forward else None
        self.forward_rate, self.forwarded, self.cycle = forward_rate, [], 0
        self.base, self.element, self.moved = base, config.tile_bytes(OUT), []
        self.memory = np.full(MEMORY_BYTES, 0xA5, np.uint8)
        self.tiles = np.frombuffer(
            self.random.randbytes(config.depth(OUT) * self.element), np.uint8,
        ).reshape(-1, self.element)
        self.out = OperandRead(config.log_acc_depth, 8 * self.element)
        write = WriteClient(config)
        self.port = WriteMemory(
            write, self.memory, config, self.random, latency=latency, rate=rate, errors=errors,
        )
        self.dut = store_engine(
            self.clock, self.reset, self.sink, g2s=self.pop_side, s2g=self.push_side,
            out_base=Signal(modbv(base)[32:]), out=self.out, write=write, forward=self.forward,
            status=self.status, config=config,
        )

    def edge(self):
        if self.out.enable:
            tile = self.tiles[int(self.out.address)].tobytes()
            self.out.data.next = int.from_bytes(tile, "little")
        rows = self.status.rows
        if rows.valid:
            self.moved.append((int(rows.memory_type), int(rows.tiles)))
        self.cycle += 1
        if self.forward is not None:
            self._take_result()

    def _take_result(self):
        forward = self.forward
        if forward.valid and forward.ready:
            tile = int(forward.data).to_bytes(self.element, "little")
            self.forwarded.append((self.cycle, int(forward.memory_type), int(forward.index), tile))
        forward.ready.next = self.random.random() < self.forward_rate

    def check(self, stores):
        """Compare memory, strobes and row counts with the walk of vta_isa.md 4.2."""
        expected, written, moved = np.full(MEMORY_BYTES, 0xA5, np.uint8), set(), []
        forwarded = []
        for store in stores:
            if store.forwards:
                forwarded += self._results(store)
                continue
            for y in range(store.y_size if store.x_size else 0):
                start = self.base + (store.dram_base + y * store.x_stride) * self.element
                at = store.sram_base + y * store.x_size
                data = self.tiles[at:at + store.x_size].ravel()
                expected[start:start + data.size] = data
                written.update(range(start, start + data.size))
                moved.append((int(OUT), store.x_size))
        wrong = np.nonzero(expected != self.memory)[0]
        assert not wrong.size, f"bytes {wrong[:9]} of {stores}"
        assert self.port.written == written
        assert self.moved == moved
        assert [row[1:] for row in self.forwarded] == forwarded

    def _results(self, store):
        """The results of a STORE to INP or WGT in their order: memory type, index, tile."""
        return [
            (store.memory_type, store.dram_base + y * store.x_stride + x,
             self.tiles[store.sram_base + y * store.x_size + x].tobytes())
            for y in range(store.y_size) for x in range(store.x_size)
        ]


def random_store(random, config, small=12):
    """Return a legal STORE to memory."""
    while True:
        store = Store(
            sram_base=random.randrange(config.depth(OUT)), dram_base=random.randrange(900),
            y_size=random.choice((0, 1, 1, 2, 3, 6)), x_size=random.randrange(small),
            x_stride=random.randrange(2 * small), pop_prev=random.randrange(2),
            push_prev=random.randrange(2),
        )
        if store.sram_base + store.y_size * store.x_size <= config.depth(OUT):
            return store


def random_forward(random, config, small=12):
    """Return a legal STORE to INP or WGT."""
    while True:
        store = random_store(random, config, small)
        kinds = (MemoryType.INP, MemoryType.WGT)[:1 + (config.batch == 1)]
        kind = random.choice(kinds)
        room = config.depth(kind) * (config.block_out if kind == MemoryType.WGT else 1)
        start = random.randrange(room)
        store = replace(store, memory_type=kind, dram_base=start)
        if forward_end(store) <= room:
            return store

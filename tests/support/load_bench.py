"""The load engine and the scratchpads it fills, driven through their ports."""

from collections import deque
from random import Random

import numpy as np
from dma_bench import ReadMemory, footprint, load_oracle
from myhdl import Signal, block, modbv
from rtl_bench import clock_and_reset, simulate

from myvta.isa.instructions import encode
from myvta.isa.opcodes import MemoryType
from myvta.rtl.host.status import ModuleStatus
from myvta.rtl.lib.bundles import (
    ENTRY_BITS,
    OperandRead,
    PadWrite,
    ReadClient,
    Stream,
    TileWrite,
)
from myvta.rtl.lib.token_queue import Tokens
from myvta.rtl.load.load import load as load_engine
from myvta.rtl.load.scratchpad import scratchpad
from myvta.rtl.load.tile_switch import tile_switch

INP, WGT = MemoryType.INP, MemoryType.WGT
BASES = {INP: 0x1C00, WGT: 0x0400}
MEMORY_BYTES = 1 << 15
KNOWN = ("valid", "ready", "idle", "waiting", "completed", "raised", "pop", "push", "reserve")


@block
def load_and_scratchpads(
    clock, reset, sink, g2l, l2g, inp_base, wgt_base, read, status, inp_read, wgt_read, *, config,
):
    """The load engine and the memories it fills, as in the core."""
    lanes = max(config.bus_bytes // config.tile_bytes(kind) for kind in (INP, WGT)) or 1
    writes, pads = [TileWrite(config, lanes) for _ in range(3)], [PadWrite() for _ in range(3)]
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
        clock, writes[2], pads[2], wgt_read.enable, wgt_read.address, wgt_read.data, config=config,
        memory_type=WGT,
    )
    return engine, switch, inp, wgt


class Bench:
    """The load engine with its scratchpads, a memory and two token counters."""

    def __init__(self, config, *, seed=0, latency=1, rate=1.0, errors=()):
        self.config, self.random, self.rate = config, Random(seed), rate
        self.clock, self.reset = clock_and_reset()
        self.memory = np.frombuffer(self.random.randbytes(MEMORY_BYTES + 0x2000), np.uint8)
        self.sink, g2l, l2g = Stream(ENTRY_BITS), Tokens(), Tokens()
        self.available, self.pop = g2l.available, g2l.pop
        self.room, self.reserve, self.push = l2g.room, l2g.reserve, l2g.push
        status = ModuleStatus()
        self.idle, self.waiting, self.completed = status.idle, status.waiting, status.completed
        self.index, self.fault = status.index, status.fault
        read = ReadClient(config)
        self.port = ReadMemory(
            read, self.memory, config, self.random, latency=latency, rate=rate, errors=errors,
        )
        self.bases = [Signal(modbv(BASES[kind])[32:]) for kind in (INP, WGT)]
        self.read = read
        self.reads = {
            kind: OperandRead(config.log_depth(kind), 8 * config.tile_bytes(kind))
            for kind in (INP, WGT)
        }
        self.dut = load_and_scratchpads(
            self.clock, self.reset, self.sink, g2l, l2g, *self.bases, read, status,
            self.reads[INP], self.reads[WGT], config=config,
        )

    def run(self, loads, *, tokens=1000, room=1000, give=0.0, limit=30000, until=None, watch=None):
        """Execute; then read ``footprint`` of each load back into ``self.contents``."""
        queue = deque(enumerate(loads))
        self.started, self.ended, self.pushes, self.pops = [], [], [], []
        state = {"tokens": tokens, "room": room, "reading": None}
        to_read = [
            (MemoryType(load.memory_type), at)
            for load in (loads if until is None else ())
            for at in range(load.sram_base, load.sram_base + footprint(load))
        ]
        self.contents = {}

        def on_edge(cycle):
            sink = self.sink
            if watch is not None:
                watch(cycle)
            self.port.edge(cycle)
            if sink.valid and sink.ready:
                self.started.append(cycle)
                queue.popleft()
            sink.valid.next = bool(queue)
            if queue:
                sink.data.next = queue[0][0] << 128 | encode(queue[0][1], self.config)
            state["tokens"] += (self.random.random() < give) - bool(self.pop)
            state["room"] += (self.random.random() < give) - bool(self.reserve)
            assert state["tokens"] >= 0 and state["room"] >= 0
            self.available.next, self.room.next = state["tokens"] > 0, state["room"] > 0
            if self.pop:
                self.pops.append(len(self.started) - 1)
            if self.completed:
                if self.push:
                    self.pushes.append(len(self.ended))
                self.ended.append(cycle)
            assert not self.push or self.completed
            self.seen = {
                "fault": (int(self.fault.code), int(self.fault.index)) if self.fault.raised else 0,
                "waiting": int(self.index) if self.waiting else None, "idle": bool(self.idle),
            }
            if until is not None:
                return until(self)
            assert not self.fault.raised
            if len(self.ended) < len(loads) or not self.idle:
                return False
            return read_back()

        def read_back():
            if state["reading"]:
                kind, at, shown = state["reading"]
                if not shown:
                    state["reading"] = kind, at, True
                    return False
                data = int(self.reads[kind].data).to_bytes(self.config.tile_bytes(kind), "little")
                self.contents[kind, at] = data
            if not to_read:
                return True
            kind, at = to_read.pop()
            self.reads[kind].enable.next, self.reads[kind].address.next = True, at
            state["reading"] = kind, at, False
            return False

        return simulate([self.dut], self.clock, self.reset, on_edge, limit=limit)

    def check(self, loads):
        expected = {
            kind: np.zeros((self.config.depth(kind), self.config.tile_bytes(kind)), np.uint8)
            for kind in (INP, WGT)
        }
        for load in loads:
            kind = MemoryType(load.memory_type)
            load_oracle(
                expected[kind], self.memory, BASES[kind], self.config.tile_bytes(kind), load,
            )
        for (kind, at), data in self.contents.items():
            assert data == expected[kind][at].tobytes(), f"{kind.name} {at} of {loads}"

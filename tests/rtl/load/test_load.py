"""load: LOADs from the queue into real scratchpads; tokens, faults and their order, speed."""

from collections import deque
from random import Random

import numpy as np
import pytest
from dma_bench import ReadMemory, footprint, load_oracle, random_load, shallow
from myhdl import Signal, block, modbv
from rtl_bench import clock_and_reset, simulate
from rtl_replay import Recorder, replay

from myvta.isa.config import NAMED
from myvta.isa.instructions import Load, encode
from myvta.isa.opcodes import ErrorCode, MemoryType
from myvta.rtl.convert import convert_block
from myvta.rtl.lib.bundles import (
    ENTRY_BITS,
    Fault,
    PadWrite,
    PortError,
    ReadClient,
    RowCount,
    Stream,
    TileWrite,
    bit,
    word,
)
from myvta.rtl.lint import lint_verilog, lint_vhdl
from myvta.rtl.load.load import load as load_engine
from myvta.rtl.load.scratchpad import scratchpad
from myvta.rtl.load.tile_switch import tile_switch

INP, WGT = MemoryType.INP, MemoryType.WGT
BASES = {INP: 0x1C00, WGT: 0x0400}
MEMORY_BYTES = 1 << 15
KNOWN = ("valid", "ready", "idle", "waiting", "completed", "raised", "pop", "push", "reserve")


@block
def load_and_scratchpads(
    clock, reset, sink, g2l_available, g2l_pop, l2g_room, l2g_reserve, l2g_push, inp_base,
    wgt_base, read, rows, idle, waiting, starved, index, completed, fault, inp_enable,
    inp_address, inp_data, wgt_enable, wgt_address, wgt_data, *, config,
):
    """The load engine and what it fills, as in the core."""
    lanes = max(config.bus_bytes // config.tile_bytes(kind) for kind in (INP, WGT)) or 1
    writes, pads = [TileWrite(config, lanes) for _ in range(3)], [PadWrite() for _ in range(3)]
    engine = load_engine(
        clock, reset, sink, g2l_available, g2l_pop, l2g_room, l2g_reserve, l2g_push, inp_base,
        wgt_base, read, writes[0], pads[0], rows, idle, waiting, starved, index, completed, fault,
        config=config,
    )
    switch = tile_switch(
        writes[0], pads[0], writes[1], pads[1], writes[2], pads[2], first_type=INP,
    )
    inp = scratchpad(
        clock, writes[1], pads[1], inp_enable, inp_address, inp_data, config=config,
        memory_type=INP,
    )
    wgt = scratchpad(
        clock, writes[2], pads[2], wgt_enable, wgt_address, wgt_data, config=config,
        memory_type=WGT,
    )
    return engine, switch, inp, wgt


class Bench:
    """The load engine with its scratchpads, a memory and two token counters."""

    def __init__(self, config, *, seed=0, latency=1, rate=1.0, errors=()):
        self.config, self.random, self.rate = config, Random(seed), rate
        self.clock, self.reset = clock_and_reset()
        self.memory = np.frombuffer(self.random.randbytes(MEMORY_BYTES + 0x2000), np.uint8)
        self.sink, self.fault, self.rows = Stream(ENTRY_BITS), Fault(), RowCount()
        self.available, self.pop, self.room, self.reserve, self.push = (bit() for _ in range(5))
        self.idle, self.waiting, self.completed, self.index = bit(), bit(), bit(), word(32)
        self.starved = bit()
        read = ReadClient(config)
        self.port = ReadMemory(
            read, self.memory, config, self.random, latency=latency, rate=rate, errors=errors,
        )
        self.bases = [Signal(modbv(BASES[kind])[32:]) for kind in (INP, WGT)]
        self.read = read
        self.reads = {
            kind: (bit(), word(config.log_depth(kind)), word(8 * config.tile_bytes(kind)))
            for kind in (INP, WGT)
        }
        self.dut = load_and_scratchpads(
            self.clock, self.reset, self.sink, self.available, self.pop, self.room, self.reserve,
            self.push, *self.bases, read, self.rows, self.idle, self.waiting, self.starved,
            self.index, self.completed, self.fault, *self.reads[INP], *self.reads[WGT],
            config=config,
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
                data = int(self.reads[kind][2]).to_bytes(self.config.tile_bytes(kind), "little")
                self.contents[kind, at] = data
            if not to_read:
                return True
            kind, at = to_read.pop()
            self.reads[kind][0].next, self.reads[kind][1].next = True, at
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


@pytest.mark.parametrize("name, log_bus", [
    ("1x4x4", 6), ("1x4x4_int4", 6), ("1x4x4_int4", 8), ("2x8x8", 7),
])
@pytest.mark.parametrize("latency, rate", [(1, 1.0), (12, 0.6)])
def test_random_loads_fill_the_scratchpads(name, log_bus, latency, rate):
    config = NAMED[name].replace(log_bus_width=log_bus)
    bench = shallow(Bench, config, seed=log_bus, latency=latency, rate=rate)
    loads = []
    for _ in range(10):
        load = random_load(bench.random, config, bench.random.choice((INP, WGT)), MEMORY_BYTES // 2)
        loads.append(Load(**{
            **load.__dict__, "push_prev": 0, "pop_next": bench.random.randrange(2),
            "sram_base": min(load.sram_base, 3),
        }))
    bench.run(loads, tokens=0, room=2, give=0.2)
    bench.check(loads)
    assert bench.pushes == [at for at, load in enumerate(loads) if load.push_next]
    assert bench.pops == [at for at, load in enumerate(loads) if load.pop_next]


def test_padded_rows_take_little_more_than_their_beats():
    bench = shallow(Bench, NAMED["default"], latency=64)
    loads = [Load(
        memory_type=INP, y_size=56, x_size=4, x_stride=9, dram_base=3, y_pad_0=1, y_pad_1=1,
        x_pad_0=1, x_pad_1=1,
    )]
    bench.run(loads)
    bench.check(loads)
    assert bench.ended[0] - bench.started[0] <= 1.15 * 56 * 8 + 64


def test_a_second_load_hides_its_latency():
    bench = shallow(Bench, NAMED["default"], latency=64)
    loads = [
        Load(memory_type=INP, x_size=32, sram_base=40 * at, dram_base=50 * at) for at in range(3)
    ]
    bench.run(loads)
    bench.check(loads)
    assert bench.ended[1] - bench.ended[0] <= 64 + 2
    assert bench.ended[2] - bench.ended[1] <= 64 + 2
    assert bench.started[1] - bench.started[0] <= 12, "overlapped"


FAULTS = [
    (Load(memory_type=INP, x_size=1, pop_prev=1), ErrorCode.DEPENDENCY),
    (Load(memory_type=WGT, x_size=0, push_prev=1), ErrorCode.DEPENDENCY),
    (Load(memory_type=INP, x_size=65535, y_size=65535, push_prev=1), ErrorCode.DEPENDENCY),
    (Load(memory_type=INP, x_size=2, sram_base=127), ErrorCode.SRAM_RANGE),
    (Load(memory_type=INP, x_size=1, sram_base=127, x_pad_1=1), ErrorCode.SRAM_RANGE),
    (Load(memory_type=INP, x_size=1, sram_base=128), ErrorCode.SRAM_RANGE),
    (Load(memory_type=INP, x_size=1, sram_base=65535), ErrorCode.SRAM_RANGE),
    (Load(memory_type=WGT, x_size=65535, y_size=65535, pop_next=1), ErrorCode.SRAM_RANGE),
    (Load(memory_type=INP, x_size=1, y_size=128, sram_base=0, y_pad_0=1), ErrorCode.SRAM_RANGE),
]


@pytest.mark.parametrize("bad, code", FAULTS)
def test_static_faults_wait_for_what_is_before_them(bad, code):
    config = NAMED["1x4x4"].replace(log_inp_buff_size=9)
    assert config.depth(INP) == 128
    bench = shallow(Bench, config, latency=20)
    loads = [Load(memory_type=INP, x_size=8), bad, Load(memory_type=INP, x_size=1)]
    bench.run(loads, tokens=0, until=lambda bench: bench.seen["fault"])
    assert bench.seen["fault"] == (code, 1)
    assert len(bench.ended) == 1 and len(bench.started) == 1


@pytest.mark.parametrize("fine", [
    Load(memory_type=INP, x_size=1, sram_base=127),
    Load(memory_type=INP, x_size=0, y_size=9, sram_base=65535, x_pad_0=1),
    Load(memory_type=INP, x_size=9, y_size=0, sram_base=65535, x_pad_0=1),
    Load(memory_type=INP, x_size=4, y_size=0, y_pad_0=8, y_pad_1=8, x_pad_0=2, x_pad_1=2),
])
def test_edges_of_the_scratchpad_are_legal(fine):
    config = NAMED["1x4x4"].replace(log_inp_buff_size=9)
    bench = shallow(Bench, config)
    loads = [fine, Load(memory_type=INP, x_size=1, sram_base=5)]
    bench.run(loads, limit=3000)


def test_a_data_fault_comes_before_a_later_static_one():
    config = NAMED["1x4x4"]
    bad = BASES[INP] + 64
    bench = shallow(Bench, config, latency=30, errors=[(bad, bad + 1, PortError.BUS)])
    loads = [
        Load(memory_type=INP, x_size=4), Load(memory_type=INP, x_size=8, dram_base=12),
        Load(memory_type=INP, pop_prev=1),
    ]
    bench.run(loads, until=lambda bench: bench.seen["fault"])
    assert bench.seen["fault"] == (ErrorCode.BUS, 1)


@pytest.mark.parametrize("bad, tokens, room", [
    (Load(memory_type=INP, x_size=1, pop_next=1), 0, 9),
    (Load(memory_type=INP, x_size=1, push_next=1), 9, 0),
    (Load(memory_type=INP, x_size=0, push_next=1), 9, 0),
])
def test_waiting_says_what_waits(bad, tokens, room):
    bench = shallow(Bench, NAMED["1x4x4"], latency=10)
    loads = [Load(memory_type=INP, x_size=4), bad]
    bench.run(
        loads, tokens=tokens, room=room, until=lambda bench: bench.seen["waiting"] is not None,
    )
    assert bench.seen == {"fault": 0, "waiting": 1, "idle": False}
    assert len(bench.ended) == 1, "it is not waiting while something is in flight"


def load_top(config):
    return Bench(config).dut


@pytest.mark.icarus
@pytest.mark.convert
@pytest.mark.parametrize("name, log_bus", [("2x8x8", 6), ("1x4x4_int4", 8)])
def test_converted_text_is_clean_and_does_the_same(name, log_bus, tmp_path, require_tool):
    require_tool("ghdl")
    require_tool("verilator")
    config = NAMED[name].replace(log_bus_width=log_bus)
    bench = shallow(Bench, config, seed=3, latency=5, rate=0.8)
    loads = [
        Load(memory_type=INP, y_size=4, x_size=5, x_stride=7, dram_base=3, y_pad_0=1, x_pad_0=2),
        Load(memory_type=WGT, y_size=2, x_size=3, x_stride=5, dram_base=1, y_pad_1=1, x_pad_1=1),
    ]
    recorder = Recorder(bench.dut)
    bench.run(loads, watch=recorder.edge)
    verilog, vhdl = (
        convert_block(load_top, tmp_path, hdl, config=config, name="top")
        for hdl in ("verilog", "vhdl")
    )
    lint_verilog(verilog)
    lint_vhdl(vhdl)
    bits, in_verilog, in_vhdl = replay(verilog, vhdl, recorder.rows, known=KNOWN)
    assert in_verilog > 0.25 * bits  # nothing is known of a scratchpad before it is read
    assert in_vhdl > 0.25 * bits

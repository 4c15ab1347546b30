"""loader: every write of random LOADs against the walk of vta_isa.md 4.1, speed, errors."""

from random import Random

import numpy as np
import pytest
from dma_bench import ReadMemory, TileRecorder, load_oracle, random_load, shallow
from myhdl import Signal, modbv
from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.isa.instructions import Load
from myvta.isa.opcodes import ErrorCode, MemoryType
from myvta.rtl.lib.bundles import (
    Completion,
    Fault,
    LoadCommand,
    PadWrite,
    PortError,
    ReadClient,
    RowCount,
    TileWrite,
    bit,
)
from myvta.rtl.lib.elements import MAX_LANES
from myvta.rtl.load.loader import loader
from myvta.rtl.memory.row_requests import MAX_BURSTS

MEMORY_BYTES = 1 << 15
FIRST_BASE, SECOND_BASE = 0x1C00, 0x0400


class Bench:
    """A loader between a ReadMemory and a TileRecorder, fed with Loads."""

    def __init__(self, config, first_type, *, seed=0, latency=1, rate=1.0, take=1.0, errors=()):
        random = Random(seed)
        self.config, self.first_type, self.random, self.rate = config, first_type, random, rate
        self.clock, self.reset = clock_and_reset()
        self.memory = np.frombuffer(
            random.randbytes(MEMORY_BYTES + 0x2000), np.uint8,
        )
        self.command, self.rows, self.fault = LoadCommand(), RowCount(), Fault()
        self.done, self.idle, self.hold, self.starved = Completion(), bit(), bit(), bit()
        self.first_base, self.second_base = (
            Signal(modbv(base)[32:]) for base in (FIRST_BASE, SECOND_BASE)
        )
        read, write, pad = ReadClient(config), TileWrite(config, MAX_LANES), PadWrite()
        self.port = ReadMemory(
            read, self.memory, config, random, latency=latency, rate=rate, errors=errors,
        )
        self.tiles = TileRecorder(write, pad, config, random, rate=take)
        self.dut = loader(
            self.clock, self.reset, command=self.command, first_base=self.first_base,
            second_base=self.second_base, hold=self.hold, read=read, write=write, pad=pad,
            rows=self.rows, done=self.done, idle=self.idle, starved=self.starved,
            fault=self.fault, config=config, first_type=first_type,
        )

    def base(self, kind):
        return FIRST_BASE if kind == self.first_type else SECOND_BASE

    def run(self, loads, *, limit=20000, until_fault=False, watch=None):
        """Feed the loads; returns cycles of: commands taken, dones."""
        waiting = list(enumerate(loads))
        self.taken, self.ended, self.flags, self.moved = [], [], [], []

        def on_edge(cycle):
            command = self.command
            if command.valid and command.ready:
                self.taken.append(cycle)
            if self.done.valid:
                self.ended.append(cycle)
                self.flags.append((int(self.done.push_prev), int(self.done.push_next)))
            if self.rows.valid:
                self.moved.append((int(self.rows.memory_type), int(self.rows.tiles)))
            if not (command.valid and not command.ready):
                go = bool(waiting) and self.random.random() < self.rate
                command.valid.next = go
                if go:
                    index, load = waiting.pop(0)
                    for name in (
                        "memory_type", "sram_base", "dram_base", "y_size", "x_size", "x_stride",
                        "y_pad_0", "y_pad_1", "x_pad_0", "x_pad_1", "push_prev", "push_next",
                    ):
                        getattr(command, name).next = int(getattr(load, name))
                    command.index.next = index
            self.port.edge(cycle)
            self.tiles.edge(cycle)
            if watch:
                watch(cycle)
            if until_fault:
                self.raised = int(self.fault.code), int(self.fault.index)
                return bool(self.fault.raised)
            assert not self.fault.raised
            return len(self.ended) == len(loads) and bool(self.idle)

        return simulate([self.dut], self.clock, self.reset, on_edge, limit=limit)

    def expected(self, loads):
        """The oracle's contents, and the rows it counts."""
        contents = {kind: np.full_like(array, 0xEE) for kind, array in self.tiles.contents.items()}
        moved = []
        for load in loads:
            kind = MemoryType(load.memory_type)
            rows = load_oracle(
                contents[kind], self.memory, self.base(kind), self.config.tile_bytes(kind), load,
            )
            moved += [(int(kind), load.x_size)] * len(rows)
        return contents, moved


CASES = [
    # config, bus, first type, types
    ("default", 6, MemoryType.INP, (MemoryType.INP, MemoryType.WGT)),
    ("default", 7, MemoryType.UOP, (MemoryType.UOP, MemoryType.ACC, MemoryType.ACC_8BIT)),
    ("default", 8, MemoryType.INP, (MemoryType.INP, MemoryType.WGT)),
    ("1x4x4_int4", 6, MemoryType.INP, (MemoryType.INP, MemoryType.WGT)),
    ("1x4x4_int4", 8, MemoryType.INP, (MemoryType.INP, MemoryType.WGT)),
    ("1x4x4", 6, MemoryType.UOP, (MemoryType.UOP, MemoryType.ACC, MemoryType.ACC_8BIT)),
    ("1x4x4_int4", 8, MemoryType.UOP, (MemoryType.UOP, MemoryType.ACC, MemoryType.ACC_8BIT)),
]


@pytest.mark.parametrize("name, log_bus, first, kinds", CASES)
@pytest.mark.parametrize(
    "latency, rate, take", [(1, 1.0, 1.0), (20, 1.0, 0.7), (3, 0.6, 0.6)],
)
def test_random_loads_equal_the_reference_walk(name, log_bus, first, kinds, latency, rate, take):
    config = NAMED[name].replace(log_bus_width=log_bus)
    bench = shallow(Bench, config, first, seed=log_bus, latency=latency, rate=rate, take=take)
    loads = [
        random_load(bench.random, config, bench.random.choice(kinds), MEMORY_BYTES // 2)
        for _ in range(16)
    ]
    bench.run(loads)
    contents, moved = bench.expected(loads)
    for kind in kinds:
        wrong = np.nonzero((contents[kind] != bench.tiles.contents[kind]).any(axis=1))[0]
        assert not wrong.size, f"{kind.name} elements {wrong[:9]} of {loads}"
    assert bench.moved == moved
    assert bench.flags == [(load.push_prev, load.push_next) for load in loads]
    assert bench.port.most_outstanding <= MAX_BURSTS


def beats(bench, loads):
    size = bench.config.bus_bytes
    return sum(
        load.y_size * load.x_size * bench.config.tile_bytes(MemoryType(load.memory_type))
        for load in loads
    ) // size


def span_of(bench):
    """Cycles from the first command taken to the last done."""
    return bench.ended[-1] - bench.taken[0]


@pytest.mark.parametrize("latency", [1, 64])
def test_contiguous_weights_move_a_beat_a_cycle(latency):
    bench = shallow(Bench, NAMED["default"], MemoryType.INP, latency=latency)
    loads = [Load(memory_type=MemoryType.WGT, x_size=64)]
    bench.run(loads)
    assert beats(bench, loads) == 2048
    data = bench.port.taken
    assert data[-1] - data[0] == 2047, "no bubble once started"
    assert span_of(bench) <= 2048 + latency + 7


def test_consecutive_loads_hide_their_latency():
    bench = shallow(Bench, NAMED["default"], MemoryType.INP, latency=64)
    loads = [
        Load(memory_type=MemoryType.INP, x_size=16, dram_base=100 * at, sram_base=20 * at)
        for at in range(4)
    ]
    bench.run(loads)
    assert span_of(bench) <= 64 + beats(bench, loads) + 3 * 2 + 7


def test_outstanding_bursts_are_limited():
    bench = shallow(Bench, NAMED["default"], MemoryType.INP, latency=90)
    bench.run([Load(memory_type=MemoryType.INP, x_size=1, y_size=40, x_stride=11)])
    assert bench.port.most_outstanding == MAX_BURSTS


def test_data_is_asked_for_but_not_written_while_held():
    bench = shallow(Bench, NAMED["1x4x4"], MemoryType.INP, latency=5)
    held = []

    def release(cycle):
        bench.hold.next = cycle < 200
        if bench.hold:
            held.append(cycle)
            assert not bench.tiles.write.valid and not bench.tiles.pad.valid
            assert not bench.done.valid
            if cycle == 190:
                assert bench.port.most_outstanding == 2, "both were asked for"

    loads = [
        Load(memory_type=MemoryType.INP, x_size=4, dram_base=8 * at, sram_base=6 * at, x_pad_0=1)
        for at in range(2)
    ]
    bench.hold.next = True
    bench.run(loads, watch=release)
    assert len(held) > 190
    contents, _ = bench.expected(loads)
    assert (contents[MemoryType.INP] == bench.tiles.contents[MemoryType.INP]).all()


def test_commands_of_nothing_pass_in_order():
    bench = shallow(Bench, NAMED["1x4x4"], MemoryType.INP, latency=20)
    loads = [
        Load(memory_type=MemoryType.INP, x_size=1, push_next=1),
        Load(memory_type=MemoryType.INP, x_size=0, y_pad_0=3, x_pad_0=2, push_prev=1),
        Load(memory_type=MemoryType.INP, x_size=3, y_size=0, y_pad_0=2, x_pad_1=1, sram_base=7),
        Load(memory_type=MemoryType.INP, x_size=3, y_size=0),
        Load(memory_type=MemoryType.WGT, x_size=0, y_size=0),
    ]
    bench.run(loads)
    contents, _ = bench.expected(loads)
    assert bench.flags == [(0, 1), (1, 0), (0, 0), (0, 0), (0, 0)]
    assert (contents[MemoryType.INP] == bench.tiles.contents[MemoryType.INP]).all()
    assert len(bench.port.requests) == 1


@pytest.mark.parametrize("error, code", [
    (PortError.WINDOW, ErrorCode.WINDOW), (PortError.BUS, ErrorCode.BUS),
])
@pytest.mark.parametrize("latency", [1, 30])
def test_an_error_names_its_load_and_swallows_the_rest(error, code, latency):
    kind = MemoryType.INP
    bad = FIRST_BASE + 70 * 16
    bench = shallow(
        Bench, NAMED["default"], kind, latency=latency, errors=[(bad, bad + 1, error)],
    )
    loads = [
        Load(memory_type=kind, x_size=16, dram_base=32 * at, sram_base=16 * at) for at in range(6)
    ]
    bench.run(loads, until_fault=True)
    assert bench.raised == (code, 2)
    assert len(bench.ended) == 2
    good, _ = bench.expected(loads[:2])
    assert (bench.tiles.contents[kind][:32] == good[kind][:32]).all()


@pytest.mark.parametrize("load, first", [
    (
        Load(memory_type=MemoryType.WGT, dram_base=(1 << 24) - 4),
        (1 << 32) + SECOND_BASE - 1024,
    ),
    (Load(memory_type=MemoryType.WGT, dram_base=1 << 24), None),
    (Load(memory_type=MemoryType.WGT, dram_base=(1 << 32) - 1), None),
    (Load(memory_type=MemoryType.WGT, dram_base=0, x_stride=65535, y_size=400), None),
])
def test_addresses_past_the_space_stay_past_it(load, first):
    load = load.__class__(**{**load.__dict__, "x_size": 1})
    bench = shallow(Bench, NAMED["default"], MemoryType.INP)
    bench.memory = bench.port.memory = np.zeros(1 << 16, np.uint8)
    bench.port._queue = lambda cycle, address, beats: bench.port.beats.append(
        (cycle, 0, True, PortError.WINDOW if address >= 1 << 32 else PortError.NONE)
    )
    bench.run([load], until_fault=True, limit=30000)
    assert bench.raised == (ErrorCode.WINDOW, 0)
    address = bench.port.requests[-1][1]
    assert address >= 1 << 32
    if first is not None:
        assert bench.port.requests[0][1] == first

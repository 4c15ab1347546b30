"""scratchpad: random beats, pads and reads against an array, for every way elements lie.

Conversion: test_load converts the load engine with its scratchpads.
"""

from random import Random

import numpy as np
import pytest
from dma_bench import shallow
from myhdl import Signal, modbv
from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.isa.opcodes import MemoryType
from myvta.rtl.lib.bundles import PadWrite, TileWrite
from myvta.rtl.lib.elements import MAX_LANES
from myvta.rtl.load.scratchpad import scratchpad

CASES = [  # configuration, log2 bus, memory type: beats of an element / elements of a beat
    ("1x4x4", 6, MemoryType.WGT),  # 2 columns
    ("1x4x4_int4", 6, MemoryType.WGT),  # 1 column
    ("1x4x4", 6, MemoryType.UOP),  # 2 banks
    ("1x4x4_int4", 8, MemoryType.INP),  # 16 banks
    ("default", 7, MemoryType.WGT),  # 16 columns
]


class Bench:
    def __init__(self, name, log_bus, kind):
        config = self.config = NAMED[name].replace(log_bus_width=log_bus)
        self.kind, self.element = kind, config.tile_bytes(kind)
        self.depth = config.depth(kind)
        self.clock, self.reset = clock_and_reset()
        self.write, self.pad = TileWrite(config, MAX_LANES), PadWrite()
        self.read_enable = Signal(False)
        self.read_address = Signal(modbv(0)[config.log_depth(kind):])
        self.read_data = Signal(modbv(0)[8 * self.element:])
        self.dut = scratchpad(
            self.clock, self.write, self.pad, self.read_enable, self.read_address, self.read_data,
            config=config, memory_type=kind,
        )


@pytest.mark.parametrize("name, log_bus, kind", CASES)
def test_contents_are_those_of_an_array(name, log_bus, kind):
    bench, random = shallow(Bench, name, log_bus, kind), Random(f"{name}{kind}")
    write, pad, size, element = bench.write, bench.pad, bench.config.bus_bytes, bench.element
    near = min(bench.depth, 24)
    contents = np.zeros((bench.depth, element), np.uint8)
    zeroed = np.zeros((near, element), bool)  # what a pad in progress may have zeroed by now
    state = {"expected": None, "waited": 0, "clear": 0}
    landing = []  # of a beat for a column, which is in the memory an edge later

    def on_edge(cycle):
        if cycle < near * 3 * max(element // size, 1):  # zero everything within reach first
            at = cycle // (3 * max(element // size, 1))
            if pad.valid and pad.ready:
                contents[int(pad.index)] = 0
            pad.valid.next, pad.index.next, pad.memory_type.next = True, at, kind
            return False
        if state["expected"] is not None:
            data, unsure = state["expected"]
            seen = np.frombuffer(int(bench.read_data).to_bytes(element, "little"), np.uint8)
            assert ((seen == data) | (unsure & (seen == 0))).all(), f"cycle {cycle}"
        if bench.read_enable:  # old data where the same edge writes
            at = int(bench.read_address)
            state["expected"] = contents[at].copy(), zeroed[at].copy()
        if pad.valid and pad.memory_type == kind:
            state["waited"] += 1
            zeroed[int(pad.index)] = True
            if not (write.valid if element < size else landing):
                assert pad.ready, "without data a pad is taken at once"
        written = []
        for at, start, data in landing:
            contents[at, start:start + size] = data
        landing.clear()
        if write.valid and write.memory_type == kind:
            assert write.ready
            data = np.frombuffer(int(write.data).to_bytes(size, "little"), np.uint8)
            if element >= size:
                landing.append((int(write.index), int(write.column) * size, data))
            else:
                for lane in range(size // element):
                    if write.lanes[lane]:
                        at = (int(write.index) + lane) % (1 << 17)
                        contents[at] = data[lane * element:(lane + 1) * element]
                        written.append(at)
        if pad.valid and pad.ready and pad.memory_type == kind:
            assert int(pad.index) not in written
            contents[int(pad.index)] = 0
            zeroed[int(pad.index)] = False
            state["waited"] = 0
        drive(not (pad.valid and not pad.ready))
        return cycle > 3000

    def drive(may_change_pad):
        if may_change_pad:
            pad.valid.next = random.random() < 0.6
            pad.index.next = state["pad"] = random.randrange(near)
            pad.memory_type.next = kind if random.random() < 0.9 else kind ^ 1
        write.valid.next = random.random() < 0.6
        write.memory_type.next = kind if random.random() < 0.9 else kind ^ 1
        write.data.next = random.getrandbits(8 * size)
        write.column.next = random.randrange(max(element // size, 1))
        lanes = max(size // element, 1)
        index = random.randrange(near)
        if index == state.get("pad"):  # data and padding of one load never meet
            index = (index + 1) % near
        mask = random.getrandbits(lanes) if lanes > 1 else 1
        if lanes > 1:
            index = random.randrange(-lanes + 1, near)
            for lane in range(lanes):
                if not 0 <= index + lane < near or index + lane == state.get("pad"):
                    mask &= ~(1 << lane)
        write.index.next, write.lanes.next = index % (1 << 17), mask
        bench.read_enable.next = random.random() < 0.7
        bench.read_address.next = random.randrange(near)

    simulate([bench.dut], bench.clock, bench.reset, on_edge, limit=4000)


@pytest.mark.parametrize("columns_busy, cycles", [((0, 1), 2), ((0, 0), 2), ((), 1)])
def test_padding_fills_the_columns_outside_the_data(columns_busy, cycles):
    bench = shallow(Bench, "1x4x4", 6, MemoryType.WGT)
    assert bench.element == 2 * bench.config.bus_bytes
    taken = []

    def on_edge(cycle):
        bench.pad.valid.next, bench.pad.memory_type.next = True, MemoryType.WGT
        bench.write.memory_type.next, bench.write.index.next = MemoryType.WGT, 5
        bench.write.valid.next, bench.write.lanes.next = bool(columns_busy), 1
        if columns_busy:
            bench.write.column.next = columns_busy[cycle % 2]
        if bench.pad.valid and bench.pad.ready:
            taken.append(cycle)
        return cycle == 40

    simulate([bench.dut], bench.clock, bench.reset, on_edge, limit=50)
    if columns_busy == (0, 0):
        assert taken == [1]  # before the first beat lands; then column 0 never comes free
    else:
        assert set(np.diff(taken)) == {cycles}

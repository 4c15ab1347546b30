"""A scratchpad driven at random through its ports and compared with an array."""

from random import Random

import numpy as np
from dma_bench import shallow
from myhdl import Signal, modbv
from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.rtl.lib.bundles import PadWrite, TileWrite
from myvta.rtl.lib.elements import MAX_LANES

INDICES = 1 << 17
LOG_DEPTH = 5
REACH = 24
"""Elements that the random traffic uses, of 32 in the memory."""


class Bench:
    """A small memory of one type between the signals of a loader and a reader."""

    def __init__(self, memory, name, log_bus, kind):
        log_size = LOG_DEPTH + NAMED[name].log_tile_bits(kind) - 3
        config = NAMED[name].replace(
            log_bus_width=log_bus, **{f"log_{kind.name.lower()}_buff_size": log_size},
        )
        self.kind, self.element, self.beat = kind, config.tile_bytes(kind), config.bus_bytes
        self.columns = max(self.element // self.beat, 1)
        self.lanes = max(self.beat // self.element, 1)
        self.clock, self.reset = clock_and_reset()
        self.write, self.pad = TileWrite(config, MAX_LANES), PadWrite()
        self.read_enable = Signal(False)
        self.read_address = Signal(modbv(0)[config.log_depth(kind):])
        self.read_data = Signal(modbv(0)[8 * self.element:])
        self.block = memory(
            self.clock, self.write, self.pad, self.read_enable, self.read_address, self.read_data,
            config=config, memory_type=kind,
        )

    def run(self, on_edge, limit):
        simulate([self.block], self.clock, self.reset, on_edge, limit=limit)


class Traffic:
    """Random beats, pads and reads of a Bench, and the array they make.

    A beat of several elements is in the memory after the first edge, a beat of a larger element
    after the second.  Parts of an element that is being zeroed may be zero before it is ready.
    """

    def __init__(self, bench, seed):
        self.bench, self.random = bench, Random(seed)
        self.contents = np.zeros((REACH, bench.element), np.uint8)
        self.zeroing = None  # element that is being zeroed
        self.pad_index = None  # that of the pad which is offered
        self.expected = None  # of the last read: data, bytes that may be zero
        self.landing = None  # beat of a column on its way: element, first byte, data
        self.pads = self.waits = self.reads = 0

    def edge(self):
        """Check one cycle and drive the next."""
        bench, write, pad = self.bench, self.bench.write, self.bench.pad
        self._check_read()
        beat = self._beat() if write.valid and write.memory_type == bench.kind else []
        assert write.ready
        wanted = bool(pad.valid) and pad.memory_type == bench.kind
        if wanted:
            self.pads, self.zeroing = self.pads + bool(pad.ready), int(pad.index)
            busy = beat if bench.lanes > 1 else self.landing
            assert pad.ready or busy, "without data a pad is taken at once"
            self.waits += not pad.ready
        self._land(beat)
        if wanted and pad.ready:
            self.contents[int(pad.index)], self.zeroing = 0, None
        self._drive_pad(not pad.valid or bool(pad.ready) or not wanted)
        self._drive_write()
        bench.read_enable.next = self.random.random() < 0.7
        bench.read_address.next = self.random.randrange(REACH)

    def _check_read(self):
        """A read returns the contents before its edge, a cycle later, and holds."""
        bench = self.bench
        if self.expected is not None:
            data, unsure = self.expected
            seen = np.frombuffer(int(bench.read_data).to_bytes(bench.element, "little"), np.uint8)
            assert ((seen == data) | (unsure & (seen == 0))).all()
            self.reads += 1
        if bench.read_enable:
            at = int(bench.read_address)
            self.expected = self.contents[at].copy(), at == self.zeroing

    def _beat(self):
        """The elements of the beat that is offered: element, first byte, data."""
        bench, write = self.bench, self.bench.write
        data = np.frombuffer(int(write.data).to_bytes(bench.beat, "little"), np.uint8)
        if bench.lanes == 1:
            return [(int(write.index), int(write.column) * bench.beat, data)]
        return [
            ((int(write.index) + lane) % INDICES, 0, data[lane * bench.element:][:bench.element])
            for lane in range(bench.lanes) if write.lanes[lane]
        ]

    def _land(self, beat):
        landed = beat
        if self.bench.lanes == 1:
            landed, self.landing = self.landing or [], beat
        for at, start, data in landed:
            self.contents[at, start:start + len(data)] = data

    def _drive_pad(self, may_change):
        if may_change:
            bench, random = self.bench, self.random
            self.pad_index = random.randrange(REACH)
            bench.pad.valid.next = random.random() < 0.6
            bench.pad.index.next = self.pad_index
            bench.pad.memory_type.next = self._type()

    def _drive_write(self):
        """Offer a beat that does not meet the pad: data and padding of one LOAD never do."""
        bench, write, random = self.bench, self.bench.write, self.random
        write.valid.next = random.random() < 0.6
        write.memory_type.next = self._type()
        write.data.next = random.getrandbits(8 * bench.beat)
        write.column.next = random.randrange(bench.columns)
        if bench.lanes == 1:
            index, mask = random.randrange(REACH), 1
            if index == self.pad_index:
                index = (index + 1) % REACH
        else:
            index, mask = random.randrange(1 - bench.lanes, REACH), 0
            for lane in range(bench.lanes):
                if 0 <= index + lane < REACH and index + lane != self.pad_index:
                    mask |= random.randrange(2) << lane
        write.index.next, write.lanes.next = index % INDICES, mask

    def _type(self):
        return self.bench.kind if self.random.random() < 0.9 else self.bench.kind ^ 1


def zero_all(bench):
    """Return an ``on_edge`` that zeroes every element within reach, and is true at the end."""
    zeroed = set()

    def on_edge(_cycle):
        pad = bench.pad
        if pad.valid and pad.ready:
            zeroed.add(int(pad.index))
        pad.valid.next = len(zeroed) < REACH
        pad.index.next, pad.memory_type.next = min(len(zeroed), REACH - 1), bench.kind
        return len(zeroed) == REACH and not pad.valid

    return on_edge


def run_against_array(memory, name, log_bus, kind, cycles):
    """Drive a memory for ``cycles``, checking each; return the Traffic with its counts."""
    bench = shallow(Bench, memory, name, log_bus, kind)
    traffic, zero, state = Traffic(bench, f"{name}{kind}"), zero_all(bench), {"start": None}

    def on_edge(cycle):
        if state["start"] is None:
            state["start"] = cycle if zero(cycle) else None
            return False
        traffic.edge()
        return cycle == state["start"] + cycles

    bench.run(on_edge, cycles + 10 * REACH)
    return traffic

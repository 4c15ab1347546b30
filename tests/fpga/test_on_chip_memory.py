"""memory and axi_arbiter: two masters with random bursts, one slave, against a byte array."""

from collections import deque
from random import Random

import pytest
from fpga_bench import NarrowMemory
from rtl_bench import clock_and_reset, simulate

from myvta.fpga.axi_arbiter import axi_arbiter
from myvta.fpga.on_chip_memory import memory
from myvta.isa.config import NAMED
from myvta.rtl.lib.bundles import Axi4

CONFIG = NAMED["1x4x4"]
SIZE = 1 << 11


class Master:
    """Random bursts inside [low, high), several under way; reads what it wrote itself."""

    def __init__(self, axi, random, low, high, count, bus, go=1.0, ready=1.0, mirror=None):
        self.axi, self.random, self.bus, self.go, self.ready = axi, random, bus, go, ready
        self.low, self.high, self.left = low, high, count
        self.mirror = bytearray(mirror if mirror is not None else bytes(high))
        self.reads, self.beats, self.written = deque(), deque(), deque()
        self.checked = self.answers = 0

    @property
    def done(self):
        axi = self.axi
        return not (self.left or self.reads or self.beats or self.written or axi.arvalid
                    or axi.awvalid or axi.wvalid)

    def edge(self, cycle):
        axi = self.axi
        if axi.rvalid and axi.rready:
            at, size, last = self.reads.popleft()
            lane = at % self.bus
            outside = at >= self.high
            assert bool(axi.rlast) == last and axi.rresp == (2 if outside else 0)
            if not outside:
                value = int(axi.rdata) >> 8 * lane & (1 << 8 * (size - at % size)) - 1
                want = self.mirror[at:(at & -size) + size]
                assert value == int.from_bytes(want, "little"), hex(at)
            self.checked += 1
        if axi.bvalid and axi.bready:
            assert axi.bresp == self.written.popleft()
            self.answers += 1
        if axi.arready:
            axi.arvalid.next = False
        if axi.awready:
            axi.awvalid.next = False
        if axi.wready or not axi.wvalid:
            axi.wvalid.next = bool(self.beats)
            if self.beats:
                axi.wdata.next, axi.wstrb.next, axi.wlast.next = self.beats.popleft()
        owed = self.reads or self.written or self.beats
        shown = axi.arvalid or axi.awvalid or axi.wvalid
        if self.left and not owed and not shown and self.random.random() < self.go:
            self.begin()
        axi.rready.next = self.random.random() < self.ready
        axi.bready.next = self.random.random() < self.ready

    def begin(self):
        axi, random = self.axi, self.random
        self.left -= 1
        size = 1 << random.randrange(self.bus.bit_length())
        at, beats = random.randrange(self.low, self.high - 16 * size), random.randrange(1, 17)
        outside = random.random() < 0.1 and self.high == SIZE
        if outside:
            at = SIZE + 64 * random.randrange(4)
        places, here = [], at
        for _ in range(beats):
            places.append(here)
            here = (here & -size) + size
        if random.random() < 0.5:
            axi.arvalid.next, axi.araddr.next, axi.arlen.next = True, at, beats - 1
            axi.arsize.next, axi.arburst.next = size.bit_length() - 1, 1
            self.reads.extend((place, size, k == beats - 1) for k, place in enumerate(places))
            return
        axi.awvalid.next, axi.awaddr.next, axi.awlen.next = True, at, beats - 1
        axi.awsize.next, axi.awburst.next = size.bit_length() - 1, 1
        for k, place in enumerate(places):
            lanes = ((1 << (place & -size) % self.bus + size) - 1) & -(1 << place % self.bus)
            strobe, data = random.getrandbits(self.bus) & lanes, random.getrandbits(8 * self.bus)
            start = place // self.bus * self.bus
            if not outside:
                for lane in range(self.bus):
                    if strobe >> lane & 1:
                        self.mirror[start + lane] = data >> 8 * lane & 0xFF
            self.beats.append((data, strobe, k == beats - 1))
        self.written.append(2 if outside else 0)


@pytest.mark.parametrize("bus, go, ready", [(6, 1.0, 1.0), (7, 0.7, 0.5), (8, 1.0, 0.3)])
def test_memory_reads_written_words(bus, go, ready):
    config = CONFIG.replace(log_bus_width=bus)
    clock, reset = clock_and_reset()
    axi = Axi4(config)
    master = Master(axi, Random(bus), 0, SIZE, 150, config.bus_bytes, go, ready)
    block = memory(clock, reset, axi, config=config, size=SIZE)

    def on_edge(cycle):
        master.edge(cycle)
        return master.done

    simulate([block], clock, reset, on_edge, limit=40_000)
    assert master.checked > 200 and master.answers > 20


def test_a_burst_moves_a_beat_in_every_cycle():
    clock, reset = clock_and_reset()
    axi, beats = Axi4(CONFIG), []
    block = memory(clock, reset, axi, config=CONFIG, size=SIZE)

    def on_edge(cycle):
        axi.rready.next = True
        axi.arvalid.next = cycle == 0
        axi.arlen.next, axi.arsize.next = 15, 3
        if axi.rvalid:
            beats.append(cycle)
        return len(beats) == 16

    simulate([block], clock, reset, on_edge, limit=100)
    assert beats == list(range(beats[0], beats[0] + 16))
    with pytest.raises(ValueError, match="a power of two of at least a beat, not 1000"):
        memory(clock, reset, axi, config=CONFIG, size=1000)


@pytest.mark.parametrize("seed, one_go, two_go, slave_go", [
    (1, 1.0, 1.0, 1.0), (2, 1.0, 0.1, 0.5), (3, 0.2, 1.0, 0.8),
])
def test_two_masters_share_without_starvation(seed, one_go, two_go, slave_go):
    random, (clock, reset) = Random(seed), clock_and_reset()
    one, two, both = Axi4(CONFIG), Axi4(CONFIG), Axi4(CONFIG)
    slave = NarrowMemory(both, CONFIG, random, size=SIZE, go=slave_go)
    half = SIZE // 2
    first = Master(one, random, 0, half, 120, 8, one_go, 0.7, slave.memory)
    second = Master(two, random, half, SIZE - 256, 120, 8, two_go, 0.7, slave.memory)
    ends = {}

    def on_edge(cycle):
        for name, master in (("first", first), ("second", second)):
            master.edge(cycle)
            if master.done:
                ends.setdefault(name, cycle)
        slave.edge(cycle)
        return len(ends) == 2

    block = axi_arbiter(clock, reset, one, two, both)
    simulate([block], clock, reset, on_edge, limit=60_000)
    assert slave.memory[:half] == first.mirror[:half]
    assert slave.memory[half:] == second.mirror[half:SIZE - 256] + slave.memory[SIZE - 256:]
    assert first.checked > 100 and second.checked > 100


def test_busy_master_does_not_starve_the_other():
    """One has an address up in every cycle; the other gets its turn after one burst of it."""
    random, (clock, reset) = Random(1), clock_and_reset()
    one, two, both = Axi4(CONFIG), Axi4(CONFIG), Axi4(CONFIG)
    slave, got = NarrowMemory(both, CONFIG, random, size=SIZE), []

    def on_edge(cycle):
        slave.edge(cycle)
        one.arvalid.next, one.arlen.next, one.arsize.next, one.arburst.next = True, 15, 3, 1
        one.rready.next = two.rready.next = True
        two.arburst.next, two.arsize.next = 1, 3
        if cycle == 100:
            two.arvalid.next = True
        elif two.arready:
            two.arvalid.next = False
        if two.rvalid:
            got.append(cycle)
        return bool(got)

    end = simulate([axi_arbiter(clock, reset, one, two, both)], clock, reset, on_edge, limit=2000)
    assert end < 102 * 16 + 40  # what was taken before, and no more

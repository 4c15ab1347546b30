"""lookup_fill: beats of LUT become entries in order, padding zeroes whole tables."""

from random import Random

import pytest
from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.isa.opcodes import LUT_ENTRIES, LUT_TABLES, MemoryType
from myvta.rtl.compute.lookup import TableWrite
from myvta.rtl.compute.lookup_fill import lookup_fill
from myvta.rtl.lib.bundles import PadWrite, TileWrite
from myvta.rtl.lib.elements import MAX_LANES


class Bench:
    """Random beats and padding at one side, tables as a list at the other."""

    def __init__(self, log_bus):
        self.config, self.random = NAMED["1x4x4"].replace(log_bus_width=log_bus), Random(log_bus)
        self.in_beat = self.config.bus_width // 16
        self.clock, self.reset = clock_and_reset()
        self.write, self.pad = TileWrite(self.config, MAX_LANES), PadWrite()
        self.fill = TableWrite()
        self.block = lookup_fill(
            self.clock, self.reset, self.write, self.pad, self.fill, config=self.config,
        )
        self.written = [None] * (LUT_TABLES * LUT_ENTRIES)
        self.expected = list(self.written)
        self.settled = True  # no beat and no table is half written
        self.beat_cycles = self.pad_cycles = self.beats = self.pads = 0

    def edge(self, cycle):
        if self.fill.valid:
            self.written[int(self.fill.address)] = int(self.fill.entry)
        if self.settled:
            assert self.written == self.expected, cycle
        if self.write.valid:
            self.take_beat()
        elif self.pad.valid:
            self.take_pad()
        self.settled = not self.beat_cycles and not self.pad_cycles
        if not self.pad_cycles:
            self.pad.valid.next = self.random.random() < 0.05
            self.pad.index.next = 3
        if not self.beat_cycles:
            self.offer_beat()
        return cycle == 6000

    def take_beat(self):
        assert not self.pad.ready
        self.beat_cycles += 1
        assert self.write.ready == (self.beat_cycles == self.in_beat)
        if self.write.ready:
            first = int(self.write.index) * LUT_ENTRIES + int(self.write.column) * self.in_beat
            for number in range(self.in_beat):
                self.expected[first + number] = int(self.write.data) >> 16 * number & 0xFFFF
            self.beat_cycles, self.beats = 0, self.beats + 1

    def take_pad(self):
        self.pad_cycles += 1
        assert self.pad.ready == (self.pad_cycles == LUT_ENTRIES)
        if self.pad.ready:
            first = int(self.pad.index) * LUT_ENTRIES
            self.expected[first:first + LUT_ENTRIES] = [0] * LUT_ENTRIES
            self.pad_cycles, self.pads = 0, self.pads + 1

    def offer_beat(self):
        """Offer a beat of a table that is not the padding's: they never meet in a LOAD."""
        write, random = self.write, self.random
        write.valid.next = random.random() < 0.2
        write.memory_type.next = MemoryType.LUT
        write.data.next = random.getrandbits(self.config.bus_width)
        write.index.next = random.randrange(LUT_TABLES - 1)
        write.column.next = random.randrange(LUT_ENTRIES // self.in_beat)


@pytest.mark.parametrize("log_bus", [6, 7, 8])
def test_beats_and_padding_become_entries(log_bus):
    bench = Bench(log_bus)
    simulate([bench.block], bench.clock, bench.reset, bench.edge, limit=6001)
    assert bench.beats > 100
    assert bench.pads > 2

"""row_writes: every beat of random plans, against elements counted one by one; rows and faults."""

from collections import deque
from random import Random

import pytest
from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.isa.opcodes import ErrorCode, MemoryType
from myvta.rtl.lib.bundles import Fault, PortError, ReadClient, RowCount, TileWrite, bit
from myvta.rtl.lib.elements import MAX_LANES
from myvta.rtl.load.load_plan import LoadPlan
from myvta.rtl.load.row_writes import row_writes

INP, WGT, UOP = MemoryType.INP, MemoryType.WGT, MemoryType.UOP


class Rows:
    """The data of a plan and the beats it must become."""

    def __init__(self, config, random, kind, *, y_size=None, index=0):
        size = config.tile_bytes(kind)
        self.lanes = max(config.bus_bytes // size, 1)
        columns = max(size // config.bus_bytes, 1)
        self.y_size = random.choice((0, 1, 1, 2, 5)) if y_size is None else y_size
        self.x_size = random.randrange(1, 40 // columns + 2)
        gap, start = random.choice((0, 1, 30)), random.randrange(1 << 16)
        lane, stride = random.randrange(self.lanes), random.randrange(self.lanes)
        self.fields = {
            "memory_type": kind, "y_size": self.y_size, "x_size": self.x_size, "gap": gap,
            "data_index": start, "lane": lane, "lane_stride": stride, "index": index,
        }
        self.beats = []  # ({lane: element}, column, ends its row)
        for row in range(self.y_size):
            position = (lane + row * stride) % self.lanes
            at = start + row * (self.x_size + gap)
            places = [divmod(position + element, self.lanes) for element in range(self.x_size)]
            for beat in range(places[-1][0] + 1):
                holds = {
                    place[1]: at + element
                    for element, place in enumerate(places) if place[0] == beat
                }
                for column in range(columns):
                    ends = beat == places[-1][0] and column == columns - 1
                    self.beats.append((holds, column, ends))


class Bench:
    """Starts plans one after the other; memory and scratchpad pause with their probability."""

    def __init__(self, config, plans, *, seed=0, rate=1.0, take=1.0, bad=None):
        self.random, self.plans, self.rate, self.take = Random(seed), plans, rate, take
        self.bad = bad  # number of the beat that fails, its error
        self.clock, self.reset = clock_and_reset()
        self.plan, self.start, self.busy = LoadPlan(), bit(), bit()
        self.read, self.write = ReadClient(config), TileWrite(config, MAX_LANES)
        self.rows, self.fault = RowCount(), Fault()
        self.block = row_writes(
            self.clock, self.reset, self.plan, self.start, read=self.read, write=self.write,
            rows=self.rows, busy=self.busy, fault=self.fault, config=config,
        )
        self.bus_width = config.bus_width
        self.current, self.expected = None, deque()
        self.started = self.written = self.fetched = self.offered = 0
        self.row_due = None

    def run(self, until, limit=6000):
        def on_edge(cycle):
            self.check()
            if self.start:
                self.current = self.plans[self.started]
                self.expected = deque(self.current.beats)
                self.started += 1
            self.drive()
            return until(cycle)

        simulate([self.block], self.clock, self.reset, on_edge, limit=limit)

    def idle(self, _cycle):
        """Everything has been written."""
        return self.started == len(self.plans) and not self.start and not self.busy

    def check(self):
        read, write = self.read, self.write
        assert bool(self.busy) == bool(self.expected)
        assert bool(self.rows.valid) == (self.row_due is not None)
        if self.row_due:
            assert (int(self.rows.memory_type), int(self.rows.tiles)) == self.row_due
        self.row_due = None
        if self.fault.raised:
            return
        fails = self.bad and read.data_valid and self.busy and self.fetched == self.bad[0]
        assert bool(write.valid) == bool(read.data_valid and self.busy and not fails)
        assert bool(read.data_ready) == bool(self.busy and write.ready)
        self.fetched += bool(read.data_valid and read.data_ready)
        if not write.valid:
            return
        holds, column, ends = self.expected[0]
        assert int(write.lanes) % (1 << self.current.lanes) == sum(1 << lane for lane in holds)
        for lane, element in holds.items():
            assert (int(write.index) + lane) % (1 << 17) == element
        assert int(write.column) == column
        assert write.memory_type == self.current.fields["memory_type"]
        assert write.data == read.data
        if write.ready:
            self.expected.popleft()
            self.written += 1
            if ends:
                self.row_due = int(write.memory_type), self.current.x_size

    def drive(self):
        read, random = self.read, self.random
        if not self.start and not self.busy and self.started < len(self.plans):
            self.start.next = True
            for name, value in self.plans[self.started].fields.items():
                getattr(self.plan, name).next = value
        else:
            self.start.next = False
            self.plan.y_size.next = self.plan.x_size.next = 3  # the next plan shows already
        if not read.data_valid or read.data_ready:
            read.data_valid.next = random.random() < self.rate
            read.data.next = random.getrandbits(self.bus_width)
            read.data_error.next = PortError.NONE
            if self.bad and self.fetched == self.bad[0]:
                read.data_error.next = self.bad[1]
        self.write.ready.next = random.random() < self.take


CASES = [
    ("default", 6, (INP, WGT)), ("default", 8, (INP, UOP)), ("1x4x4", 6, (UOP, WGT)),
    ("1x4x4_int4", 8, (INP, WGT, UOP)),
]


@pytest.mark.parametrize("name, log_bus, kinds", CASES)
@pytest.mark.parametrize("rate, take", [(1, 1), (0.6, 0.6)])
def test_random_plans_write_every_element_once(name, log_bus, kinds, rate, take):
    config, random = NAMED[name].replace(log_bus_width=log_bus), Random(log_bus)
    plans = [Rows(config, random, random.choice(kinds)) for _ in range(25)]
    bench = Bench(config, plans, seed=log_bus, rate=rate, take=take)
    bench.run(bench.idle)
    assert bench.written == sum(len(plan.beats) for plan in plans) > 50


def test_one_beat_per_cycle():
    config = NAMED["1x4x4_int4"].replace(log_bus_width=7)
    plan = Rows(config, Random(3), INP, y_size=20)
    bench, moments = Bench(config, [plan]), []

    def until(cycle):
        if bench.written > len(moments):
            moments.append(cycle)
        return bench.idle(cycle)

    bench.run(until)
    assert moments == list(range(moments[0], moments[0] + len(plan.beats)))


@pytest.mark.parametrize("error, code", [
    (PortError.WINDOW, ErrorCode.WINDOW), (PortError.BUS, ErrorCode.BUS),
])
@pytest.mark.parametrize("bad", [0, 7])
@pytest.mark.parametrize("take", [1.0, 0.3])
def test_data_from_the_first_error_on_is_discarded(
    error, code, bad, take,
):
    config = NAMED["1x4x4"]
    plans = [Rows(config, Random(4), WGT, y_size=9, index=41)]
    bench, since = Bench(config, plans, take=take, bad=(bad, error)), []

    def until(cycle):
        if bench.fault.raised:
            since.append(cycle)
            assert (int(bench.fault.code), int(bench.fault.index)) == (code, 41)
            assert bench.read.data_ready and not bench.write.valid and bench.busy
        return len(since) == 40

    bench.run(until)
    assert bench.written == bad

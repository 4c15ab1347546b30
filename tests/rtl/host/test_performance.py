"""performance: random states against sums made in Python."""

from random import Random

from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.isa.register_map import PERFORMANCE
from myvta.rtl.host.performance import performance
from myvta.rtl.host.register_values import Results
from myvta.rtl.host.status import FetchStatus, LaunchControl, ModuleStatus
from myvta.rtl.lib.bundles import Axi4, Stream, bit

CONFIG = NAMED["1x4x4"]


class Bench:
    def __init__(self):
        self.clock, self.reset = clock_and_reset()
        launch, fetch, self.halt = LaunchControl(), FetchStatus(), bit()
        self.launch, self.busy = launch.start, launch.busy
        self.done, self.blocked = fetch.done, fetch.blocked
        self.streams = [Stream(4) for _ in range(3)]
        self.engines = [ModuleStatus() for _ in range(3)]
        self.starved = [engine.starved for engine in self.engines]
        self.bus, self.results = Axi4(CONFIG), Results(CONFIG)
        self.block = performance(
            self.clock, self.reset, launch, self.halt, *self.streams, fetch, *self.engines,
            m_axi=self.bus, results=self.results,
        )

    @property
    def inputs(self):
        streams = [wire for stream in self.streams for wire in (stream.valid, stream.ready)]
        engines = [wire for engine in self.engines for wire in (engine.idle, engine.waiting)]
        bus = [self.bus.arvalid, self.bus.arready, self.bus.awvalid, self.bus.awready]
        own = [self.busy, self.halt, self.done, self.blocked]
        return [*streams, *engines, *bus, *own, *self.starved]

    def events(self):
        """Return the names of the counters that this cycle increments."""
        if self.busy and not self.halt:
            handed = any(stream.valid and stream.ready for stream in self.streams)
            yield "FETCH_" + first(
                ("DONE", self.done), ("QUEUE", self.blocked), ("READ", not handed)
            )
            for name, engine, starved, cause in zip(
                ("LOAD", "COMPUTE", "STORE"), self.engines, self.starved,
                ("READ", "READ", "WRITE"), strict=True,
            ):
                yield f"{name}_" + first(
                    ("EMPTY", engine.idle), ("TOKEN", engine.waiting), (cause, starved)
                )
        if self.bus.arvalid and self.bus.arready:
            yield "READ_BURSTS"
        if self.bus.awvalid and self.bus.awready:
            yield "WRITE_BURSTS"


def first(*causes):
    return next((name for name, holds in causes if holds), "BUSY")


def test_counts_equal_sums_and_launch_clears_them():
    random, bench = Random(5), Bench()
    expected = {name.name: 0 for group in PERFORMANCE.values() for name in group}
    seen, last = set(), []

    def on_edge(cycle):
        nonlocal last
        shown = {name: int(getattr(bench.results, name.lower())) for name in expected}
        assert shown == expected, cycle
        for event in last:
            expected[event] += 1
            seen.add(event)
        last = list(bench.events())
        if bench.launch:
            expected.update(dict.fromkeys(expected, 0))
        for wire in bench.inputs:
            wire.next = random.random() < 0.4
        bench.busy.next = random.random() < 0.9
        bench.launch.next = cycle == 700
        return cycle == 1200

    simulate([bench.block], bench.clock, bench.reset, on_edge, limit=1201)
    assert seen == set(expected)

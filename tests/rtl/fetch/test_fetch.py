"""fetch with dispatch and gearbox, behind the memory port: order, routing, ends, faults, speed."""

from random import Random

import pytest
from myhdl import Signal, modbv
from rtl_axi import AxiMemory
from rtl_bench import StreamSink, clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.isa.instructions import Finish, Gemm, Load, Store, decode, encode, route
from myvta.isa.opcodes import ErrorCode, MemoryType, Module
from myvta.rtl.fetch.fetch import fetch
from myvta.rtl.host.status import FetchStatus
from myvta.rtl.lib.bundles import (
    ENTRY_BITS,
    Axi4,
    PortStatus,
    ReadClient,
    Stream,
    WriteClient,
    bit,
    word,
)
from myvta.rtl.memory.memory_port import memory_port

CONFIG = NAMED["1x4x4"]
BUSES = (6, 7, 8)


class Bench:
    """fetch and its port; the other clients of the port are asleep."""

    def __init__(self, words, base=0x1000, count=None, bus=6, seed=0, rate=1.0, **memory):
        self.config = CONFIG.replace(log_bus_width=bus)
        self.words, self.random = words, Random(seed)
        self.clock, self.reset = clock_and_reset()
        self.status = FetchStatus()
        self.index, self.fault = self.status.index, self.status.fault
        self.done, self.blocked = self.status.done, self.status.blocked
        self.streams = [Stream(ENTRY_BITS) for _ in Module]
        window = memory.get("window", (0, 0xFFFF))
        axi = Axi4(self.config)
        reads = [ReadClient(self.config) for _ in range(3)]
        count = len(words) if count is None else count
        insn_base, insn_count, window_base, window_limit = (
            Signal(modbv(value)[32:]) for value in (base, count, *window)
        )
        self.blocks = [
            fetch(
                self.clock, self.reset, insn_base, insn_count, reads[0], *self.streams,
                status=self.status, config=self.config,
            ),
            memory_port(
                self.clock, self.reset, bit(), window_base, window_limit, *reads,
                WriteClient(self.config), axi, PortStatus(), config=self.config,
            ),
        ]
        self.memory = AxiMemory(axi, self.config, self.random, **memory)
        data = b"".join(value.to_bytes(16, "little") for value in words)
        self.memory.memory[base : base + len(data)] = data[: 0x10000 - base]
        self.sinks = [StreamSink(stream, self.random, rate) for stream in self.streams]

    def run(self, until, limit=6000, each=None):
        def on_edge(cycle):
            assert sum(bool(stream.valid) for stream in self.streams) <= 1
            if each is not None:
                each(cycle)
            self.memory.edge(cycle)
            for sink in self.sinks:
                sink.edge(cycle)
            self.fault_report = int(self.fault.code), int(self.fault.index)
            self.outputs = {
                name: bool(getattr(self, name)) for name in ("done", "blocked")
            } | {"fault": bool(self.fault.raised)}
            return until(cycle)

        return simulate(self.blocks, self.clock, self.reset, on_edge, limit=limit)

    @property
    def taken(self):
        """Entries in the order in which they were handed over: module, index, instruction."""
        rows = [
            (cycle, Module(number), entry >> 128, entry & (1 << 128) - 1)
            for number, sink in enumerate(self.sinks) for cycle, entry in sink.taken
        ]
        assert len({row[0] for row in rows}) == len(rows)
        return [row[1:] for row in sorted(rows)]

    def expect(self, count):
        """The first ``count`` instructions as they must be handed over."""
        return [
            (route(decode(value, self.config)), index, value)
            for index, value in enumerate(self.words[:count])
        ]


def random_words(seed, count):
    """Words of any content, FINISH apart."""
    random = Random(seed)
    words = []
    while len(words) < count:
        value = random.getrandbits(128)
        if value & 7 != 3:
            words.append(value)
    return words


@pytest.mark.parametrize("bus, base, count, stall, rate", [
    (6, 0x1010, 2, 0.0, 1.0), (6, 0x1FF0, 90, 0.5, 0.4),
    (7, 0x1070, 9, 0.0, 1.0), (7, 0x1FF0, 90, 0.5, 0.4),
    (8, 0x1000, 1, 0.0, 1.0), (8, 0x1010, 2, 0.0, 1.0), (8, 0x1FF0, 90, 0.5, 0.4),
])
def test_every_instruction_arrives_in_order_at_its_queue(bus, base, count, stall, rate):
    bench = Bench(random_words(count, count), base, bus=bus, stall=stall, rate=rate, latency=7)
    bench.run(lambda cycle: bench.done)
    assert bench.taken == bench.expect(count)
    assert bench.outputs == {"done": True, "blocked": False, "fault": False}
    size = bench.config.bus_bytes
    read = [at for _, _, address, beats in bench.memory.log
            for at in range(address, address + beats * size, size)]
    assert read == list(range(base // size * size, base + 16 * count, size))


@pytest.mark.parametrize("bus", BUSES)
def test_nothing_after_finish_is_handed_over(bus):
    words = random_words(1, 300)
    words[41] = encode(Finish(), CONFIG)
    bench = Bench(words, 0x1FF0 - 44 * 16, bus=bus, window=(0x1000, 0x1FFF))
    extra = []
    bench.run(lambda cycle: bool(bench.done) and (extra.append(cycle) or len(extra) == 100))
    assert bench.taken == bench.expect(42)
    assert bench.outputs == {"done": True, "blocked": False, "fault": False}


def test_an_empty_stream_is_done_and_reads_nothing():
    bench = Bench(random_words(0, 4), count=0)
    bench.run(lambda cycle: cycle == 30)
    assert bench.outputs == {"done": True, "blocked": False, "fault": False}
    assert not bench.taken and not bench.memory.log


@pytest.mark.parametrize("bus", BUSES)
@pytest.mark.parametrize("code", [ErrorCode.WINDOW, ErrorCode.BUS])
def test_a_failed_read_names_its_instruction(bus, code):
    base, bad = 0x2000 - 21 * 16, 21
    more = {"window": (0x1000, 0x1FFF)} if code == ErrorCode.WINDOW else {"errors": {0x2000: 2}}
    bench = Bench(random_words(3, 64), base, bus=bus, **more)
    bench.run(lambda cycle: bench.fault.raised)
    assert bench.fault_report == (code, bad)
    assert bench.taken == bench.expect(bad)
    assert bench.outputs == {"done": False, "blocked": False, "fault": True}


def test_an_error_on_the_second_beat_of_an_instruction_is_its_error():
    bench = Bench(random_words(3, 8), errors={0x1000 + 5 * 16 + 8: 3})
    bench.run(lambda cycle: bench.fault.raised)
    assert bench.fault_report == (ErrorCode.BUS, 5)
    assert bench.taken == bench.expect(5)


@pytest.mark.parametrize("bus", BUSES)
def test_a_stream_past_the_address_space_is_refused(bus):
    base = (1 << 32) - 32
    config = CONFIG.replace(log_bus_width=bus)
    bench = Bench([], base, 5, bus=bus, window=(0xFFFF_F000, 0xFFFF_FFFF), silent=True)
    bench.run(lambda cycle: cycle == 60)  # the memory is too small to answer: only requests matter
    asked = [(address, beats) for _, _, address, beats in bench.memory.log]
    assert asked == [(base, 32 // config.bus_bytes)]


def test_a_full_queue_blocks_and_releases():
    words = [
        encode(Load(memory_type=MemoryType.INP), CONFIG), encode(Gemm(), CONFIG),
        encode(Load(memory_type=MemoryType.WGT), CONFIG), encode(Store(), CONFIG),
    ]
    bench = Bench(words)
    bench.sinks[Module.LOAD].rate = 0.0
    seen = []

    def each(cycle):
        if bench.blocked:
            seen.append(cycle)
            assert bench.streams[Module.LOAD].valid and not bench.taken and not bench.done
        if len(seen) == 30:
            bench.sinks[Module.LOAD].rate = 1.0

    bench.run(lambda cycle: bench.done, each=each)
    assert bench.taken == bench.expect(4) and len(seen) >= 30


def test_not_blocked_while_the_next_instruction_is_being_read():
    bench = Bench(random_words(5, 9), silent=True)
    bench.run(lambda cycle: cycle == 50)
    assert bench.outputs == {"done": False, "blocked": False, "fault": False}


@pytest.mark.parametrize("bus, latency, least", [
    (6, 1, 0.499), (6, 64, 0.499), (7, 64, 0.75), (8, 64, 0.65), (8, 1, 0.99),
])
def test_fetch_delivers_an_instruction_every_two_beats(bus, latency, least):
    """Instructions a cycle, from the first to the last: the bus's own rate where it can be."""
    bench = Bench(random_words(7, 256), bus=bus, latency=latency)
    bench.run(lambda cycle: bench.done)
    cycles = sorted(cycle for sink in bench.sinks for cycle, _ in sink.taken)
    assert 255 / (cycles[-1] - cycles[0]) >= least


def fetch_top(config):
    """The block that test_replay converts."""
    clock, reset = clock_and_reset()
    streams = [Stream(ENTRY_BITS) for _ in Module]
    return fetch(
        clock, reset, word(32), word(32), ReadClient(config), *streams, status=FetchStatus(),
        config=config,
    )

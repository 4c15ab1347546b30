"""memory_port: order, rates, fairness, window, bus errors and halt, against a byte array."""

from random import Random

import pytest
from myhdl import Signal, modbv
from rtl_axi import AxiMemory, Reader, Writer
from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.rtl.lib.bundles import Axi4, PortError, ReadClient, WriteClient, bit
from myvta.rtl.memory.memory_port import memory_port
from myvta.rtl.memory.read_port import READS
from myvta.rtl.memory.write_port import WRITES

CONFIG = NAMED["1x4x4"]
SIZE = 1 << 16


class Bench:
    """The port, its memory and four clients; ``step`` is one clock edge for all of them."""

    def __init__(self, seed=0, bus=6, rate=1.0, ready=1.0, window=(0, SIZE - 1), **memory):
        self.config = CONFIG.replace(log_bus_width=bus)
        self.bytes = self.config.bus_bytes
        self.random = Random(seed)
        self.clock, self.reset = clock_and_reset()
        self.halt, self.idle, self.draining, self.moved = (bit() for _ in range(4))
        self.base, self.limit = (Signal(modbv(value)[32:]) for value in window)
        self.axi = Axi4(self.config)
        clients = [ReadClient(self.config) for _ in range(3)]
        store = WriteClient(self.config)
        self.block = memory_port(
            self.clock, self.reset, self.halt, self.base, self.limit, *clients, store, self.axi,
            self.idle, self.draining, self.moved, config=self.config,
        )
        self.memory = AxiMemory(
            self.axi, self.config, self.random, size=SIZE, window=window, **memory
        )
        self.readers = [Reader(client, self.random, rate, ready) for client in clients]
        self.writer = Writer(store, self.random, rate)

    def step(self, cycle):
        self.memory.edge(cycle)
        for reader in self.readers:
            reader.edge(cycle)
        self.writer.edge(cycle)

    def reset_clients(self):
        """What the modules' reset does to their side of the port."""
        for reader in self.readers:
            reader.requests.clear()
            reader.client.request_valid.next = False
            reader.answers[:] = [[]]
            reader.beats.clear()
        for queue in (self.writer.requests, self.writer.data, self.writer.done):
            queue.clear()
        self.writer.client.request_valid.next = self.writer.client.data_valid.next = False

    def run(self, until, limit=20_000):
        def on_edge(cycle):
            self.step(cycle)
            return until(cycle)

        return simulate([self.block], self.clock, self.reset, on_edge, limit=limit)

    def burst(self, low, high):
        """A random burst inside one aligned block of 16 beats, in [low, high)."""
        block = self.random.randrange(low, high, 16 * self.bytes) // (16 * self.bytes)
        first = self.random.randrange(16)
        return (block * 16 + first) * self.bytes, self.random.randint(1, 16 - first)

    def fill_writer(self, count, low, high):
        """Give the writer random bursts; return the memory as it must be in the end."""
        expected = bytearray(self.memory.memory)
        for _ in range(count):
            address, beats = self.burst(low, high)
            data = [
                (self.random.getrandbits(8 * self.bytes), self.random.getrandbits(self.bytes))
                for _ in range(beats)
            ]
            self.writer.requests.append((address, data))
            for beat, (value, strobe) in enumerate(data):
                for lane in range(self.bytes):
                    if strobe >> lane & 1:
                        expected[address + beat * self.bytes + lane] = value >> 8 * lane & 0xFF
        return expected

    def expect(self, address, beats):
        """What a read inside the window must give."""
        return [
            (int.from_bytes(self.memory.memory[at : at + self.bytes], "little"),
             PortError.BUS if self.memory.errors.get(at, 0) & 2 else PortError.NONE)
            for at in range(address, address + beats * self.bytes, self.bytes)
        ]


@pytest.mark.parametrize("bus, latency, stall, shy, rate, ready", [
    (6, 1, 0.0, False, 1.0, 1.0),
    (6, 20, 0.3, True, 0.5, 0.7),
    (7, 5, 0.6, False, 0.9, 0.3),
    (8, 70, 0.1, True, 1.0, 0.9),
])
def test_random_traffic_with_refusals_and_bus_errors(bus, latency, stall, shy, rate, ready):
    bench = Bench(
        bus, bus, rate, ready, latency=latency, stall=stall, shy=shy, window=(0x2000, 0xDFFF)
    )
    random = bench.random
    for _ in range(30):
        at = random.randrange(0x2000, 0xE000, bench.bytes)
        bench.memory.errors[at] = random.choice([0, 1, 2, 3])
    asked = []
    for reader in bench.readers:
        bursts = [bench.burst(0x1000, 0x8000) for _ in range(40)]
        bursts[random.randrange(40)] = ((1 << 32) + 0x4000, 3)
        reader.requests.extend(bursts)
        asked.append(bursts)
    expected = bench.fill_writer(60, 0x8000, 0xF000)
    expected[0xE000:] = bench.memory.memory[0xE000:]  # refused
    writes = [(address, len(data)) for address, data in bench.writer.requests]

    def until(cycle):
        return len(bench.writer.done) == 60 and all(
            len(reader.answers) == 41 for reader in bench.readers
        )

    bench.run(until)
    for reader, bursts in zip(bench.readers, asked, strict=True):
        for (address, beats), answer in zip(bursts, reader.answers[:-1], strict=True):
            if 0x2000 <= address < 0xE000:
                assert answer == bench.expect(address, beats)
            else:
                assert [error for _, error in answer] == [PortError.WINDOW]
    assert bench.memory.memory == expected
    for (address, beats), (_, error) in zip(writes, bench.writer.done, strict=True):
        at = range(address, address + beats * bench.bytes, bench.bytes)
        response = next((r for r in (bench.memory.errors.get(a, 0) for a in at) if r), 0)
        assert error == (
            PortError.WINDOW if address >= 0xE000
            else PortError.BUS if response & 2 else PortError.NONE
        )


STREAMS = [(6, 1), (6, 64), (7, 16), (8, 64)]  # log2 of the bus width, latency


@pytest.mark.parametrize("bus, latency", STREAMS)
def test_reads_stream_a_beat_every_cycle(bus, latency):
    bench = Bench(bus=bus, latency=latency)
    bench.readers[2].requests.extend((block * 16 * bench.bytes, 16) for block in range(32))
    bench.run(lambda cycle: len(bench.readers[2].beats) == 512)
    cycles = [cycle for cycle, _, _ in bench.readers[2].beats]
    assert cycles == list(range(cycles[0], cycles[0] + 512))
    assert cycles[0] == bench.readers[2].asked[0][0] + 3 + latency


@pytest.mark.parametrize("bus, latency", STREAMS)
def test_writes_stream_a_beat_every_cycle(bus, latency):
    bench = Bench(bus=bus, latency=latency)
    for block in range(32):
        beats = [(block + beat, 255) for beat in range(16)]
        bench.writer.requests.append((block * 16 * bench.bytes, beats))
    bench.run(lambda cycle: len(bench.writer.done) == 32)
    cycles = bench.writer.beats
    assert cycles == list(range(cycles[0], cycles[0] + 512))
    assert cycles[0] == bench.writer.asked[0][0] + 4


def test_single_beat_reads_of_three_clients_share_fairly_and_fill_the_bus():
    bench = Bench(latency=16)
    for number, reader in enumerate(bench.readers):
        reader.requests.extend((0x1000 * number + 8 * k, 1) for k in range(200))
    counts = []
    bench.run(lambda cycle: counts.append([len(r.beats) for r in bench.readers]) or cycle == 320)
    assert all(max(count) - min(count) <= 1 for count in counts)
    assert sum(counts[-1]) - sum(counts[-301]) == 300  # a beat every cycle


def test_two_clients_alternate():
    bench = Bench(latency=1)
    for reader in (bench.readers[0], bench.readers[2]):
        reader.requests.extend((8 * k, 1) for k in range(100))
    counts = []
    bench.run(lambda cycle: counts.append([len(r.beats) for r in bench.readers]) or cycle == 90)
    assert all(abs(count[0] - count[2]) <= 1 and not count[1] for count in counts)


@pytest.mark.parametrize(
    "kind, least, most", [("ar", READS, READS + 4), ("aw", WRITES, 2 * WRITES + 8)],
)
def test_bursts_outstanding_when_the_memory_is_silent(kind, least, most):
    bench = Bench(silent=True)
    bench.readers[1].requests.extend((8 * k, 1) for k in range(100))
    for k in range(100):
        bench.writer.requests.append((8 * k, [(k, 255)]))
    bench.run(lambda cycle: cycle == 300)
    assert least <= sum(channel == kind for _, channel, _, _ in bench.memory.log) <= most


@pytest.mark.parametrize("base, limit", [(0xFFFF_F000, 0xFFF), (0x3000, 0x3FFF), (0, 0xFFFF)])
def test_window_is_exact_to_the_byte(base, limit):
    bench = Bench(window=(base, limit))
    addresses = [0, 0x2FF8, 0x3000, 0x3FF8, 0x4000, 0xFFF8, 0x1_0000 - 8, 1 << 32, (1 << 32) + base]
    bench.readers[0].requests.extend((at, 1) for at in addresses)
    bench.writer.requests.extend((at, [(0, 255)]) for at in addresses)
    bench.run(lambda cycle: len(bench.writer.done) == len(addresses) == len(bench.readers[0].beats))
    refused = [0 if base <= at and at + 7 <= limit else PortError.WINDOW for at in addresses]
    assert [error for _, error in bench.writer.done] == refused
    assert [error for _, _, error in bench.readers[0].beats] == refused


@pytest.mark.parametrize("kind", ["reads", "writes"])
def test_refused_bursts_between_short_ones_take_nobodys_answer(kind):
    bench = Bench(stall=0.4, latency=5, window=(0x1000, 0xFFFF))
    addresses = [0x2000 * (k % 2) + 8 * k for k in range(80)]
    for at in addresses:
        if kind == "reads":
            bench.readers[at // 8 % 3].requests.append((at, 1))
        else:
            bench.writer.requests.append((at, [(at, 255)]))
    done = [reader.beats for reader in bench.readers] + [bench.writer.done]
    bench.run(lambda cycle: sum(map(len, done)) == len(addresses))
    for client, beats in enumerate(done):
        mine = [at for at in addresses if (at // 8 % 3 if kind == "reads" else 3) == client]
        assert [beat[-1] == PortError.WINDOW for beat in beats] == [at < 0x1000 for at in mine]


@pytest.mark.parametrize("seed", range(8))
def test_halt_drains_and_the_next_launch_is_clean(seed):
    random = Random(seed)
    bench = Bench(
        seed, rate=0.8, ready=0.7, latency=random.choice([1, 9, 40]), stall=random.random() * 0.6,
        shy=bool(seed % 2),
    )
    for reader in bench.readers:
        reader.requests.extend(bench.burst(0, 0x8000) for _ in range(100))
    bench.fill_writer(60, 0x8000, 0x10000)
    bench.writer.rate = 0.3  # so that some beats are still missing
    moment, state = random.randrange(5, 200), {}
    second = [bench.burst(0, 0x8000) for _ in range(5)]

    def until(cycle):
        if cycle == moment:
            bench.halt.next = True
            bench.writer.rate = 0.0
        if cycle > moment and "idle" not in state:
            assert not any(r.client.data_valid or r.client.request_ready for r in bench.readers)
            assert not bench.writer.client.data_ready and not bench.writer.client.request_ready
            if bench.idle:
                state["idle"] = cycle
                assert not bench.memory.busy
                bench.halt.next = False  # as control does, while it resets the clients
                bench.reset_clients()
        elif "idle" in state and cycle == state["idle"] + 2:
            bench.writer.rate = 1.0
            bench.readers[seed % 3].requests.extend(second)
            state["expected"] = bench.fill_writer(5, 0x8000, 0x10000)
        return (
            "expected" in state and len(bench.writer.done) == 5
            and len(bench.readers[seed % 3].answers) == 6
        )

    bench.run(until)
    late = [strobe for cycle, _, strobe in bench.memory.written
            if moment + 1 < cycle <= state["idle"]]
    assert sum(strobe != 0 for strobe in late) <= 1  # the beat that was in the register
    assert not [
        entry for entry in bench.memory.log if moment + 2 < entry[0] <= state["idle"]
        and bench.memory.stall == 0 and not bench.memory.shy
    ]
    assert bench.readers[seed % 3].answers[:-1] == [bench.expect(*burst) for burst in second]
    assert bench.memory.memory == state["expected"]


@pytest.mark.parametrize("moment", range(1, 7))
@pytest.mark.parametrize("reads", [True, False])
def test_bursts_being_checked_when_the_halt_comes_are_dropped(moment, reads):
    bench, state = Bench(), {}
    bench.memory.stall = 1.0  # AR and AW stay full
    for number, reader in enumerate(bench.readers):
        reader.requests.extend((0x100 * number + 8 * k, 1) for k in range(3 * reads))
    for k in range(3 * (not reads)):
        bench.writer.requests.append((0x8000 + 8 * k, [(k, 255)]))

    def until(cycle):
        if cycle == moment:
            bench.halt.next = True
        if cycle == moment + 10:
            bench.memory.stall = 0.0
        if cycle > moment and bench.halt and bench.idle:
            state["idle"], state["issued"] = cycle, len(bench.memory.log)
            bench.halt.next = False
            bench.reset_clients()
        return "idle" in state and cycle == state["idle"] + 15

    bench.run(until)
    assert len(bench.memory.log) == state["issued"] <= 1
    assert not any(reader.beats for reader in bench.readers)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", ["reads", "writes"])
def test_halt_may_end_before_a_silent_memory_answers(seed, kind):
    """What comes late meets no client and no new burst; those start when it is over."""
    bench, state = Bench(seed, rate=0.7, latency=seed + 1), {}
    if kind == "reads":
        for reader in bench.readers:
            reader.requests.extend(bench.burst(0, 0x8000) for _ in range(100))
    bench.fill_writer(60, 0x8000, 0x10000)
    moment, again, speaks = 40 + seed, 150, 400
    second = [bench.burst(0, 0x8000) for _ in range(5)]

    def until(cycle):
        if cycle == moment:
            bench.memory.silent = True
            bench.halt.next = True
        if cycle == again - 20:
            assert not bench.idle and bench.halt
            bench.halt.next = False
            bench.reset_clients()
        if again - 18 < cycle < speaks:
            assert bench.draining and not bench.idle
        if cycle == again:
            bench.readers[seed % 3].requests.extend(second)
            state["expected"] = bench.fill_writer(5, 0x8000, 0x10000)
            state["issued"] = len(bench.memory.log)
        if again < cycle < speaks:
            assert not any(r.client.data_valid or r.client.request_ready for r in bench.readers)
            assert not bench.writer.client.done and not bench.writer.client.data_ready
            assert len(bench.memory.log) == state["issued"]
        if cycle == speaks:
            bench.memory.silent = False
        if cycle > speaks and bench.draining:
            assert len(bench.memory.log) == state["issued"]
        return (
            cycle > speaks and len(bench.writer.done) == 5
            and len(bench.readers[seed % 3].answers) == 6
        )

    bench.run(until)
    assert bench.readers[seed % 3].answers[:-1] == [bench.expect(*burst) for burst in second]
    assert not bench.draining and bench.memory.memory == state["expected"]


def test_moved_tells_every_transfer():
    bench, seen = Bench(stall=0.5, latency=3), []
    bench.readers[2].requests.extend(bench.burst(0, 0x8000) for _ in range(20))
    bench.fill_writer(20, 0x8000, 0x10000)

    def until(cycle):
        axi = bench.axi
        moves = any(
            getattr(axi, channel + "valid") and getattr(axi, channel + "ready")
            for channel in ("ar", "r", "aw", "w", "b")
        )
        assert bool(bench.moved) == moves
        seen.append(moves)
        return cycle == 300

    bench.run(until)
    assert 0 < sum(seen) < 300


@pytest.mark.parametrize("client", range(4))
def test_the_address_of_the_first_burst_that_failed_stays(client):
    """Refused or answered with an error; a second launch has its own."""
    bench = Bench(window=(0x1000, 0xFFFF), errors={0x2008: 2, 0x3000: 3})
    side = bench.writer if client == 3 else bench.readers[client]
    seen = []

    def ask(*addresses):
        for at in addresses:
            side.requests.append((at, [(0, 255)] * 2) if client == 3 else (at, 2))

    ask(0x1000, 0x2000, 0x0FF0, 0x3000, (1 << 32) + 0x4000)

    def until(cycle):
        if cycle == 80:
            seen.append(int(side.client.error_address))
            bench.halt.next = True
        if cycle == 85:
            assert bench.idle
            bench.halt.next = False
            bench.reset_clients()
            ask(0x1000, (1 << 32) + 0x4000, 0x2000)
        if cycle == 150:
            seen.append(int(side.client.error_address))
        return cycle == 150

    bench.run(until)
    assert seen == [0x2000, 0x4000]


def memory_port_top(config):
    return Bench(bus=config.log_bus_width).block

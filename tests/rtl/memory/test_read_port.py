"""read_port: data of random bursts against a byte array, rate, fairness, refusals and halt."""

import pytest
from port_bench import ReadBench

from myvta.rtl.lib.bundles import PortError
from myvta.rtl.memory.read_port import READS


@pytest.mark.parametrize("bus, latency, stall, shy, rate, ready", [
    (6, 20, 0.3, True, 0.5, 0.7), (7, 5, 0.6, False, 0.9, 0.3), (8, 70, 0.1, True, 1.0, 0.9),
])
def test_each_client_gets_its_answers_in_order(bus, latency, stall, shy, rate, ready):
    bench = ReadBench(
        bus, bus, rate, ready, latency=latency, stall=stall, shy=shy, window=(0x2000, 0xDFFF),
    )
    random = bench.random
    for _ in range(30):
        bench.memory.errors[random.randrange(0x2000, 0xE000, bench.bytes)] = random.randrange(4)
    asked = [[bench.burst(0, 0x10000) for _ in range(25)] for _ in bench.readers]
    for reader, bursts in zip(bench.readers, asked, strict=True):
        bursts[random.randrange(25)] = ((1 << 32) + 0x4000, 3)
        reader.requests.extend(bursts)
    bench.run(lambda cycle: all(len(reader.answers) == 26 for reader in bench.readers))
    bench.check_reads(asked, (0x2000, 0xE000))


@pytest.mark.parametrize("bus, latency", [(6, 1), (6, 64), (7, 16), (8, 64)])
def test_reads_stream_a_beat_every_cycle(bus, latency):
    bench = ReadBench(bus=bus, latency=latency)
    bench.readers[2].requests.extend((block * 16 * bench.bytes, 16) for block in range(32))
    bench.run(lambda cycle: len(bench.readers[2].beats) == 512)
    cycles = [cycle for cycle, _, _ in bench.readers[2].beats]
    assert cycles == list(range(cycles[0], cycles[0] + 512))
    assert cycles[0] == bench.readers[2].asked[0][0] + 3 + latency


def test_single_beat_reads_of_three_clients_share_fairly_and_fill_the_bus():
    bench = ReadBench(latency=16)
    for number, reader in enumerate(bench.readers):
        reader.requests.extend((0x1000 * number + 8 * k, 1) for k in range(200))
    counts = []
    bench.run(lambda cycle: counts.append([len(r.beats) for r in bench.readers]) or cycle == 320)
    assert all(max(count) - min(count) <= 1 for count in counts)
    assert sum(counts[-1]) - sum(counts[-301]) == 300  # a beat every cycle


def test_two_clients_alternate():
    bench = ReadBench(latency=1)
    for reader in (bench.readers[0], bench.readers[2]):
        reader.requests.extend((8 * k, 1) for k in range(100))
    counts = []
    bench.run(lambda cycle: counts.append([len(r.beats) for r in bench.readers]) or cycle == 90)
    assert all(abs(count[0] - count[2]) <= 1 and not count[1] for count in counts)


def test_outstanding_bursts_are_limited_on_silent_memory():
    bench = ReadBench(silent=True)
    bench.readers[1].requests.extend((8 * k, 1) for k in range(100))
    bench.run(lambda cycle: cycle == 300)
    assert READS <= len(bench.memory.log) <= READS + 4


def test_refused_bursts_consume_no_other_answer():
    bench = ReadBench(stall=0.4, latency=5, window=(0x1000, 0xFFFF))
    addresses = [0x2000 * (k % 2) + 8 * k for k in range(80)]
    for at in addresses:
        bench.readers[at // 8 % 3].requests.append((at, 1))
    bench.run(lambda cycle: sum(len(r.beats) for r in bench.readers) == len(addresses))
    for number, reader in enumerate(bench.readers):
        mine = [at for at in addresses if at // 8 % 3 == number]
        assert [error == PortError.WINDOW for _, _, error in reader.beats] == [
            at < 0x1000 for at in mine
        ]


@pytest.mark.parametrize("client", range(3))
@pytest.mark.parametrize("first", [0x2008, 0x0FF0])
def test_error_address_follows_the_first_failure_by_a_cycle(client, first):
    bench = ReadBench(window=(0x1000, 0xFFFF), errors={0x2008: 2, 0x3000: 3})
    reader, failed = bench.readers[client], []
    reader.requests.extend([(0x1000, 2), (first, 1), (0x3000, 2), ((1 << 32) + 0x4000, 1)])

    def until(cycle):
        side = reader.client
        assert side.error_address == (first if failed else 0)
        if side.data_valid and side.data_error != PortError.NONE:
            failed.append(cycle)
        return len(reader.answers) == 5

    bench.run(until)
    assert len(failed) == 3


@pytest.mark.parametrize("moment", [5, 10, 25])
@pytest.mark.parametrize("stall", [0.0, 0.3])
def test_a_halt_issues_nothing_and_discards_data(moment, stall):
    bench, state = ReadBench(latency=12, stall=stall), {}
    for reader in bench.readers:
        reader.requests.extend(bench.burst(0, 0x8000) for _ in range(20))

    def until(cycle):
        if cycle == moment:
            bench.halt.next = True
        if cycle > moment:
            assert not any(r.client.request_ready or r.client.data_valid for r in bench.readers)
            if bench.idle:
                assert not bench.memory.busy
                state.setdefault("idle", cycle)
            assert bool(bench.idle) == ("idle" in state), "it stays idle"
        return "idle" in state and cycle == state["idle"] + 10

    bench.run(until)
    if not stall:  # an address that is offered stays
        assert bench.memory.log[-1][0] == moment + 1

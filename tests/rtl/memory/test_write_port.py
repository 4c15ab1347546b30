"""write_port: bytes of random bursts against an array, rate, responses, refusals and halt."""

from collections import deque

import pytest
from port_bench import WriteBench

from myvta.rtl.lib.bundles import PortError
from myvta.rtl.memory.write_port import WRITES


@pytest.mark.parametrize("bus, latency, stall, shy, rate", [
    (6, 20, 0.3, True, 0.5), (7, 5, 0.6, False, 0.9), (8, 70, 0.1, True, 1.0),
])
def test_bytes_with_strobes_are_written_and_errors_come_in_order(bus, latency, stall, shy, rate):
    bench = WriteBench(
        bus, bus, rate, latency=latency, stall=stall, shy=shy, window=(0x2000, 0xDFFF),
    )
    for _ in range(30):
        at = bench.random.randrange(0x2000, 0xE000, bench.bytes)
        bench.memory.errors[at] = bench.random.randrange(4)
    before = bytes(bench.memory.memory)
    expected = bench.fill_writer(60, 0, 0x10000)
    expected[:0x2000], expected[0xE000:] = before[:0x2000], before[0xE000:]
    bursts = [(address, len(data)) for address, data in bench.writer.requests]
    bench.run(lambda cycle: len(bench.writer.done) == 60)
    assert bench.memory.memory == expected
    for (address, beats), (_, error) in zip(bursts, bench.writer.done, strict=True):
        places = range(address, address + beats * bench.bytes, bench.bytes)
        response = next(filter(None, (bench.memory.errors.get(at, 0) for at in places)), 0)
        if not 0x2000 <= address < 0xE000:
            assert error == PortError.WINDOW
        else:
            assert error == (PortError.BUS if response & 2 else PortError.NONE)


@pytest.mark.parametrize("bus, latency", [(6, 1), (6, 64), (7, 16), (8, 64)])
def test_writes_stream_a_beat_every_cycle(bus, latency):
    bench = WriteBench(bus=bus, latency=latency)
    for block in range(32):
        beats = [(block + beat, 255) for beat in range(16)]
        bench.writer.requests.append((block * 16 * bench.bytes, beats))
    bench.run(lambda cycle: len(bench.writer.done) == 32)
    cycles = bench.writer.beats
    assert cycles == list(range(cycles[0], cycles[0] + 512))
    assert cycles[0] == bench.writer.asked[0][0] + 4


def test_outstanding_bursts_are_limited_on_silent_memory():
    bench = WriteBench(silent=True)
    for k in range(100):
        bench.writer.requests.append((8 * k, [(k, 255)]))
    bench.run(lambda cycle: cycle == 300)
    assert WRITES <= len(bench.memory.log) <= 2 * WRITES + 8


def test_refused_bursts_consume_no_other_response():
    bench = WriteBench(stall=0.4, latency=5, window=(0x1000, 0xFFFF))
    addresses = [0x2000 * (k % 2) + 8 * k for k in range(80)]
    for at in addresses:
        bench.writer.requests.append((at, [(at, 255)]))
    bench.run(lambda cycle: len(bench.writer.done) == len(addresses))
    assert [error == PortError.WINDOW for _, error in bench.writer.done] == [
        at < 0x1000 for at in addresses
    ]


@pytest.mark.parametrize("shy", [False, True])
def test_addresses_are_issued_before_there_is_data(shy):
    bench = WriteBench(shy=shy)
    bench.writer.data = deque(maxlen=0)  # the client never has data
    for k in range(5):
        bench.writer.requests.append((0x100 * k, [(k, 255)] * 2))
    bench.run(lambda cycle: cycle == 60)
    assert len(bench.memory.log) == 5 and not bench.memory.written


def test_done_and_error_address_follow_the_response_by_a_cycle():
    bench = WriteBench(window=(0x1000, 0xFFFF), latency=4, errors={0x2008: 2, 0x3000: 3})
    for at in (0x1000, 0x2000, 0x3000):
        bench.writer.requests.append((at, [(0, 255)] * 2))
    answered, client = [], bench.writer.client

    def until(cycle):
        assert bool(client.done) == (bool(answered) and answered[-1] == cycle - 1)
        assert client.error_address == (0x2000 if len(answered) > 1 else 0)
        if bench.axi.bvalid and bench.axi.bready:
            answered.append(cycle)
        return len(bench.writer.done) == 3

    bench.run(until)
    assert [error for _, error in bench.writer.done] == [
        PortError.NONE, PortError.BUS, PortError.BUS,
    ]


@pytest.mark.parametrize("moment", [6, 9, 30])
def test_a_halt_completes_issued_bursts_without_writing(moment):
    bench, state = WriteBench(latency=12), {}
    before = bytes(bench.memory.memory)
    for k in range(30):
        bench.writer.requests.append((0x100 * k, [(k, 255)] * 16))

    def until(cycle):
        if cycle == moment:
            bench.halt.next = True
        if cycle > moment:
            client = bench.writer.client
            assert not client.request_ready and not client.data_ready
            assert cycle == moment + 1 or not client.done
            if bench.idle:
                assert not bench.memory.busy
                state.setdefault("idle", cycle)
            assert bool(bench.idle) == ("idle" in state), "it stays idle"
        return "idle" in state and cycle == state["idle"] + 10

    bench.run(until)
    written = {address for cycle, address, strobe in bench.memory.written if strobe}
    late = [strobe for cycle, _, strobe in bench.memory.written if cycle > moment + 1]
    assert late and sum(strobe != 0 for strobe in late) <= 1  # the beat that was in the register
    assert all(
        before[at] == bench.memory.memory[at] for at in range(0x2000) if at // 8 * 8 not in written
    )

"""memory_port: concurrent reads and writes, window and bus errors, against a byte array.

Each half alone: test_read_port, test_write_port.
"""

import pytest
from port_bench import Bench

from myvta.rtl.lib.bundles import PortError


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
    bench.check_reads(asked, (0x2000, 0xE000))
    assert bench.memory.memory == expected
    for (address, beats), (_, error) in zip(writes, bench.writer.done, strict=True):
        at = range(address, address + beats * bench.bytes, bench.bytes)
        response = next((r for r in (bench.memory.errors.get(a, 0) for a in at) if r), 0)
        assert error == (
            PortError.WINDOW if address >= 0xE000
            else PortError.BUS if response & 2 else PortError.NONE
        )


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
def test_address_of_the_first_failed_burst_is_kept(client):
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
    """The block that test_replay converts."""
    return Bench(bus=config.log_bus_width).block

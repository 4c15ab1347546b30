"""read_buffer: requests unchanged, beats in order and one cycle late, and the capacity."""

from random import Random

import pytest
from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.rtl.lib.bundles import ReadClient
from myvta.rtl.memory.read_buffer import read_buffer, read_register

DEPTH = 8


def buffer(clock, reset, client, port):
    return read_buffer(clock, reset, client, port, depth=DEPTH)


class Bench:
    """Memory offers numbered beats at ``port``, the client takes them, each with pauses."""

    def __init__(self, make, *, offer=1.0, take=1.0, seed=0):
        self.random, self.offer, self.take = Random(seed), offer, take
        self.clock, self.reset = clock_and_reset()
        self.client, self.port = (ReadClient(NAMED["default"]) for _ in range(2))
        self.block = make(self.clock, self.reset, self.client, self.port)
        self.sent, self.taken = [], []  # (cycle, beat): data, error, last

    @staticmethod
    def beat(side):
        return int(side.data), int(side.data_error), bool(side.data_last)

    def step(self, cycle):
        client, port, random = self.client, self.port, self.random
        if client.data_valid and client.data_ready:
            self.taken.append((cycle, self.beat(client)))
        if port.data_valid and port.data_ready:
            self.sent.append((cycle, self.beat(port)))
        if not port.data_valid or port.data_ready:
            port.data_valid.next = random.random() < self.offer
            port.data.next, port.data_error.next = random.getrandbits(64), random.randrange(3)
            port.data_last.next = random.random() < 0.3
        client.data_ready.next = random.random() < self.take

    def run(self, until, limit=2000):
        def on_edge(cycle):
            self.step(cycle)
            return until(cycle)

        simulate([self.block], self.clock, self.reset, on_edge, limit=limit)


@pytest.mark.parametrize("make", [buffer, read_register])
def test_requests_pass_in_the_same_cycle(make):
    bench, random = Bench(make), Random(2)
    names = ("request_valid", "request_address", "request_beats")

    def until(cycle):
        for name in names:
            assert getattr(bench.port, name) == getattr(bench.client, name)
            signal = getattr(bench.client, name)
            signal.next = random.getrandbits(len(signal))
        assert bool(bench.client.request_ready) == bool(bench.port.request_ready)
        bench.port.request_ready.next = random.random() < 0.5
        return cycle == 100

    bench.run(until)


@pytest.mark.parametrize("make", [buffer, read_register])
@pytest.mark.parametrize("offer, take", [(1, 0.5), (0.5, 1), (0.5, 0.5), (0.9, 0.2)])
def test_beats_keep_their_order_error_and_last(make, offer, take):
    bench = Bench(make, offer=offer, take=take)
    bench.run(lambda cycle: len(bench.taken) == 200)
    assert [beat for _, beat in bench.taken] == [beat for _, beat in bench.sent][:200]
    assert all(taken > sent
               for (sent, _), (taken, _) in zip(bench.sent, bench.taken, strict=False))


@pytest.mark.parametrize("make", [buffer, read_register])
def test_one_beat_per_cycle_one_cycle_late(make):
    bench = Bench(make)
    bench.run(lambda cycle: len(bench.taken) == 50)
    first = bench.sent[0][0]
    assert [cycle for cycle, _ in bench.sent[:50]] == list(range(first, first + 50))
    assert [cycle for cycle, _ in bench.taken] == list(range(first + 1, first + 51))


@pytest.mark.parametrize("make, room", [(buffer, DEPTH + 2), (read_register, 2)])
def test_capacity_without_a_reader(make, room):
    bench = Bench(make, take=0.0)
    bench.run(lambda cycle: cycle == 30)
    cycles = [cycle for cycle, _ in bench.sent]
    assert cycles == list(range(cycles[0], cycles[0] + room)), "without a pause until it is full"
    assert not bench.port.data_ready


def test_port_is_always_ready_for_depth_outstanding_beats():
    bench, random = Bench(buffer, offer=0.0), Random(5)

    def until(cycle):
        assert bench.port.data_ready
        held = len(bench.sent) - len(bench.taken) + bool(bench.port.data_valid)
        bench.offer = float(held < DEPTH - 1)
        bench.take = float(random.random() < 0.3)
        return cycle == 500

    bench.run(until)
    assert len(bench.taken) > 100

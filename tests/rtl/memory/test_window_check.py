"""window_check: refusals against the bytes of a burst, order, latency and a halt."""

from collections import deque
from random import Random

import pytest
from myhdl import Signal, modbv
from rtl_bench import clock_and_reset, simulate

from myvta.rtl.lib.bundles import bit
from myvta.rtl.memory.window_check import BurstRequest, Checked, window_check

BEAT = 32  # bytes of the widest port


class Bench:
    """Random bursts round the edges of a window; every cycle is compared with a list."""

    def __init__(self, window, *, seed=0, asking=1.0, taking=1.0, halting=0.0):
        self.random, self.window = Random(seed), window
        self.asking, self.taking, self.halting = asking, taking, halting
        self.clock, self.reset = clock_and_reset()
        self.halt, self.empty = bit(), bit()
        self.base, self.limit = (Signal(modbv(address)[32:]) for address in window)
        self.request, self.checked = BurstRequest(), Checked()
        self.block = window_check(
            self.clock, self.reset, halt=self.halt, window_base=self.base,
            window_limit=self.limit, request=self.request, checked=self.checked, empty=self.empty,
        )
        self.inside = deque()  # (first cycle in which it may show, burst)
        self.left = -1  # cycle of the last one that left
        self.passed, self.refused = [], 0

    def burst(self):
        """One inside an aligned block of 16 beats, often next to an edge of the window."""
        random = self.random
        edge = random.choice((*self.window, 0, 1 << 32, random.getrandbits(33)))
        block = (edge // (16 * BEAT) + random.choice((-1, 0, 0, 1))) % (1 << 33 - 9)
        first = random.randrange(16)
        return (block * 16 + first) * BEAT, random.randint(1, 16 - first), random.randrange(3)

    def is_refused(self, address, beats):
        base, limit = self.window
        return not base <= address <= address + beats * BEAT - 1 <= limit

    def edge(self, cycle):
        request, checked = self.request, self.checked
        shows = bool(self.inside) and cycle >= max(self.inside[0][0], self.left + 1)
        assert bool(checked.valid) == shows
        assert bool(self.empty) == (not self.inside)
        assert not (self.halt and request.ready)
        if not self.halt and len(self.inside) < 2:
            assert request.ready
        if shows:
            address, beats, owner = self.inside[0][1]
            refused = self.is_refused(address, beats)
            assert checked.address == address % (1 << 32) and checked.beats == beats
            assert checked.owner == owner and bool(checked.refused) == refused
            if checked.ready:
                self.inside.popleft()
                self.left = cycle
                self.passed.append(cycle)
                self.refused += refused
        if request.valid and request.ready:
            self.inside.append((
                cycle + 2, (int(request.address), int(request.beats), int(request.owner)),
            ))
        self.drive()

    def drive(self):
        request = self.request
        if not request.valid or request.ready:
            request.valid.next = self.random.random() < self.asking
            request.address.next, request.beats.next, request.owner.next = self.burst()
        self.checked.ready.next = self.random.random() < self.taking
        self.halt.next = self.random.random() < self.halting

    def run(self, cycles):
        def on_edge(cycle):
            self.edge(cycle)
            return cycle == cycles

        simulate([self.block], self.clock, self.reset, on_edge, limit=cycles + 1)


@pytest.mark.parametrize("window", [
    (0, 0xFFFF_FFFF), (0x3000, 0x3FFF), (0x7FFF_F000, 0x8000_0FFF), (0xFFFF_F000, 0xFFFF_FFFF),
    (0x5000, 0x4FFF),
])
@pytest.mark.parametrize("asking, taking, halting", [
    (1, 1, 0), (0.5, 0.9, 0), (0.9, 0.4, 0), (0.8, 0.8, 0.2),
])
def test_every_cycle_equals_the_model(window, asking, taking, halting):
    bench = Bench(window, asking=asking, taking=taking, halting=halting)
    bench.run(400)
    assert 0 < bench.refused < len(bench.passed) or window[0] > window[1]
    assert len(bench.passed) > 100


def test_one_burst_per_cycle():
    bench = Bench((0x3000, 0x3FFF))
    bench.run(100)
    assert bench.passed == list(range(3, 101))


def test_a_halt_empties_it():
    bench = Bench((0x3000, 0x3FFF))

    def on_edge(cycle):
        bench.halting = float(cycle >= 10)
        bench.taking = float(cycle >= 15)
        bench.edge(cycle)
        assert cycle < 20 or bench.empty
        return cycle == 30

    simulate([bench.block], bench.clock, bench.reset, on_edge, limit=31)
    assert 2 <= len(bench.passed) <= 3

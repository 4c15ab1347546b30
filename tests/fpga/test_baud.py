"""baud: ticks at the given rate, evenly, whether or not the clock is a multiple of it."""

import pytest
from rtl_bench import clock_and_reset, simulate

from myvta.fpga.baud import baud
from myvta.rtl.lib.bundles import bit


def tick_cycles(clock_hz, rate, cycles):
    """Return the cycles in which ``tick`` is high."""
    clock, reset = clock_and_reset()
    tick, seen = bit(), []

    def on_edge(cycle):
        if tick:
            seen.append(cycle)
        return cycle == cycles - 1

    block = baud(clock, reset, tick, clock_hz=clock_hz, rate=rate)
    simulate([block], clock, reset, on_edge, limit=cycles)
    return seen


@pytest.mark.parametrize("clock_hz, rate", [
    (24_000_000, 3_000_000), (100_000_000, 24_000_000), (48_000_000, 921_600), (1_000, 999), (7, 7),
])
def test_tick_rate_is_exact_and_intervals_differ_by_one_cycle(clock_hz, rate):
    cycles = 5000
    ticks = tick_cycles(clock_hz, rate, cycles)
    assert abs(len(ticks) - cycles * rate / clock_hz) <= 1
    shortest = clock_hz // rate
    intervals = {after - before for before, after in zip(ticks, ticks[1:], strict=False)}
    assert intervals <= {shortest, shortest + (clock_hz % rate != 0)}


@pytest.mark.parametrize("rate", [0, -1, 101])
def test_rate_must_be_positive_and_not_above_the_clock(rate):
    clock, reset = clock_and_reset()
    with pytest.raises(ValueError, match=rf"rate must be 1\.\.100 \(the clock\), not {rate}"):
        baud(clock, reset, bit(), clock_hz=100, rate=rate)

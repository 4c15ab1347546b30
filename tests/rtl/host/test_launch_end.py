"""launch_end: cancel, watchdog, a bus that never becomes idle, and the registers afterwards."""

from random import Random

import pytest
from control_bench import FAULTS, LAUNCH, MODULES, Bench, merge, pulse, raise_fault

from myvta.isa.opcodes import ErrorCode
from myvta.rtl.host.launch_end import DRAIN_CYCLES, QUIET_CYCLES


def at_work(cycle=9, fetch=50, **oldest):
    """Script: these modules have instructions, the oldest as given; fetch is at 50."""
    wires = {"fetch.index": fetch}
    for module, index in oldest.items():
        wires |= {f"{module}.present": True, f"{module}.oldest": index}
    return {cycle: wires}


@pytest.mark.parametrize("present", range(8))
def test_cancel_ends_with_the_lowest_index_under_way(present):
    random = Random(present)
    oldest = {name: random.getrandbits(32) for n, name in enumerate(MODULES) if present >> n & 1}
    bench = Bench()
    last = bench.play(merge(LAUNCH, at_work(**oldest), pulse(15, "launch.cancel")), 20)
    assert (last["control"], last["error_code"], last["error_index"], last["error_address"]) == (
        6, ErrorCode.RESET, min(oldest.values(), default=50), 0
    )
    assert bench.cycles("halt") == [17, 18] and last["cycles"] == 11


@pytest.mark.parametrize("cycle", [3, 5, 12, 13, 14, 30])
def test_cancel_without_a_running_launch_does_nothing(cycle):
    """Before, with, in the drain of, and after a launch that ended by itself in cycle 10."""
    bench = Bench()
    script = merge(LAUNCH, {7: {"port.idle": False}}, pulse(10, "finish"),
                   {20: {"port.idle": True}}, pulse(cycle, "launch.cancel"))
    assert bench.play(script, 40)["control"] == 2
    assert bench.trace[-1]["error_code"] == 0


def test_an_end_in_the_same_cycle_wins_over_cancel_and_watchdog():
    for script, code in (
        (pulse(12, "finish"), ErrorCode.NONE), (raise_fault(11, *FAULTS[1]), ErrorCode.WINDOW),
    ):
        bench = Bench()
        script = merge({0: {"watchdog": 7}}, LAUNCH, script, pulse(12, "launch.cancel"))
        last = bench.play(script, 20)
        assert last["error_code"] == code and last["cycles"] == 8


@pytest.mark.parametrize("limit", [1, 2, 7, 200])
def test_the_watchdog_ends_a_launch_of_more_cycles(limit):
    bench = Bench()
    last = bench.play(merge({0: {"watchdog": limit}}, LAUNCH, at_work(store=4)), limit + 12)
    index = 4 if limit > 4 else 0
    assert (last["control"], last["error_code"], last["error_index"]) == (
        6, ErrorCode.WATCHDOG, index
    )
    assert last["cycles"] == limit + 1 and bench.cycles("halt") == [limit + 7, limit + 8]


def test_launch_of_exactly_the_watchdog_limit_succeeds():
    bench = Bench()
    last = bench.play(merge({0: {"watchdog": 20}}, LAUNCH, pulse(24, "finish")), 40)
    assert last["control"] == 2 and last["cycles"] == 20


def test_watchdog_of_zero_never_ends_a_launch():
    assert Bench().play(LAUNCH, 3000)["busy"]


def test_idle_bus_is_abandoned_after_its_limit_and_draining_is_reported():
    bench = Bench()
    script = merge(
        LAUNCH, {7: {"port.idle": False, "port.draining": True}}, pulse(10, "launch.cancel"),
        {2000: {"port.draining": False}},
    )
    bench.play(script, 2010)
    assert bench.cycles("halt") == list(range(12, 13 + DRAIN_CYCLES))
    assert bench.cycles("ended") == [13 + DRAIN_CYCLES]
    rows = bench.trace
    assert rows[12 + DRAIN_CYCLES]["control"] == 1
    assert {row["control"] for row in rows[13 + DRAIN_CYCLES:2001]} == {6 | 16}
    assert rows[2005]["control"] == 6


def test_every_transfer_starts_the_wait_again():
    bench = Bench()
    script = merge(
        LAUNCH, {7: {"port.idle": False}}, pulse(10, "launch.cancel"), pulse(500, "port.moved"),
        pulse(1400, "port.moved"),
    )
    bench.play(script, 1450 + DRAIN_CYCLES)
    assert bench.cycles("ended") == [1402 + DRAIN_CYCLES]


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("code", [ErrorCode.WINDOW, ErrorCode.BUS, ErrorCode.STEP_INDEX])
def test_error_address_is_that_of_the_faulty_client(number, code):
    owner = FAULTS[number][0]
    addresses = {f"{name}.error_address": 0x1000 * n + 8
                 for n, name in enumerate(("fetch", *MODULES), 1)}
    bench = Bench()
    last = bench.play(merge(LAUNCH, {8: addresses}, raise_fault(10, owner, code, 3)), 20)
    expected = 0 if code == ErrorCode.STEP_INDEX else addresses[f"{owner}.error_address"]
    assert (last["error_code"], last["error_address"]) == (code, expected)
    second = Bench()
    script = merge(LAUNCH, {8: addresses}, raise_fault(10, owner, code, 3),
                   {14: {f"{owner}.fault.raised": False}}, pulse(16, "launch.start"))
    assert second.play(script, 20)["error_address"] == 0


def test_cancel_takes_precedence_over_a_deadlock():
    bench = Bench()
    wires = {"fetch.done": True, "load.idle": True, "store.idle": True, "compute.waiting": True}
    script = merge(LAUNCH, at_work(compute=7), {9: wires}, pulse(8 + QUIET_CYCLES, "launch.cancel"))
    last = bench.play(script, 20 + QUIET_CYCLES)
    assert (last["error_code"], last["error_index"]) == (ErrorCode.RESET, 7)

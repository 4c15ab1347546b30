"""axi_memory: against a byte array, its timing to the cycle, and each rule broken once."""

from random import Random as PythonRandom

import numpy as np
import pytest
from axi_master import AxiMaster, Traffic
from cosim_signals import MEMORY_BYTES, MemoryBench

from myvta.cosim.axi_memory import EARLY, OUTSTANDING, Checker, Random
from myvta.cosim.rules import Counter, Rule

OKAY, DECERR = 0, 3


@pytest.mark.parametrize("log_bus, options", [
    (6, {}), (7, dict(latency=9, stall=40, seed=3)), (8, dict(bandwidth=37, shy=1)),
])
def test_random_bursts_read_and_write_as_a_byte_array(log_bus, options):
    bench = MemoryBench(log_bus, **options)
    traffic = Traffic(0, MEMORY_BYTES, 120, 0.8, 0.6, outside=MEMORY_BYTES, error=DECERR)
    master = AxiMaster(bench.axi, PythonRandom(log_bus), traffic, bytearray(bench.bytes))

    def step(cycle):
        master.edge(cycle)
        return master.done

    bench.run(step, 30_000)
    assert bench.checker.violation is None
    assert bench.bytes.tobytes() == master.mirror
    assert bench.memory.outstanding == (0, 0)
    counters = dict(zip(Counter, bench.counters, strict=True))
    assert counters[Counter.READ_BEATS] == master.read_beats > 200
    assert counters[Counter.WRITE_BURSTS] == master.write_responses > 20
    assert counters[Counter.READ_BURSTS] + counters[Counter.WRITE_BURSTS] == traffic.bursts
    assert counters[Counter.OUTSIDE] > 0


def test_addresses_count_from_the_base():
    bench, end = MemoryBench(base=0x1000), 0x1000 + MEMORY_BYTES
    responses = []

    def step(cycle):
        bench.axi.rready.next = True
        if cycle < 4:
            bench.address("ar", (0xFF8, 0x1008, end - 8, end)[cycle])
        else:
            bench.axi.arvalid.next = False
        if bench.axi.rvalid and bench.axi.rready:
            responses.append((int(bench.axi.rresp), int(bench.axi.rdata)))
        return len(responses) == 4

    bench.run(step, 20)
    inside = [int.from_bytes(bench.bytes[at : at + 8].tobytes(), "little")
              for at in (8, MEMORY_BYTES - 8)]
    assert [response for response, _ in responses] == [DECERR, OKAY, OKAY, DECERR]
    assert [value for _, value in responses[1:3]] == inside
    assert bench.counters[Counter.OUTSIDE] == 2


@pytest.mark.parametrize("options, start, interval", [
    (dict(latency=0), 1, 1), (dict(latency=1), 1, 1), (dict(latency=17), 17, 1),
    (dict(bandwidth=50), None, 2), (dict(bandwidth=25), None, 4),
])
def test_read_beats_come_after_the_latency_at_the_bandwidth(options, start, interval):
    bench = MemoryBench(**options)
    accepted, beats = [], []

    def step(cycle):
        axi = bench.axi
        axi.rready.next = True
        if axi.arvalid and axi.arready:
            accepted.append(cycle)
            axi.arvalid.next = False
        elif not accepted:
            bench.address("ar", 0, 16)
        if axi.rvalid and axi.rready:
            beats.append(cycle)
        return len(beats) == 16

    bench.run(step, 200)
    if start is not None:
        assert beats[0] == accepted[0] + start
    assert {after - before for before, after in zip(beats, beats[1:], strict=False)} == {interval}


def test_a_write_is_visible_with_its_response_and_not_before():
    bench = MemoryBench(latency=20)
    before, log = bench.bytes.copy(), []

    def step(cycle):
        axi = bench.axi
        axi.bready.next = True
        if cycle == 0:
            bench.address("aw", 0x10)
            bench.data(0x1122334455667788, 0b0011_1100)
        if axi.awvalid and axi.awready:
            axi.awvalid.next = False
        if axi.wvalid and axi.wready:
            axi.wvalid.next = False
            log.append(("data", cycle))
        if not axi.bvalid:
            assert np.array_equal(bench.bytes, before)
        else:
            log.append(("response", cycle))
        return bool(axi.bvalid)

    bench.run(step, 60)
    assert log[1][1] - log[0][1] == 20
    assert bench.bytes[0x10:0x18].tobytes() == (
        before[0x10:0x12].tobytes() + bytes([0x66, 0x55, 0x44, 0x33]) + before[0x16:0x18].tobytes())


def test_data_may_come_before_its_address():
    bench = MemoryBench()
    beats = []

    def step(cycle):
        axi = bench.axi
        axi.bready.next = True
        if axi.wvalid and axi.wready:
            beats.append(cycle)
        bench.data(len(beats), last=len(beats) == 15)
        axi.wvalid.next = len(beats) < EARLY
        if cycle == 60:
            assert (len(beats), bench.memory.outstanding) == (EARLY, (0, 1))
            assert not axi.wready  # no more than that
            bench.address("aw", 0, EARLY)
        elif axi.awready:
            axi.awvalid.next = False
        return bool(axi.bvalid)

    bench.run(step, 100)
    assert bench.checker.violation is None
    assert bench.bytes[: 8 * EARLY : 8].tolist() == list(range(EARLY))


def test_no_more_than_so_many_bursts_are_outstanding():
    bench = MemoryBench(latency=1000)

    def step(cycle):
        bench.address("ar", 0)
        return False

    bench.run(step, OUTSTANDING + 50)
    assert bench.memory.outstanding == (OUTSTANDING, 0)


def test_a_shy_memory_raises_ready_only_after_it_has_seen_valid():
    bench = MemoryBench(shy=1)
    ready = []

    def step(cycle):
        ready.append([int(getattr(bench.axi, name)) for name in ("arready", "awready", "wready")])
        if cycle == 5:
            bench.address("ar", 0)
        if bench.axi.arready:
            bench.axi.arvalid.next = False
        return False

    bench.run(step, 20)
    assert [cycle for cycle, (arready, _, _) in enumerate(ready) if arready] == [7]
    assert not any(awready or wready for _, awready, wready in ready)


def test_reset_forgets_everything_in_flight():
    bench = MemoryBench(latency=5)
    outstanding = []

    def step(cycle):
        bench.address("ar", 0)
        bench.address("aw", 0)
        bench.data(1)
        outstanding.append(bench.memory.outstanding)
        if cycle == 4:
            bench.memory.reset()
            outstanding.append(bench.memory.outstanding)
        return cycle == 4

    bench.run(step, 6)
    assert min(outstanding[-2]) > 0 and outstanding[-1] == (0, 0)


def broken(bench, steps):
    """Apply ``steps``, by cycle, and return the violation; the memory is never ready."""
    bench.run(lambda cycle: cycle in steps and steps[cycle](), 8)
    return bench.checker.violation


@pytest.mark.parametrize("rule, address, text", [
    (Rule.SIZE, dict(address=0, log_size=4), "AR of 16 bytes per beat on a bus of 8"),
    (Rule.LENGTH, dict(address=0x40, beats=17), "AR at 0x00000040 has 17 beats"),
    (Rule.BURST_TYPE, dict(address=0x40, burst=2), "AR at 0x00000040 has burst type 2, not INCR"),
    (Rule.BOUNDARY_4K, dict(address=0xFF8, beats=2),
     "AR of 2 beats of 8 bytes at 0x00000ff8 crosses a 4 KiB boundary"),
])
def test_an_address_against_the_rules_is_reported(rule, address, text):
    bench = MemoryBench()
    violation = broken(bench, {2: lambda: bench.address("ar", **address)})
    assert (violation.rule, violation.cycle) == (rule, 3)
    assert text in str(violation)


@pytest.mark.parametrize("address, strobe, last, rule, text", [
    (0, 0xFF, False, Rule.LAST, ""),
    (4, 0xF8, True, Rule.STROBE, "WSTRB 0xf8 outside the byte lanes 0xf0 of 0x4"),
])
def test_data_against_the_rules_is_reported(address, strobe, last, rule, text):
    bench = MemoryBench()

    def show():
        bench.address("aw", address)
        bench.data(1, strobe, last)

    violation = broken(bench, {2: show})
    assert (violation.rule, violation.cycle) == (rule, 3)
    assert text in str(violation)


@pytest.mark.parametrize("channel", ["ar", "aw", "w"])
def test_valid_that_falls_and_payload_that_changes_are_reported(channel):
    shown = {"ar": "araddr", "aw": "awaddr", "w": "wdata"}[channel]

    def fall(bench):
        getattr(bench.axi, f"{channel}valid").next = False

    def change(bench):
        getattr(bench.axi, shown).next = 8

    for act, rule in ((fall, Rule.VALID_STABLE), (change, Rule.PAYLOAD_STABLE)):
        bench = MemoryBench(shy=1)  # the first cycle of a VALID waits
        show = {1: lambda: bench.data(0) if channel == "w" else bench.address(channel, 0),
                2: lambda: act(bench)}
        violation = broken(bench, show)
        assert (violation.rule, violation.cycle) == (rule, 3)
        assert channel.upper() in str(violation)


def test_valid_during_reset_is_reported():
    bench = MemoryBench()

    def step(cycle):
        bench.memory.check_reset(cycle)
        if cycle == 3:
            bench.address("aw", 0)

    bench.run(step, 6)
    violation = bench.checker.violation
    assert (violation.rule, violation.cycle) == (Rule.RESET_VALID, 4)


def test_checker_keeps_the_first_violation():
    checker = Checker()
    checker.report(4, Rule.LAST, "first")
    checker.report(5, Rule.SIZE, "second")
    assert (checker.violation.rule, checker.violation.cycle) == (Rule.LAST, 4)


def test_stalls_are_drawn_evenly_and_again_from_the_same_seed():
    draws = [[Random(1, channel).below(100) for _ in range(2)] for channel in range(6)]
    assert all(first == second for first, second in draws)
    assert len({first for first, _ in draws}) > 3
    generator, counts = Random(0, 0), [0] * 10
    for _ in range(10_000):
        counts[generator.below(10)] += 1
    assert all(850 < count < 1150 for count in counts)

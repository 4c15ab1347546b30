"""A halt of the memory port: bursts drain, and the next launch is clean."""

from random import Random

import pytest
from port_bench import Bench


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

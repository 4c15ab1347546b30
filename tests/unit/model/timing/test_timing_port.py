"""The read port in cycles worked by hand: 3 from a request to the bus, then the latency."""

from myvta.isa.opcodes import MemoryType
from myvta.model.timing.timing_port import ReadPort, Transfer


def test_first_beat_of_an_idle_port_takes_the_latency() -> None:
    assert ReadPort(latency=1).first_beat(10) == 14
    assert ReadPort(latency=64).first_beat(10) == 77


def test_transfers_of_fetch_and_compute_follow_each_other() -> None:
    port = ReadPort(latency=1)
    assert port.other(10, 4) == (14, 18)
    assert port.other(11, 2) == (18, 20)
    assert port.other(30, 1) == (34, 35)


def test_a_load_occupies_the_port_from_its_first_beat_on() -> None:
    port = ReadPort(latency=1)
    port.add_load(Transfer(item=0, slots=8, burst=8.0, ready=20))
    port.add_load(Transfer(item=1, slots=4, burst=4.0, ready=21))
    assert (port.loads[0].start, port.loads[0].end) == (20, 28)
    assert port.end_load().item == 0
    assert (port.loads[0].start, port.loads[0].end) == (28, 32)


def test_fetch_waits_for_requested_beats_of_a_load() -> None:
    port = ReadPort(latency=1)
    port.add_load(Transfer(item=0, slots=8, burst=8.0, ready=20))
    assert port.other(21, 2) == (28, 30)  # 7 beats from cycle 21 on are the load's


def test_load_is_delayed_by_a_burst_of_fetch() -> None:
    """Requested from cycle 16 on: by 21 five bursts of one beat, of which one has arrived."""
    port = ReadPort(latency=1)
    port.add_load(Transfer(item=0, slots=100, burst=1.0, ready=20))
    version = port.version
    assert port.other(21, 5) == (25, 30)
    assert port.loads[0].end == 120 + 5
    assert port.version == version + 1


def test_at_most_32_bursts_of_a_load_are_ahead() -> None:
    port = ReadPort(latency=1)
    port.add_load(Transfer(item=0, slots=1000, burst=16.0, ready=20))
    assert port.other(60, 5) == (60 + 32 * 16, 60 + 32 * 16 + 5)


def test_bursts_of_two_engines_alternate() -> None:
    """By cycle 22 six bursts of the load are requested, two more between the other's three."""
    port = ReadPort(latency=1)
    port.add_load(Transfer(item=0, slots=1000, burst=16.0, ready=20))
    first = 22 + 6 * 16 - 2
    assert port.other(22, 40) == (first, first + 40 + 2 * 16)
    assert port.loads[0].end == 1020 + 40


def test_results_and_a_load_of_the_same_buffer_take_turns() -> None:
    """From cycle 30 on 10 results: of the load's 20 cycles 10 are left, each shared."""
    port = ReadPort(latency=1)
    port.add_load(Transfer(item=0, slots=22, burst=8.0, ready=20, target=MemoryType.INP))
    port.begin_forward(30, 10, MemoryType.INP)
    assert port.forward_end == 30 + 10 + 10
    assert port.loads[0].end == 20 + 22 + 10


def test_results_and_a_load_of_inp_meet_in_one_of_four_banks() -> None:
    port = ReadPort(latency=1, inp_banks=4)
    port.add_load(Transfer(item=0, slots=102, burst=8.0, ready=20, target=MemoryType.INP))
    port.begin_forward(30, 40, MemoryType.INP)
    assert (port.forward_end, port.loads[0].end) == (30 + 40 + 10, 20 + 102 + 10)


def test_results_for_another_buffer_delay_no_load() -> None:
    port = ReadPort(latency=1)
    port.add_load(Transfer(item=0, slots=22, burst=8.0, ready=20, target=MemoryType.WGT))
    port.begin_forward(30, 10, MemoryType.INP)
    assert (port.forward_end, port.loads[0].end) == (40, 42)


def test_a_load_that_comes_later_delays_results_in_progress() -> None:
    port = ReadPort(latency=1)
    port.begin_forward(10, 100, MemoryType.INP)
    port.add_load(Transfer(item=0, slots=18, burst=8.0, ready=20, target=MemoryType.INP))
    assert (port.forward_end, port.loads[0].end) == (110 + 16, 38 + 16)

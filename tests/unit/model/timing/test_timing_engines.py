"""Starts and ends in the three engines, worked by hand (latency 1, 64-bit memory)."""

import pytest

from myvta.isa.config import named
from myvta.isa.instructions import Store
from myvta.isa.opcodes import MemoryType, Module
from myvta.isa.token_queues import token_queue
from myvta.model.timing.timing_engines import Engines, TimingError
from myvta.model.timing.timing_work import Work

LOADED = token_queue(Module.LOAD, Module.COMPUTE)
FINISH = Work(Module.COMPUTE, "finish", (), ())
DEPTH = 22  # cycles from a last step's micro-op to an idle pipeline, lookup's stage among them
HEAD = 12  # cycle in which the first instruction is at the head of its queue


def engines(*work: Work) -> Engines:
    return Engines([*work, FINISH], named("default"), latency=1)


def test_finish_takes_its_minimum() -> None:
    assert engines().run() == HEAD + 3


def test_finish_waits_for_the_pipeline_to_drain() -> None:
    model = engines(Work(Module.COMPUTE, "steps", (), (), steps=10))
    assert model.run() == HEAD + 10 + DEPTH + 3
    assert (model.start[0], model.end[0]) == (HEAD, HEAD + 10 + DEPTH)


def test_steps_follow_each_other_without_a_gap() -> None:
    model = engines(*[Work(Module.COMPUTE, "steps", (), (), steps=10)] * 2)
    model.run()
    assert model.start[:2].tolist() == [HEAD, HEAD + 10]


def test_short_instructions_start_two_cycles_apart() -> None:
    """With 128-bit memory fetch delivers an instruction every cycle, the first one earlier."""
    work = [*[Work(Module.COMPUTE, "steps", (), (), steps=1)] * 3, FINISH]
    model = Engines(work, named("default").replace(log_bus_width=7), latency=1)
    model.run()
    assert model.start[:3].tolist() == [HEAD - 1, HEAD + 1, HEAD + 3]


def test_load_takes_request_latency_data_and_return() -> None:
    """At the head, 4 to check, 5 to the first request, 4 to the bus, 8 beats and a gap, 2."""
    load = Work(Module.LOAD, "load", (), (LOADED,), beats=8, bursts=1, slots=8)
    model = engines(load)
    model.run()
    assert model.start[0] == HEAD + 4
    assert model.end[0] == HEAD + 4 + 5 + 4 + (8 + 2) + 2


def test_compute_starts_a_cycle_after_its_token() -> None:
    load = Work(Module.LOAD, "load", (), (LOADED,), beats=8, bursts=1, slots=8)
    model = engines(load, Work(Module.COMPUTE, "steps", (LOADED,), (), steps=1))
    model.run()
    assert model.start[1] == model.end[0] + 1


def test_entries_are_written_from_the_first_beat_on() -> None:
    """3 and the latency after the request one entry per cycle; then the gap, and 1."""
    fill = Work(Module.COMPUTE, "fill", (), (), beats=16, bursts=1, slots=64)
    model = Engines([fill, FINISH], named("default"), latency=20)
    model.run()
    requested = HEAD + 19 + 5 + 5
    assert model.end[0] == requested + 3 + 20 + 64 + 2 + 1


@pytest.mark.parametrize("work", [
    [Work(Module.COMPUTE, "steps", (LOADED,), ())],
    [Work(Module.LOAD, "load", (token_queue(Module.COMPUTE, Module.LOAD),), ())],
])
def test_missing_token_is_an_error(work: list[Work]) -> None:
    with pytest.raises(TimingError, match="tokens that are never pushed"):
        engines(*work).run()


def test_a_stream_without_finish_is_an_error() -> None:
    with pytest.raises(TimingError, match="stops after 1 of 1 instructions: no FINISH"):
        Engines([Work(Module.COMPUTE, "steps", (), (), steps=1)], named("default"), 1).run()


def forward(tiles: int) -> Work:
    """Return the work of a STORE to INP of so many tiles."""
    item = Store(memory_type=MemoryType.INP, x_size=tiles)
    return Work(Module.STORE, "forward", (), (), reads=tiles, instruction=item)


def test_a_forward_takes_its_tiles_and_seven_cycles() -> None:
    """At the head, 5 to check, 3 to the first write, 4 from the last to its token."""
    model = engines(forward(20))
    model.run()
    assert (model.start[0], model.end[0]) == (HEAD + 5, HEAD + 5 + 3 + 20 + 4)


def test_a_forward_ends_after_the_store_before_it_and_none_starts_during_it() -> None:
    store = Work(Module.STORE, "store", (), (), beats=4, bursts=1, reads=4)
    model = engines(store, forward(2), store)
    model.run()
    assert model.end[1] == model.end[0] + 1
    assert model.start[2] >= model.end[1] - 3

"""Fetch, module queues and tokens in cycles worked by hand (latency 1, 64-bit memory)."""

from __future__ import annotations

from heapq import heappop

from myvta.isa.config import named
from myvta.isa.opcodes import Module
from myvta.isa.token_queues import TokenQueue, token_queue
from myvta.model.timing.timing_queues import Queues
from myvta.model.timing.timing_work import Work

LOADED = token_queue(Module.LOAD, Module.COMPUTE)
START = 2  # cycle of the first request


class HeadsLeaveAtOnce(Queues):
    """Engines that start whatever has its tokens."""

    def try_head(self, now: int, module: Module) -> None:
        head = self.head(module)
        if head is None or not self.has_tokens(self.work[head[1]]):
            return
        when, item = head
        if now < when:
            self.wake(when, module)
        else:
            self.leave(now, module, self.work[item], item)


def steps(pops: tuple[TokenQueue, ...] = (), pushes: tuple[TokenQueue, ...] = ()) -> Work:
    return Work(Module.COMPUTE, "steps", pops, pushes)


def run(*work: Work) -> HeadsLeaveAtOnce:
    queues = HeadsLeaveAtOnce(list(work), named("default"), latency=1)
    queues.schedule(START, queues.ask)
    while queues.events:
        now, _, action, arguments = heappop(queues.events)
        action(now, *arguments)
    return queues


def test_an_instruction_of_two_beats_reaches_its_queue() -> None:
    """Request at 2, on the bus 4 later, two beats, 3 to deliver, 1 to the head of the queue."""
    assert run(steps()).start.tolist() == [START + 4 + 2 + 3 + 1]


def test_fetch_delivers_an_instruction_every_two_beats() -> None:
    assert run(*[steps()] * 4).start.tolist() == [12, 14, 16, 18]


def test_an_instruction_waits_for_its_token() -> None:
    queues = run(steps(pops=(LOADED,)))
    assert queues.start.tolist() == [0]
    assert len(queues.queues[Module.COMPUTE]) == 1


def test_token_is_taken_by_its_pop() -> None:
    queues = HeadsLeaveAtOnce(
        [Work(Module.LOAD, "load", (), (LOADED,)), steps((LOADED,))], named("default"), 1)
    queues.complete(50, 0)
    assert (queues.end[0], queues.tokens[LOADED], queues.pushed[LOADED]) == (50, 1, 50)
    queues.queues[Module.COMPUTE].append((20, 1))
    queues.leave(50, Module.COMPUTE, queues.work[1], 1)
    assert queues.tokens[LOADED] == 0
    assert not queues.has_tokens(queues.work[1])


def test_compute_gathers_tokens_and_room_a_cycle_each() -> None:
    queues = HeadsLeaveAtOnce([], named("default"), 1)
    queues.pushed[LOADED] = 30
    stored = token_queue(Module.COMPUTE, Module.STORE)
    assert queues.gathered(20, steps()) == 20
    assert queues.gathered(20, steps(pushes=(stored,))) == 21
    assert queues.gathered(20, steps((LOADED,), (stored,))) == 32

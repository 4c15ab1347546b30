"""Instructions on their way to the engines: fetch, three queues, dependency tokens, in events."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from heapq import heappush

import numpy as np

from ...isa.config import Config
from ...isa.opcodes import INSTRUCTION_BYTES, Module
from ...isa.token_queues import TOKEN_QUEUES, TokenQueue
from .timing_constants import cycles
from .timing_port import ReadPort
from .timing_work import Work

__all__ = ["Queues"]

_QUEUE, _QUEUED, _BURST = cycles("QUEUE"), cycles("QUEUED"), cycles("BURST")
_GATHER = cycles("GATHER")
_FETCH_DELIVER, _READ_AHEAD = cycles("FETCH_DELIVER"), cycles("READ_AHEAD")


class Queues(ABC):
    """Events, fetch, the queues of the three modules and the tokens between them."""

    def __init__(self, work: list[Work], config: Config, latency: int):
        self.work, self.latency = work, latency
        self.start = np.zeros(len(work), np.int64)
        self.end = np.zeros(len(work), np.int64)
        self.port = ReadPort(latency, cycles("INP_BANKS") if config.depthwise else 1)
        self.events: list[tuple[int, int, Callable[..., None], tuple]] = []
        self.serial = 0
        self.tokens = dict.fromkeys(TOKEN_QUEUES, 0)
        self.pushed = dict.fromkeys(self.tokens, 0)  # when the first of the held tokens came
        self.queues: dict[Module, deque[tuple[int, int]]] = {m: deque() for m in Module}
        self.left = dict.fromkeys(Module, 0)  # cycle in which the last head left the queue
        self.woken: dict[Module, int] = dict.fromkeys(Module, -1)
        # fetch
        self.per_beat = max(1, config.bus_bytes // INSTRUCTION_BYTES)
        self.beats_each = max(1, INSTRUCTION_BYTES // config.bus_bytes)
        self.burst_items = _BURST * config.bus_bytes // INSTRUCTION_BYTES
        self.asked = self.dispatched = 0
        self.arrived: deque[tuple[int, int]] = deque()
        self.dispatch_free = 0

    @abstractmethod
    def try_head(self, now: int, module: Module) -> None:
        """Start the instruction at the head of a queue if it can start in this cycle."""

    def schedule(self, cycle: int, action: Callable[..., None], *arguments: object) -> None:
        """Call ``action(cycle, *arguments)`` in a cycle."""
        self.serial += 1
        heappush(self.events, (cycle, self.serial, action, arguments))

    def wake(self, cycle: int, module: Module) -> None:
        """Schedule another attempt of a module's head in a cycle."""
        if self.woken[module] != cycle:
            self.woken[module] = cycle
            self.schedule(cycle, self._look, module)

    def _look(self, now: int, module: Module) -> None:
        """Try a head; a later event of the same cycle wakes it again."""
        if self.woken[module] == now:
            self.woken[module] = -1
        self.try_head(now, module)

    # -- fetch and tokens ------------------------------------------------------------------------
    def ask(self, now: int) -> None:
        """Request bursts of instructions while there is room for them."""
        while self.asked < len(self.work):
            count = min(self.burst_items, len(self.work) - self.asked)
            if self.asked + self.burst_items - self.dispatched > _READ_AHEAD:
                return
            beats = -(-count * self.beats_each // self.per_beat)
            start, end = self.port.other(now, beats)
            first = self.asked
            self.asked += count
            self.schedule(start, self._arrive, first, count)
            now += 1

    def _arrive(self, now: int, first: int, count: int) -> None:
        for number in range(count):
            last_beat = (number + 1) * self.beats_each // self.per_beat
            self.arrived.append((now + last_beat + _FETCH_DELIVER, first + number))
        self._dispatch(now)
        self.ask(now)

    def _dispatch(self, now: int) -> None:
        """Dispatch the instructions that have arrived, as far as the queues have room."""
        while self.arrived:
            when, item = self.arrived[0]
            module = self.work[item].module
            queue = self.queues[module]
            if len(queue) >= _QUEUED:
                return
            self.arrived.popleft()
            when = max(when, self.dispatch_free, now)
            self.dispatch_free = when + 1
            self.dispatched += 1
            queue.append((when + _QUEUE, item))
            if len(queue) == 1:
                self.wake(when + _QUEUE, module)

    def head(self, module: Module) -> tuple[int, int] | None:
        """Return when the first instruction of a queue became its head, and its index."""
        queue = self.queues[module]
        if not queue:
            return None
        when, item = queue[0]
        return max(when, self.left[module] + 1), item

    def leave(self, now: int, module: Module, work: Work, item: int) -> None:
        """Start the head: pop its tokens and make the next instruction the head."""
        queue = self.queues[module]
        full = len(queue) >= _QUEUED
        queue.popleft()
        self.left[module] = now
        self.start[item] = now
        for tokens in work.pops:
            self.tokens[tokens] -= 1
        if queue:
            self.wake(max(queue[0][0], now + 1), module)
        if full and self.arrived:
            self._dispatch(now)
            self.ask(now)

    def _push(self, now: int, queue: TokenQueue) -> None:
        if not self.tokens[queue]:
            self.pushed[queue] = now
        self.tokens[queue] += 1
        self.wake(now, queue.sink)

    def gathered(self, came: int, work: Work) -> int:
        """Return when compute has gathered tokens, then room: one cycle each, while others run."""
        for queue in work.pops:
            came = max(came, self.pushed[queue])
        return came + _GATHER * (bool(work.pops) + bool(work.pushes))

    def has_tokens(self, work: Work) -> bool:
        """Return whether every queue that an instruction pops holds a token."""
        return all(self.tokens[queue] for queue in work.pops)

    def complete(self, now: int, item: int) -> None:
        """Complete an instruction: its tokens are available from this cycle on."""
        work = self.work[item]
        self.end[item] = now
        for queue in work.pushes:
            self._push(now, queue)

"""Predict how many cycles the RTL takes for an instruction stream, without running any data.

An event for every start and end of an instruction in one of the engines, not for every cycle:
fetch, three queues, tokens, the load engine and compute's loader on the shared read port
(:mod:`.timing_port`), the step pipeline (:mod:`.timing_steps`) and the store engine.  Constants
stand in :mod:`.timing_constants`.  Memory is one that takes a burst and moves a beat in every cycle
and answers after ``latency``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np

from ..isa.config import Config
from ..isa.instructions import Instruction
from ..isa.opcodes import INSTRUCTION_BYTES, MemoryType, Module
from .timing_constants import cycles
from .timing_port import ReadPort, Transfer
from .timing_work import Work, WorkReader

__all__ = ["Timing", "TimingError", "predict"]

_QUEUE, _QUEUED, _CHECK = cycles("QUEUE"), cycles("QUEUED"), cycles("CHECK")
_REQUEST, _WALK, _COMMANDS = cycles("REQUEST"), cycles("WALK"), cycles("COMMANDS")
_GAP, _BURST = cycles("COMMAND_GAP"), cycles("BURST")
_BUFFER, _BUFFER_DELAY = cycles("BUFFER"), cycles("BUFFER_DELAY")
_DRAIN, _WRITTEN, _RESPONSE = cycles("DRAIN"), cycles("WRITTEN"), cycles("RESPONSE")
_STORE_DATA, _STORE_READ = cycles("STORE_DATA"), cycles("STORE_READ")
_FETCH_START, _FETCH_DELIVER = cycles("FETCH_START"), cycles("FETCH_DELIVER")
_READ_AHEAD, _FINISH = cycles("READ_AHEAD"), cycles("FINISH")


class TimingError(ValueError):
    """A stream that can not end: it has no FINISH, or waits for tokens nobody pushes."""


@dataclass(frozen=True, eq=False)
class Timing:
    """What was predicted.

    Attributes
    ----------
    cycles : int
        From launch to end, as register CYCLES.
    start, end : int64 [instructions]
        When each instruction starts in its engine, and when all of it has been done.
    """

    cycles: int
    start: np.ndarray
    end: np.ndarray


def predict(
    instructions: Sequence[Instruction], uops: bytes, config: Config, *, latency: int = 1,
    bases: Mapping[MemoryType, int] | None = None,
) -> Timing:
    """Predict the cycles of a launch.

    Parameters
    ----------
    instructions
        The stream, FINISH last.
    uops
        Its micro-op image, at UOP_BASE.
    config
        Configuration, with the width of its memory port.
    latency
        Cycles from an accepted address to its first beat.
    bases
        Base pointers in bytes where they are not multiples of 16 beats.

    Raises
    ------
    TimingError
        The stream has no FINISH or deadlocks.
    """
    reader = WorkReader(config, uops, bases)
    return _Device([reader.read(item) for item in instructions], config, latency).run()


class _Device:
    def __init__(self, work: list[Work], config: Config, latency: int):
        self.work, self.latency = work, latency
        self.start = np.zeros(len(work), np.int64)
        self.end = np.zeros(len(work), np.int64)
        self.port = ReadPort(latency)
        self.events: list[tuple[int, int, Callable[..., None], tuple]] = []
        self.serial = 0
        self.tokens: dict[tuple[Module, Module], int] = {
            (Module.LOAD, Module.COMPUTE): 0, (Module.COMPUTE, Module.LOAD): 0,
            (Module.COMPUTE, Module.STORE): 0, (Module.STORE, Module.COMPUTE): 0,
        }
        self.queues: dict[Module, deque[tuple[int, int]]] = {m: deque() for m in Module}
        self.left = dict.fromkeys(Module, 0)  # when the last head left the queue
        self.woken: dict[Module, int] = dict.fromkeys(Module, -1)
        self.tries = {
            Module.LOAD: self._try_load, Module.COMPUTE: self._try_compute,
            Module.STORE: self._try_store,
        }
        # fetch
        self.per_beat = max(1, config.bus_bytes // INSTRUCTION_BYTES)
        self.beats_each = max(1, INSTRUCTION_BYTES // config.bus_bytes)
        self.burst_items = _BURST * config.bus_bytes // INSTRUCTION_BYTES
        self.asked = self.dispatched = 0
        self.arrived: deque[tuple[int, int]] = deque()
        self.dispatch_free = 0
        # engines
        self.load_walk = self.loads = 0
        self.fill_walk = self.fills = self.fill_written = 0
        self.fill_queue: deque[tuple[int, int]] = deque()  # LOADs and their beats not asked for
        self.sequencer = self.pipeline = 0
        self.store_walk = self.store_reads = self.writes = self.stores = 0
        self.finished: int | None = None

    def run(self) -> Timing:
        """Run until FINISH has ended."""
        self._at(_FETCH_START, self._ask)
        version = -1
        while self.finished is None:
            if self.port.version != version:
                version = self.port.version
                if self.port.loads:
                    self._at(self.port.loads[0].end, self._loaded, version)
            if not self.events:
                raise TimingError(
                    f"the stream stops after {self.dispatched} of {len(self.work)} instructions: "
                    "no FINISH, or tokens nobody pushes"
                )
            now, _, action, arguments = heappop(self.events)
            action(now, *arguments)
        return Timing(self.finished, self.start, self.end)

    def _at(self, when: int, action: Callable[..., None], *arguments: object) -> None:
        self.serial += 1
        heappush(self.events, (when, self.serial, action, arguments))

    def _wake(self, when: int, module: Module) -> None:
        """Look at a module's head again in a cycle."""
        if self.woken[module] != when:
            self.woken[module] = when
            self._at(when, self.tries[module])

    # -- fetch and tokens ------------------------------------------------------------------------
    def _ask(self, now: int) -> None:
        """Ask for bursts of instructions while there is room for them."""
        while self.asked < len(self.work):
            count = min(self.burst_items, len(self.work) - self.asked)
            if self.asked + self.burst_items - self.dispatched > _READ_AHEAD:
                return
            beats = -(-count * self.beats_each // self.per_beat)
            start, end = self.port.other(now, beats)
            first = self.asked
            self.asked += count
            self._at(start, self._arrive, first, count)
            now += 1

    def _arrive(self, now: int, first: int, count: int) -> None:
        for number in range(count):
            last_beat = (number + 1) * self.beats_each // self.per_beat
            self.arrived.append((now + last_beat + _FETCH_DELIVER, first + number))
        self._dispatch(now)
        self._ask(now)

    def _dispatch(self, now: int) -> None:
        """Hand over what has come, as far as the queues have room."""
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
                self._wake(when + _QUEUE, module)

    def _head(self, module: Module) -> tuple[int, int] | None:
        """Return when the first of a queue came to its head, and which it is."""
        queue = self.queues[module]
        if not queue:
            return None
        when, item = queue[0]
        return max(when, self.left[module] + 1), item

    def _leave(self, now: int, module: Module, work: Work, item: int) -> None:
        """Start the head: take its tokens and let the next one come."""
        queue = self.queues[module]
        full = len(queue) >= _QUEUED
        queue.popleft()
        self.left[module] = now
        self.start[item] = now
        if work.pop_prev:
            source = Module.COMPUTE if module == Module.STORE else Module.LOAD
            self.tokens[source, module] -= 1
        if work.pop_next:
            source = Module.COMPUTE if module == Module.LOAD else Module.STORE
            self.tokens[source, module] -= 1
        if queue:
            self._wake(max(queue[0][0], now + 1), module)
        if full and self.arrived:
            self._dispatch(now)
            self._ask(now)

    def _has_tokens(self, module: Module, work: Work) -> bool:
        if work.pop_prev:
            source = Module.COMPUTE if module == Module.STORE else Module.LOAD
            if not self.tokens[source, module]:
                return False
        if work.pop_next:
            source = Module.COMPUTE if module == Module.LOAD else Module.STORE
            if not self.tokens[source, module]:
                return False
        return True

    def _complete(self, now: int, item: int) -> None:
        """An instruction has ended: its tokens can be taken from this cycle on."""
        work = self.work[item]
        self.end[item] = now
        if work.push_prev:
            sink = Module.COMPUTE if work.module == Module.STORE else Module.LOAD
            self.tokens[work.module, sink] += 1
            self._wake(now, sink)
        if work.push_next:
            sink = Module.COMPUTE if work.module == Module.LOAD else Module.STORE
            self.tokens[work.module, sink] += 1
            self._wake(now, sink)

    # -- load ------------------------------------------------------------------------------------
    def _try_load(self, now: int) -> None:
        head = self._head(Module.LOAD)
        if head is None:
            return
        came, item = head
        work = self.work[item]
        earliest = max(came + _CHECK, self.load_walk)
        if now < earliest:
            self._wake(earliest, Module.LOAD)
            return
        if self.loads >= _COMMANDS or not self._has_tokens(Module.LOAD, work):
            return
        self._leave(now, Module.LOAD, work, item)
        self.loads += 1
        self.load_walk = now + _WALK + max(work.bursts - 1, 0)
        burst = work.beats / work.bursts if work.bursts else 1.0
        ready = self.port.first_beat(now + _REQUEST) if work.beats else now + _REQUEST
        self.port.add_load(Transfer(item, work.slots + _GAP, burst, ready))

    def _loaded(self, now: int, version: int) -> None:
        if version != self.port.version:
            return
        item = self.port.end_load().item
        self.loads -= 1
        self._complete(now, item)
        self._wake(now, Module.LOAD)
        self._wake(now, Module.COMPUTE)

    # -- compute ---------------------------------------------------------------------------------
    def _try_compute(self, now: int) -> None:
        head = self._head(Module.COMPUTE)
        if head is None:
            return
        came, item = head
        work = self.work[item]
        if work.kind == "fill":
            earliest = max(came + _CHECK, self.fill_walk)
        elif work.kind == "finish":
            earliest = max(came, self.pipeline)
        else:
            earliest = max(came, self.sequencer)
        if now < earliest:
            self._wake(earliest, Module.COMPUTE)
            return
        if not self._has_tokens(Module.COMPUTE, work):
            return
        if work.kind == "fill":
            self._leave(now, Module.COMPUTE, work, item)
            self._fill(now, item)
        elif self.fills:
            return
        elif work.kind == "finish":
            others = (Module.LOAD, Module.STORE)
            if self.loads or self.stores or any(self.queues[module] for module in others):
                return
            self._leave(now, Module.COMPUTE, work, item)
            self.end[item] = self.finished = now + _FINISH
        else:
            self._leave(now, Module.COMPUTE, work, item)
            self.sequencer = now + max(work.steps, 1)
            self.pipeline = self.sequencer + _DRAIN
            self._at(self.sequencer + _WRITTEN, self._complete, item)

    def _fill(self, now: int, item: int) -> None:
        """Start a LOAD of compute: its data comes beside steps, and is written after them."""
        self.fills += 1
        work = self.work[item]
        self.fill_walk = now + _WALK + max(work.bursts - 1, 0)
        self.fill_queue.append((item, work.beats))
        if len(self.fill_queue) == 1:
            self._at(now + _REQUEST, self._fill_part)

    def _fill_part(self, now: int) -> None:
        """Ask for as much of the first LOAD as the buffer holds."""
        item, left = self.fill_queue.popleft()
        part = min(left, _BUFFER)
        start = end = now
        if part:
            start, end = self.port.other(now, part)
        written = max(self.pipeline, self.fill_written)
        if left > part:
            self.fill_queue.appendleft((item, left - part))
            self._at(max(start + _BURST, written), self._fill_part)
            return
        slots = self.work[item].slots
        self.fill_written = max(end + _BUFFER_DELAY, written + slots + _GAP)
        self._at(self.fill_written + _GAP, self._filled, item)
        if self.fill_queue:
            self._at(now + self.work[item].bursts, self._fill_part)

    def _filled(self, now: int, item: int) -> None:
        self.fills -= 1
        self._complete(now, item)
        self._wake(now, Module.COMPUTE)

    # -- store -----------------------------------------------------------------------------------
    def _try_store(self, now: int) -> None:
        head = self._head(Module.STORE)
        if head is None:
            return
        came, item = head
        work = self.work[item]
        earliest = max(came + _CHECK, self.store_walk, self.store_reads)
        if now < earliest:
            self._wake(earliest, Module.STORE)
            return
        if not self._has_tokens(Module.STORE, work):
            return
        if work.kind == "nothing" and self.stores:
            return
        self._leave(now, Module.STORE, work, item)
        self.stores += 1
        if work.kind == "nothing":
            self._at(now + 1, self._stored, item)
            return
        self.writes = max(now + _STORE_DATA, self.writes) + max(work.beats, work.reads)
        self.store_walk = now + _WALK + max(work.bursts - 1, 0)
        self.store_reads = self.writes - _STORE_DATA + _STORE_READ
        self._at(self.writes + self.latency + _RESPONSE, self._stored, item)

    def _stored(self, now: int, item: int) -> None:
        self.stores -= 1
        self._complete(now, item)
        self._wake(now, Module.STORE)
        self._wake(now, Module.COMPUTE)

"""The three engines as events: instructions start, occupy a part, and end."""

from __future__ import annotations

from collections import deque
from heapq import heappop

from ...isa.config import Config
from ...isa.geometry import SCRATCHPADS
from ...isa.instructions import Load, Store
from ...isa.opcodes import MemoryType, Module
from .timing_constants import cycles
from .timing_port import Transfer
from .timing_queues import Queues
from .timing_work import Work

__all__ = ["Engines", "TimingError"]

_LOAD_CHECK, _FILL_CHECK = cycles("LOAD_CHECK"), cycles("FILL_CHECK")
_STORE_CHECK, _ISSUE = cycles("STORE_CHECK"), cycles("ISSUE")
_REQUEST, _WALK = cycles("REQUEST"), cycles("WALK")
_LOAD_DONE, _FILL_DONE = cycles("LOAD_DONE"), cycles("FILL_DONE")
_COMMANDS, _GAP, _BURST = cycles("COMMANDS"), cycles("COMMAND_GAP"), cycles("BURST")
_BUFFER, _BUFFER_DELAY = cycles("BUFFER"), cycles("BUFFER_DELAY")
_DRAIN, _WRITTEN, _RESPONSE = cycles("DRAIN"), cycles("WRITTEN"), cycles("RESPONSE")
_STORE_DATA, _STORE_READ = cycles("STORE_DATA"), cycles("STORE_READ")
_FORWARD_DATA, _FORWARD_DONE = cycles("FORWARD_DATA"), cycles("FORWARD_DONE")
_FORWARD_READ, _FORWARD_FREE = cycles("FORWARD_READ"), cycles("FORWARD_FREE")
_FETCH_START, _FINISH = cycles("FETCH_START"), cycles("FINISH")


class TimingError(ValueError):
    """A stream that cannot end: it has no FINISH, or waits for tokens that are never pushed."""


class Engines(Queues):
    """Load, compute and store; ``start`` and ``end`` hold the cycles of every instruction."""

    def __init__(self, work: list[Work], config: Config, latency: int):
        super().__init__(work, config, latency)
        self.load_walk = self.loads = 0
        self.fill_walk = self.fills = self.fill_written = 0
        # LOADs, their beats not yet requested, and when the first one has arrived
        self.fill_queue: deque[tuple[int, int, int]] = deque()
        self.fill_bursts: deque[int] = deque()  # when those of the first one arrive
        self.sequencer = self.pipeline = 0
        self.store_walk = self.store_reads = self.writes = self.stores = 0
        self.stored = 0  # when the last STORE that has started ends
        self.forwarding = False
        self.finished: int | None = None
        table = cycles("TABLE") * config.lookup
        self.drain, self.written = _DRAIN + table, _WRITTEN + table

    def run(self) -> int:
        """Run until FINISH has ended; return the cycle.

        Raises
        ------
        TimingError
            No event is left before FINISH.
        """
        self.schedule(_FETCH_START, self.ask)
        version = -1
        while self.finished is None:
            if self.port.version != version:
                version = self.port.version
                if self.port.loads:
                    self.schedule(self.port.loads[0].end, self._loaded, version)
            if not self.events:
                raise TimingError(
                    f"the stream stops after {self.dispatched} of {len(self.work)} instructions: "
                    "no FINISH, or tokens that are never pushed"
                )
            now, _, action, arguments = heappop(self.events)
            action(now, *arguments)
        return self.finished

    def try_head(self, now: int, module: Module) -> None:
        if module == Module.LOAD:
            self._try_load(now)
        elif module == Module.COMPUTE:
            self._try_compute(now)
        else:
            self._try_store(now)

    # -- load ------------------------------------------------------------------------------------
    def _try_load(self, now: int) -> None:
        head = self.head(Module.LOAD)
        if head is None:
            return
        came, item = head
        work = self.work[item]
        earliest = max(came + _LOAD_CHECK, self.load_walk)
        if now < earliest:
            self.wake(earliest, Module.LOAD)
            return
        if self.loads >= _COMMANDS or not self.has_tokens(work):
            return
        self.leave(now, Module.LOAD, work, item)
        self.loads += 1
        self.load_walk = now + _WALK + max(work.bursts - 1, 0)
        burst = work.beats / work.bursts if work.bursts else 1.0
        ready = self.port.first_beat(now + _REQUEST) if work.beats else now + _REQUEST
        assert isinstance(work.instruction, Load) or work.instruction is None
        target = SCRATCHPADS[MemoryType(work.instruction.memory_type)] if work.instruction else None
        self.port.add_load(Transfer(item, work.slots + _GAP, burst, ready, target))

    def _loaded(self, now: int, version: int) -> None:
        if version != self.port.version:
            return
        self.schedule(now + _LOAD_DONE, self._load_done, self.port.end_load().item)

    def _load_done(self, now: int, item: int) -> None:
        self.loads -= 1
        self.complete(now, item)
        self.wake(now, Module.LOAD)
        self.wake(now, Module.COMPUTE)

    # -- compute ---------------------------------------------------------------------------------
    def _try_compute(self, now: int) -> None:
        head = self.head(Module.COMPUTE)
        if head is None:
            return
        came, item = head
        work = self.work[item]
        if work.kind == "fill":
            earliest = max(came + _FILL_CHECK, self.fill_walk)
        elif work.kind == "finish":
            earliest = max(came, self.pipeline)
        else:
            earliest = max(came, self.sequencer)
        if now < earliest:
            self.wake(earliest, Module.COMPUTE)
            return
        if not self.has_tokens(work):
            return
        gathered = self.gathered(came, work)
        if now < gathered:
            self.wake(gathered, Module.COMPUTE)
            return
        if work.kind == "fill":
            self.leave(now, Module.COMPUTE, work, item)
            self._fill(now, item)
        elif self.fills:
            return
        elif work.kind == "finish":
            others = (Module.LOAD, Module.STORE)
            if self.loads or self.stores or any(self.queues[module] for module in others):
                return
            self.leave(now, Module.COMPUTE, work, item)
            self.end[item] = self.finished = now + _FINISH
        else:
            self.leave(now, Module.COMPUTE, work, item)
            self.sequencer = now + max(work.steps, _ISSUE)
            drained = now + max(work.steps, 1)
            self.pipeline = drained + self.drain
            self.schedule(drained + self.written, self.complete, item)

    def _fill(self, now: int, item: int) -> None:
        """Start a LOAD of compute: its data arrives during steps and is written after them."""
        self.fills += 1
        work = self.work[item]
        self.fill_walk = now + _WALK + max(work.bursts - 1, 0)
        self.fill_queue.append((item, work.beats, 0))
        if len(self.fill_queue) == 1:
            self.schedule(now + _REQUEST, self._fill_part)

    def _fill_part(self, now: int) -> None:
        """Request as much of the first LOAD as the buffer holds, then a burst for each written."""
        item, left, first = self.fill_queue.popleft()
        part = min(left, _BURST if first else _BUFFER)
        start = end = now
        if part:
            start, end = self.port.other(now, part)
        first = first or start
        written = max(self.pipeline, self.fill_written)
        if left > part:
            self.fill_queue.appendleft((item, left - part, first))
            count = part // _BURST
            self.fill_bursts.extend(start + (end - start) * (n + 1) // count for n in range(count))
            self.schedule(max(self.fill_bursts.popleft(), written, now + 1), self._fill_part)
            return
        self.fill_bursts.clear()
        slots = self.work[item].slots
        self.fill_written = max(end + _BUFFER_DELAY, max(first, written) + slots + _GAP)
        self.schedule(self.fill_written + _FILL_DONE, self._filled, item)
        if self.fill_queue:
            self.schedule(now + self.work[item].bursts, self._fill_part)

    def _filled(self, now: int, item: int) -> None:
        self.fills -= 1
        self.complete(now, item)
        self.wake(now, Module.COMPUTE)

    # -- store -----------------------------------------------------------------------------------
    def _try_store(self, now: int) -> None:
        head = self.head(Module.STORE)
        if head is None:
            return
        came, item = head
        work = self.work[item]
        earliest = max(came + _STORE_CHECK, self.store_walk, self.store_reads)
        if work.kind == "forward":
            earliest = max(earliest, self.writes - _FORWARD_READ)
        if now < earliest:
            self.wake(earliest, Module.STORE)
            return
        if not self.has_tokens(work) or self.forwarding:
            return
        if work.kind == "nothing" and self.stores:
            return
        self.leave(now, Module.STORE, work, item)
        self.stores += 1
        if work.kind == "nothing":
            self.schedule(now + 1, self._stored, item)
            return
        if work.kind == "forward":
            self._forward(now, item, work)
            return
        self.writes = max(now + _STORE_DATA, self.writes) + max(work.beats, work.reads)
        self.store_walk = now + _WALK + max(work.bursts - 1, 0)
        self.store_reads = self.writes - _STORE_DATA + _STORE_READ
        self.stored = self.writes + self.latency + _RESPONSE
        self.schedule(self.stored, self._stored, item)

    def _forward(self, now: int, item: int, work: Work) -> None:
        """Start a STORE to INP or WGT: it ends after those before, and none starts until then."""
        assert isinstance(work.instruction, Store)
        target = MemoryType(work.instruction.memory_type)
        self.port.begin_forward(now + _FORWARD_DATA, work.reads, target)
        self.forwarding = True
        self.schedule(self.port.forward_end, self._forwarded, item)

    def _forwarded(self, now: int, item: int) -> None:
        """End a forward, unless loads have come in its way since its end was scheduled."""
        if now < self.port.forward_end:
            self.schedule(self.port.forward_end, self._forwarded, item)
            return
        self.forwarding = False
        self.stored = max(now + _FORWARD_DONE, self.stored + 1)
        self.schedule(self.stored, self._stored, item)
        self.store_walk = max(self.store_walk, self.stored - _FORWARD_FREE)
        self.wake(max(now, self.store_walk), Module.STORE)

    def _stored(self, now: int, item: int) -> None:
        self.stores -= 1
        self.complete(now, item)
        self.wake(now, Module.STORE)
        self.wake(now, Module.COMPUTE)

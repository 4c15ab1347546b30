"""The bench of the load and store engines: a queue, two token counters, a record of events."""

from collections import deque
from random import Random

from rtl_bench import clock_and_reset, simulate

from myvta.isa.instructions import encode
from myvta.rtl.host.status import ModuleStatus
from myvta.rtl.lib.bundles import ENTRY_BITS, INDEX_BITS, Stream
from myvta.rtl.lib.token_queue import Tokens

__all__ = ["KNOWN", "MEMORY_BYTES", "EngineBench"]

MEMORY_BYTES = 1 << 16
KNOWN = ("valid", "ready", "idle", "waiting", "completed", "raised", "pop", "push", "reserve")
"""Signals that are never undefined in a replay of the converted text."""


class EngineBench:
    """Feeds an engine and records its starts, ends, tokens and fault.

    A subclass builds ``dut``, the engine, between these signals and ``port``, its memory.
    """

    def __init__(self, config, seed):
        self.config, self.random = config, Random(seed)
        self.clock, self.reset = clock_and_reset()
        self.sink, self.pop_side, self.push_side = Stream(ENTRY_BITS), Tokens(), Tokens()
        self.status = ModuleStatus()

    def edge(self):
        """Watch and drive the other partners, each cycle after the memory."""

    def finish(self):
        """Go on after the last completion; true at the end."""
        return True

    def run(self, instructions, *, tokens=1000, room=1000, give=0.0, until=None, watch=None,
            limit=30000):
        """Execute the instructions, or run until ``until(self)``.

        There are ``tokens`` to pop and ``room`` for those that are pushed; one more of each comes
        in a cycle with probability ``give``.
        """
        queue = deque(enumerate(instructions))
        self.started, self.ended, self.pushes, self.pops = [], [], [], []
        self.tokens, self.room = tokens, room

        def on_edge(cycle):
            if watch is not None:
                watch(cycle)
            self.port.edge(cycle)
            self.edge()
            self._feed(cycle, queue)
            self._give_tokens(give)
            self._watch(cycle)
            if until is not None:
                return until(self)
            assert not self.status.fault.raised
            if len(self.ended) < len(instructions) or not self.status.idle:
                return False
            return self.finish()

        return simulate([self.dut], self.clock, self.reset, on_edge, limit=limit)

    def _feed(self, cycle, queue):
        sink = self.sink
        if sink.valid and sink.ready:
            self.started.append(cycle)
            queue.popleft()
        sink.valid.next = bool(queue)
        if queue:
            index, instruction = queue[0]
            sink.data.next = index << ENTRY_BITS - INDEX_BITS | encode(instruction, self.config)

    def _give_tokens(self, give):
        self.tokens += (self.random.random() < give) - bool(self.pop_side.pop)
        self.room += (self.random.random() < give) - bool(self.push_side.reserve)
        assert self.tokens >= 0 and self.room >= 0
        self.pop_side.available.next, self.push_side.room.next = self.tokens > 0, self.room > 0

    def _watch(self, cycle):
        status, push = self.status, self.push_side.push
        if self.pop_side.pop:
            # of the instruction at the head, which leaves at once or one cycle later
            self.pops.append(len(self.started) - bool(self.sink.ready))
        assert not push or status.completed
        if status.completed:
            if push:
                self.pushes.append(len(self.ended))
            self.ended.append(cycle)
        fault = status.fault
        self.seen = {
            "fault": (int(fault.code), int(fault.index)) if fault.raised else 0,
            "waiting": int(status.index) if status.waiting else None, "idle": bool(status.idle),
        }

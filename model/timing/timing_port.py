"""The read half of the memory port as a server of whole transfers.

Beats arrive in the order of their bursts, one per cycle.  The load engine's transfers are the
background stream: up to 32 of its bursts are outstanding.  A transfer of fetch or compute waits for
those, then passes as a whole, and delays the end of the load engine's current transfer accordingly.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from ...isa.opcodes import MemoryType
from .timing_constants import cycles

__all__ = ["ReadPort", "Transfer"]

_PORT, _LOAD_BURSTS, _GAP = cycles("PORT"), cycles("LOAD_BURSTS"), cycles("COMMAND_GAP")
_BURST = cycles("BURST")


@dataclass(eq=False)
class Transfer:
    """Data of one LOAD of the load engine; ``slots``: cycles of the port it occupies."""

    item: int
    slots: int
    burst: float  # average beats of its bursts
    ready: int  # first cycle in which a beat can arrive
    target: MemoryType | None = None  # the scratchpad that it fills
    shared: int = 0  # cycles in which results were written to that scratchpad instead
    start: int = 0
    end: int = 0  # the cycle after its last beat


class ReadPort:
    """Occupancy of the data channel; times are cycles and must not decrease from call to call.

    ``inp_banks``: loads and results share INP where they are in the same one of so many banks.
    """

    def __init__(self, latency: int, inp_banks: int = 1):
        self.latency, self._inp_banks = latency, inp_banks
        self.loads: deque[Transfer] = deque()
        self.version = 0  # changes with the end of the current transfer
        self.forward_end = 0  # the cycle after the last result
        self._forward_start, self._forward_target = 0, MemoryType.OUT
        self._others: deque[tuple[int, int]] = deque()  # (start, end) of fetch and compute
        self._others_free = 0
        self._load_free = 0

    def first_beat(self, requested: int) -> int:
        """Return when a burst requested in a cycle would arrive on an idle port."""
        return requested + _PORT + self.latency

    def add_load(self, transfer: Transfer) -> None:
        """Queue a transfer of the load engine."""
        before = self.loads[-1].end if self.loads else self._load_free
        transfer.start = max(transfer.ready, before)  # an estimate until its turn
        transfer.end = transfer.start + transfer.slots
        self.loads.append(transfer)
        self._share(transfer)
        if len(self.loads) == 1:
            self._begin()

    def end_load(self) -> Transfer:
        """Remove the transfer that has ended, and start the next one."""
        ended = self.loads.popleft()
        self._load_free = ended.end
        if self.loads:
            self._begin()
        return ended

    def begin_forward(self, start: int, tiles: int, target: MemoryType) -> None:
        """Write results to a scratchpad, one per cycle until :attr:`forward_end`: every second
        cycle while the load engine fills the same one, and it then takes longer by as much.
        """
        self._forward_start, self._forward_target = start, target
        self.forward_end = start + tiles
        for transfer in self.loads:
            self._share(transfer)
        if self.loads:
            self._finish(self.loads[0])

    def _share(self, transfer: Transfer) -> None:
        """Let a transfer and the results that are being written take turns."""
        begin = max(transfer.start, self._forward_start)
        overlap = min(self.forward_end, transfer.end - _GAP) - begin
        if transfer.target == self._forward_target and overlap > 0:
            if transfer.target == MemoryType.INP:
                overlap //= self._inp_banks
            transfer.shared += overlap
            transfer.end += overlap
            self.forward_end += overlap

    def other(self, requested: int, beats: int) -> tuple[int, int]:
        """Serve fetch or compute; return the cycle of the first beat and the one after the last."""
        start = max(self.first_beat(requested), self._others_free)
        ahead, between = self._backlog(requested, -(-beats // _BURST) - 1)
        if ahead:
            begin = min([self.loads[0].start, *(t[0] for t in self._others if t[1] > requested)])
            ahead += self._pending(requested)
            start = max(start, max(begin, requested) + ahead)
        end = self._others_free = start + between + beats
        self._others.append((end - beats, end))
        if self.loads and self.loads[0].end > start:
            self._finish(self.loads[0])
        return start, end

    def _pending(self, now: int) -> int:
        """Return the beats of fetch and compute that have been requested and have not arrived."""
        return sum(stop - max(start, now) for start, stop in self._others if stop > now)

    def _backlog(self, now: int, following: int) -> tuple[int, int]:
        """Return the beats of the load engine that have been requested and have not arrived, and
        those that it requests between the first of another's bursts and the ``following`` ones.

        It requests a burst per cycle, and every second one where another does too.
        """
        beats, between, bursts = 0.0, 0.0, float(_LOAD_BURSTS)
        for transfer in self.loads:
            requested = (now - self._first_request(transfer)) * transfer.burst
            if requested <= 0:
                break
            left = float(transfer.slots)
            if transfer is self.loads[0]:
                left = max(0.0, min(left, transfer.end - now - self._pending(now)))
            part = max(0.0, min(left, bursts * transfer.burst, requested + left - transfer.slots))
            more = min(following, bursts - part / transfer.burst, (left - part) / transfer.burst)
            beats += part
            between += more * transfer.burst
            following -= int(more)
            bursts -= part / transfer.burst
            if bursts <= 0:
                break
        return int(beats), int(between)

    def _first_request(self, transfer: Transfer) -> int:
        return transfer.ready - self.latency - _PORT

    def _begin(self) -> None:
        head = self.loads[0]
        head.start = max(head.ready, self._load_free)
        while self._others and self._others[0][1] <= head.start:
            self._others.popleft()
        self._finish(head)

    def _finish(self, head: Transfer) -> None:
        """Compute the end of the current transfer, after everything known to pass before it."""
        end = head.start + head.slots + head.shared
        for start, stop in self._others:
            if start >= end:
                break
            end += stop - max(start, head.start)
        head.end = end
        self.version += 1

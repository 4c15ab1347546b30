"""The order that dependency tokens impose on instructions (happens-before), and deadlocks.

An engine starts its instructions in stream order, each after it has popped its tokens, and
completes them in that order; a token is pushed when its instruction has completed.  Each queue has
one engine at either end, so its n-th pop takes its n-th push whatever the timing: the order follows
from the stream alone.  Limited room only delays; whether a stream ends therefore does not depend on
the schedule either, and one walk decides it.  The walk makes the strictest assumptions: an
instruction needs its tokens and the room for those it pushes at the same time, and queues are two
instructions shorter than the ISA specifies, as their exact depth is not architectural.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ..opcodes import QUEUE_DEPTH, TOKEN_CAPACITY, Module
from ..token_queues import TOKEN_FLAGS, TOKEN_QUEUES, TokenQueue

__all__ = ["Clock", "Stuck", "TokenOrder"]

Clock = tuple[int, int, int]
"""By Module: the latest instruction of each engine known to have completed, -1 for none."""

_DEPTH = QUEUE_DEPTH - 2
_BIT = {flag: 1 << number for number, flag in enumerate(TOKEN_FLAGS)}


def _queue_table(
    flag_of: Callable[[TokenQueue], tuple[Module, str]]
) -> list[list[tuple[int, ...]]]:
    """Return positions in :data:`TOKEN_QUEUES` by engine and flag bits."""
    ends = [flag_of(queue) for queue in TOKEN_QUEUES]
    return [
        [
            tuple(n for n, (end, flag) in enumerate(ends) if end == module and bits & _BIT[flag])
            for bits in range(1 << len(TOKEN_FLAGS))
        ]
        for module in Module
    ]


_POPPED = _queue_table(lambda queue: (queue.sink, queue.pop))
_PUSHED = _queue_table(lambda queue: (queue.source, queue.push))


@dataclass(frozen=True)
class Stuck:
    """An engine that waits forever at an instruction.

    Attributes
    ----------
    module, index
    queue : int or None
        Position in :data:`TOKEN_QUEUES` of the token that never comes or finds no room; None:
        FINISH waits for load and store.
    number : int
        Tokens of that queue that the engine has popped (with ``full``: pushed) before.
    full : bool
        The queue has no room, and no token is popped from it.
    """

    module: Module
    index: int
    queue: int | None = None
    number: int = 0
    full: bool = False


class TokenOrder:
    """The order in one stream.

    Parameters
    ----------
    modules, flags : sequences of int
        Engine and token bits (bits 6:3 of the word) of each instruction up to FINISH.
    finish : int
        Position of FINISH, -1 without one.

    Attributes
    ----------
    unconsumed : list of int
        After the walk: tokens left over in each of :data:`TOKEN_QUEUES`.
    stuck : list of Stuck
        After the walk: engines that cannot proceed, empty if all have finished.
    unfetched : int or None
        The first instruction that never reaches its queue, if any.
    pushed : list of list of int
        Instructions that push to each queue, in order.
    popped : list of list of int
        Instructions that pop from each queue, in order, up to the end of the walk.
    """

    def __init__(self, modules: Sequence[int], flags: Sequence[int], finish: int):
        self._modules, self._flags, self._finish = modules, flags, finish
        self._mine: list[list[int]] = [[], [], []]  # instructions of each engine
        self._started = [0, 0, 0]  # number of them started
        self._queues: list[deque[Clock]] = [deque() for _ in TOKEN_QUEUES]
        self.unconsumed = [0] * len(TOKEN_QUEUES)
        self.stuck: list[Stuck] = []
        self.unfetched: int | None = None
        self.popped: list[list[int]] = [[] for _ in TOKEN_QUEUES]
        self.pushed: list[list[int]] = [[] for _ in TOKEN_QUEUES]
        for index, (module, bits) in enumerate(zip(modules, flags, strict=True)):
            for queue in _PUSHED[module][bits]:
                self.pushed[queue].append(index)

    def walk(self) -> Iterator[tuple[int, Clock]]:
        """Yield every instruction that starts, in an order that tokens allow, with its clock."""
        modules, flags, count = self._modules, self._flags, len(self._modules)
        mine, started, queues = self._mine, self._started, self._queues
        place = []
        for index, module in enumerate(modules):
            place.append(len(mine[module]))
            mine[module].append(index)
        clocks: list[Clock] = [(-1, -1, -1)] * 3
        frontier, progress = 0, True
        while progress:
            progress = False
            while frontier < count and place[frontier] - started[modules[frontier]] < _DEPTH:
                frontier += 1
            for module in (0, 1, 2):
                own, clock = mine[module], clocks[module]
                popped, pushed = _POPPED[module], _PUSHED[module]
                for number in range(started[module], len(own)):
                    index = own[number]
                    pops, pushes = popped[flags[index]], pushed[flags[index]]
                    if index >= frontier or not self._may_start(index, pops, pushes):
                        break
                    for queue in pops:
                        other = queues[queue].popleft()
                        self.popped[queue].append(index)
                        clock = (
                            max(clock[0], other[0]), max(clock[1], other[1]),
                            max(clock[2], other[2]),
                        )
                    yield index, clock
                    if pushes:
                        done = list(clock)
                        done[module] = index
                        for queue in pushes:
                            queues[queue].append((done[0], done[1], done[2]))
                    started[module] = number + 1
                    progress = True
                clocks[module] = clock
        self._conclude(frontier)

    def _may_start(self, index: int, pops: tuple[int, ...], pushes: tuple[int, ...]) -> bool:
        for queue in pops:
            if not self._queues[queue]:
                return False
        for queue in pushes:
            if len(self._queues[queue]) >= TOKEN_CAPACITY:
                return False
        return index != self._finish or not (self._waits(Module.LOAD) or self._waits(Module.STORE))

    def _waits(self, module: Module) -> bool:
        return self._started[module] < len(self._mine[module])

    def _conclude(self, frontier: int) -> None:
        self.unconsumed = [len(queue) for queue in self._queues]
        self.unfetched = frontier if frontier < len(self._modules) else None
        for module in Module:
            if self._waits(module):
                index = self._mine[module][self._started[module]]
                if index < frontier:
                    self.stuck.append(self._reason(module, index))

    def _reason(self, module: Module, index: int) -> Stuck:
        bits = self._flags[index]
        for queue in _POPPED[module][bits]:
            if not self._queues[queue]:
                return Stuck(module, index, queue, len(self.popped[queue]))
        for queue in _PUSHED[module][bits]:
            if len(self._queues[queue]) >= TOKEN_CAPACITY:
                pushed = len(self.popped[queue]) + len(self._queues[queue])
                return Stuck(module, index, queue, pushed, full=True)
        return Stuck(module, index)

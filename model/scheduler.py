"""Scheduler: fetch, three module queues and four token queues (vta_isa.md section 3).

The engines run concurrently in hardware; here an instruction executes atomically, and a *schedule*
is the order of execution.  The default schedule is fixed: fetch as long as the queues have room,
then load, compute and store in turn.  With a seed the order is drawn at random from everything that
tokens and queues allow, with long runs of one engine, so that a program that lacks a token gives a
wrong result for some seed instead of a correct one by chance.

Rules, as in the hardware:

1. Fetch dispatches in stream order; a full module queue blocks it; nothing after FINISH is
   dispatched.
2. An instruction at the head of its queue is checked, then waits until every token it pops is
   available, takes them together and executes.
3. It completes when every queue it pushes to has room, and then pushes.
4. FINISH pops, waits until load and store are idle, pushes, and ends the launch.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from ..isa.instructions import Finish, Instruction, route
from ..isa.opcodes import QUEUE_DEPTH, TOKEN_CAPACITY, ErrorCode, Module
from ..isa.token_queues import TOKEN_QUEUES, TokenQueue, queues_popped, queues_pushed
from .model_errors import DeviceFault

__all__ = ["Scheduler"]

_REORDER_PROBABILITY = 0.2  # per turn, that a random schedule draws a new order


@dataclass
class _Entry:
    """An instruction in a module, and the tokens it pops and pushes."""

    index: int
    instruction: Instruction
    pops: tuple[TokenQueue, ...]
    pushes: tuple[TokenQueue, ...]
    checked: bool = False


@dataclass
class _Engine:
    """One module: its queue, and the instruction that has been executed but has not pushed yet."""

    module: Module
    queue: deque[_Entry] = field(default_factory=deque)
    running: _Entry | None = None

    @property
    def idle(self) -> bool:
        return not self.queue and self.running is None

    @property
    def current(self) -> _Entry | None:
        """The instruction that the engine executes or that waits in it, if any."""
        return self.running or (self.queue[0] if self.queue else None)


class Scheduler:
    """Runs one stream.

    Parameters
    ----------
    fetch : index -> Instruction
        Read an instruction of the stream; may raise Fault (WINDOW, BUS).
    count : int
        Instructions in the stream.
    check, execute : Instruction -> None
        Static checks and execution; may raise Fault.
    describe : Instruction -> str
        Its listing text, for messages.
    completed : () -> None
        Called once for every instruction that completes.
    seed : int or None
        None for the fixed schedule.
    """

    def __init__(
        self,
        *,
        fetch: Callable[[int], Instruction],
        count: int,
        check: Callable[[Instruction], None],
        execute: Callable[[Instruction], None],
        describe: Callable[[Instruction], str],
        completed: Callable[[], None],
        seed: int | None = None,
    ):
        self._fetch = fetch
        self._count = count
        self._check = check
        self._execute = execute
        self._describe = describe
        self._completed = completed
        self._seed = seed
        self._engines = {module: _Engine(module) for module in Module}
        self._next = 0  # position of the next instruction to fetch
        self._blocked: _Entry | None = None  # fetched, but its queue is full
        self._fetching = True
        self.finished = False
        self.tokens: dict[TokenQueue, int] = dict.fromkeys(TOKEN_QUEUES, 0)

    def run(self) -> int:
        """Run the stream to its FINISH; returns the number of unconsumed tokens.

        Ends after at most a few turns per instruction: a turn either makes progress, or the
        launch is over.

        Raises
        ------
        Fault
            The error that ends the launch, with the position in the stream.
        """
        turn: Callable[[], bool] = self._fixed_turn
        if self._seed is not None:
            turn = partial(self._random_turn, random.Random(self._seed))
        while not self.finished:
            if not turn():
                raise self._stuck()
        return sum(self.tokens.values())

    # -- schedules -------------------------------------------------------------------------------
    def _fixed_turn(self) -> bool:
        """Fetch until the queues are full, then advance each engine once."""
        progress = False
        while self._dispatch():
            progress = True
        for engine in self._engines.values():
            if not self.finished and self._advance(engine):
                progress = True
        return progress

    def _random_turn(self, dice: random.Random) -> bool:
        """Advance fetch and engines in a random order of priority until a new one is drawn."""
        parties: list[Callable[[], bool]] = [self._dispatch]
        parties += [partial(self._advance, engine) for engine in self._engines.values()]
        dice.shuffle(parties)
        progress = False
        while not self.finished:
            if not any(party() for party in parties):  # the first one that can proceed
                return progress
            progress = True
            if dice.random() < _REORDER_PROBABILITY:
                break
        return progress

    # -- fetch -----------------------------------------------------------------------------------
    def _dispatch(self) -> bool:
        """Dispatch one instruction to its module queue; False if there is none or no room."""
        entry = self._blocked or self._fetched()
        if entry is None:
            return False
        queue = self._engines[route(entry.instruction)].queue
        if len(queue) >= QUEUE_DEPTH:
            self._blocked = entry
            return False
        self._blocked = None
        queue.append(entry)
        return True

    def _fetched(self) -> _Entry | None:
        if not self._fetching or self._next == self._count:
            return None
        index = self._next
        try:
            instruction = self._fetch(index)
        except DeviceFault as fault:
            raise fault.locate(index, None, "") from None
        self._next += 1
        self._fetching = not isinstance(instruction, Finish)
        module = route(instruction)
        return _Entry(
            index, instruction, queues_popped(module, instruction),
            queues_pushed(module, instruction),
        )

    # -- engines ---------------------------------------------------------------------------------
    def _advance(self, engine: _Engine) -> bool:
        """Complete or execute one instruction of an engine; False if neither is possible."""
        if engine.running is not None:
            return self._complete(engine, engine.running)
        if not engine.queue:
            return False
        entry = engine.queue[0]
        try:
            if not entry.checked:
                self._check(entry.instruction)
                entry.checked = True
            if not all(self.tokens[queue] for queue in entry.pops):
                return False
            engine.queue.popleft()
            for queue in entry.pops:
                self.tokens[queue] -= 1
            engine.running = entry
            self._execute(entry.instruction)
        except DeviceFault as fault:
            listing = self._describe(entry.instruction)
            raise fault.locate(entry.index, entry.instruction, listing) from None
        self._complete(engine, entry)
        return True

    def _complete(self, engine: _Engine, entry: _Entry) -> bool:
        if isinstance(entry.instruction, Finish) and not self._neighbours_idle():
            return False
        if any(self.tokens[queue] >= TOKEN_CAPACITY for queue in entry.pushes):
            return False
        for queue in entry.pushes:
            self.tokens[queue] += 1
        engine.running = None
        self._completed()
        self.finished = isinstance(entry.instruction, Finish)
        return True

    def _neighbours_idle(self) -> bool:
        return all(self._engines[module].idle for module in (Module.LOAD, Module.STORE))

    # -- the end without FINISH ------------------------------------------------------------------
    def _stuck(self) -> DeviceFault:
        waiting = [entry for engine in self._engines.values() if (entry := engine.current)]
        if not waiting:
            return DeviceFault(
                ErrorCode.NO_FINISH,
                f"all {self._count} instructions completed and none was FINISH",
                index=self._count,
            )
        first = min(waiting, key=lambda entry: entry.index)
        lines = [self._explain(engine) for engine in self._engines.values()]
        if self._blocked is not None:
            lines.append(
                f"fetch waits at instruction {self._blocked.index} for room in the "
                f"{route(self._blocked.instruction).name.lower()} queue"
            )
        return DeviceFault(
            ErrorCode.DEADLOCK,
            "nothing can proceed; " + "; ".join(lines),
            index=first.index,
            instruction=first.instruction,
            listing=self._describe(first.instruction),
        )

    def _explain(self, engine: _Engine) -> str:
        """Describe why an engine waits."""
        name, entry = engine.module.name.lower(), engine.current
        if entry is None:
            end = "" if self._next < self._count else " and the stream has no more for it"
            return f"{name} has no instruction{end}"
        listing = self._describe(entry.instruction)
        waits = f"{name} waits at instruction {entry.index} ({listing})"
        if engine.running is None:
            empty = [str(queue) for queue in entry.pops if not self.tokens[queue]]
            return f"{waits} for a token {' and '.join(empty)}"
        full = [str(queue) for queue in entry.pushes if self.tokens[queue] >= TOKEN_CAPACITY]
        if full:
            return f"{waits} for room for a token {' and '.join(full)} (all {TOKEN_CAPACITY} used)"
        return f"{waits} for load and store to become idle"

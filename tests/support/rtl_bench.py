"""What the tests of rtl blocks share: a clock loop, random stream partners, an AXI memory.

Nothing here is hardware.  Every partner has one method ``edge()``, called at each rising clock
edge: it sees the settled signals of the cycle that ends and drives those of the next one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Any

from myhdl import ResetSignal, Signal, SignalType, Simulation, StopSimulation, delay, instance

__all__ = ["StreamSink", "StreamSource", "clock_and_reset", "randomize", "record", "simulate"]


def clock_and_reset() -> tuple[Any, Any]:
    """Return a clock and an active-high synchronous reset."""
    return Signal(False), ResetSignal(0, active=1, isasync=False)


def simulate(
    blocks: Iterable[Any], clock: Any, reset: Any, on_edge: Callable[[int], bool | None], *,
    limit: int,
) -> int:
    """Reset for two cycles, wait for one, call ``on_edge(cycle)`` at each rising edge until true.

    Returns the number of that cycle; fails after ``limit`` cycles.
    """
    ended: list[int] = []

    @instance
    def drive() -> Any:
        reset.next = True
        for _ in range(2):
            yield from tick()
        reset.next = False
        yield from tick()
        for cycle in range(limit):
            yield delay(1)
            clock.next = True
            yield clock.posedge  # registers still show the cycle that ends, wires have settled
            if on_edge(cycle):
                ended.append(cycle)
                raise StopSimulation
            yield delay(1)
            clock.next = False
        raise StopSimulation

    def tick() -> Any:
        for level in (True, False):
            yield delay(1)
            clock.next = level

    simulation = Simulation(*blocks, drive)
    simulation.run(quiet=1)
    simulation.quit()
    assert ended, f"the simulation did not come to its end within {limit} cycles"
    return ended[0]


def record(
    blocks: Iterable[Any], clock: Any, reset: Any, watched: Mapping[str, Any],
    drive: Callable[[int], None], *, cycles: int,
) -> list[dict[str, int]]:
    """Call ``drive(cycle)`` at each rising edge; return the watched values of every cycle.

    ``watched`` names signals and bundles; a member of a bundle is called ``bundle.member``.  A
    signal that ``drive`` sets in cycle n has its value in cycle n + 1.
    """
    signals = _flat(watched)
    rows: list[dict[str, int]] = []

    def on_edge(cycle: int) -> bool:
        rows.append({name: int(signal) for name, signal in signals.items()})
        drive(cycle)
        return cycle == cycles - 1

    simulate(blocks, clock, reset, on_edge, limit=cycles)
    return rows


def _flat(watched: Mapping[str, Any]) -> dict[str, Any]:
    signals: dict[str, Any] = {}
    for name, item in watched.items():
        if isinstance(item, SignalType):
            signals[name] = item
        else:
            signals |= _flat({f"{name}.{part}": value for part, value in vars(item).items()})
    return signals


def randomize(random: Random, *signals: Any) -> None:
    """Give each signal a random value of its range in the next cycle."""
    for signal in signals:
        if isinstance(signal.val, bool):
            signal.next = random.random() < 0.5
        else:
            signal.next = random.randrange(signal.min, signal.max)


class StreamSource:
    """Offers words to a block's sink, with the given probability of starting in a cycle."""

    def __init__(self, stream: Any, random: Random, rate: float = 1.0):
        self.stream, self.random, self.rate = stream, random, rate
        self.words: deque[int] = deque()
        self.sent: list[tuple[int, int]] = []  # cycle, word

    def edge(self, cycle: int) -> None:
        stream = self.stream
        if stream.valid and stream.ready:
            self.sent.append((cycle, int(stream.data)))
        if stream.valid and not stream.ready:
            return
        go = bool(self.words) and self.random.random() < self.rate
        stream.valid.next = go
        if go:
            stream.data.next = self.words.popleft()


class StreamSink:
    """Takes words from a block's source, ready with the given probability."""

    def __init__(self, stream: Any, random: Random, rate: float = 1.0):
        self.stream, self.random, self.rate = stream, random, rate
        self.taken: list[tuple[int, int]] = []  # cycle, word

    def edge(self, cycle: int) -> None:
        if self.stream.valid and self.stream.ready:
            self.taken.append((cycle, int(self.stream.data)))
        self.stream.ready.next = self.random.random() < self.rate

    @property
    def words(self) -> list[int]:
        return [word for _, word in self.taken]

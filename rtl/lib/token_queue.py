"""Dependency tokens from one module to another: a counter with reservations.

Contract
    ``available``  the queue holds at least one token, which a pop removes.
    ``room``       fewer than ``capacity`` tokens are held or reserved; a reserve claims one place.
    ``reserve``    pulse when an instruction that will push starts: its token has a place.
    ``push``       pulse when that instruction completes: the token is held after this clock edge.
    ``pop``        pulse when an instruction that waited for a token starts: the token is removed.
    ``available`` and ``room`` are registers.  All three pulses may occur in one cycle.  Popping
    while not ``available``, reserving without ``room`` or pushing more than was reserved is a
    defect of the caller and raises in simulation.  Reset removes all tokens.
"""

from __future__ import annotations

from typing import Any

from myhdl import Signal, always_comb, always_seq, block, intbv

from .bundles import bit

__all__ = ["DependencyTokens", "Tokens", "token_queue"]


class Tokens:
    """One dependency queue: the producer's side and the consumer's."""

    def __init__(self) -> None:
        self.room, self.reserve, self.push = bit(), bit(), bit()
        self.available, self.pop = bit(), bit()


class DependencyTokens:
    """The four dependency queues, named producer to consumer: l load, g compute, s store."""

    def __init__(self) -> None:
        self.l2g, self.g2l, self.s2g, self.g2s = Tokens(), Tokens(), Tokens(), Tokens()


@block
def token_queue(clock: Any, reset: Any, tokens: Tokens, *, capacity: int) -> Any:
    """Count up to ``capacity`` tokens."""
    if capacity < 1:
        raise ValueError(f"capacity must be at least 1, not {capacity!r}")

    stored = Signal(intbv(0, min=0, max=capacity + 1))  # pushed, not yet popped
    claimed = Signal(intbv(0, min=0, max=capacity + 1))  # reserved, not yet popped

    non_empty, full = bit(), bit()  # stored is not 0, claimed is the capacity

    @always_comb
    def answer() -> None:
        tokens.available.next = non_empty
        tokens.room.next = not full

    @always_seq(clock.posedge, reset)
    def count() -> None:
        if __debug__:
            assert stored != 0 or not tokens.pop, "a token was popped from an empty queue"
            assert claimed != capacity or not tokens.reserve, "a token was reserved without room"
            assert stored != claimed or tokens.reserve or not tokens.push, "pushed unreserved"
        if tokens.push and not tokens.pop:
            stored.next = stored + 1
            non_empty.next = True
        elif tokens.pop and not tokens.push:
            stored.next = stored - 1
            non_empty.next = stored != 1
        if tokens.reserve and not tokens.pop:
            claimed.next = claimed + 1
            full.next = claimed == capacity - 1
        elif tokens.pop and not tokens.reserve:
            claimed.next = claimed - 1
            full.next = False

    return answer, count

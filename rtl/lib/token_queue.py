"""Dependency tokens from one module to another: a counter with reservations.

Contract
    ``available``  at least one token is here; a pop then takes one.
    ``room``       fewer than ``capacity`` tokens are here or promised; a reserve then promises one.
    ``reserve``    pulse when an instruction that will push starts: its token has a place.
    ``push``       pulse when that instruction completes: the token is here after this clock edge.
    ``pop``        pulse when an instruction that waited for a token starts: the token is gone.
    Both answers are registers.  All three pulses may come in one cycle.  Popping while
    not ``available``, reserving without ``room`` or pushing more than was reserved is a bug of
    the caller: it raises in simulation.  Reset takes everything away.
"""

from __future__ import annotations

from typing import Any

from myhdl import Signal, always_comb, always_seq, block, intbv

from .bundles import bit

__all__ = ["token_queue"]


@block
def token_queue(
    clock: Any, reset: Any, reserve: Any, push: Any, pop: Any, available: Any, room: Any, *,
    capacity: int,
) -> Any:
    """Count up to ``capacity`` tokens."""
    if capacity < 1:
        raise ValueError(f"capacity must be at least 1, not {capacity!r}")

    tokens = Signal(intbv(0, min=0, max=capacity + 1))  # pushed, not yet popped
    claimed = Signal(intbv(0, min=0, max=capacity + 1))  # reserved, not yet popped

    non_empty, full = bit(), bit()  # tokens is not 0, claimed is the capacity

    @always_comb
    def answer() -> None:
        available.next = non_empty
        room.next = not full

    @always_seq(clock.posedge, reset)
    def count() -> None:
        if __debug__:
            assert tokens != 0 or not pop, "a token was popped that is not there"
            assert claimed != capacity or not reserve, "a token was reserved without room"
            assert tokens != claimed or reserve or not push, "a token was pushed unreserved"
        if push and not pop:
            tokens.next = tokens + 1
            non_empty.next = True
        elif pop and not push:
            tokens.next = tokens - 1
            non_empty.next = tokens != 1
        if reserve and not pop:
            claimed.next = claimed + 1
            full.next = claimed == capacity - 1
        elif pop and not reserve:
            claimed.next = claimed - 1
            full.next = False

    return answer, count

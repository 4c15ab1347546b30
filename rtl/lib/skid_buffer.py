"""Skid buffer: two registers that break every combinational path between its source and its sink.

Contract
    A word accepted at clock edge t appears at ``source`` after that edge, or once the word before
    it has left.  Order is kept; one word can pass in every cycle.  ``sink.ready``,
    ``source.valid`` and ``source.data`` are registers; the word at ``source`` is stable while it
    waits.  Capacity: two words; ``sink.ready`` is high while fewer are held.
"""

from __future__ import annotations

from typing import Any

from myhdl import Signal, always, always_comb, always_seq, block

from .bundles import Stream, bit, word

__all__ = ["skid_buffer"]


@block
def skid_buffer(clock: Any, reset: Any, sink: Stream, source: Stream, *, width: int) -> Any:
    """Delay words of ``width`` bits by one cycle."""
    free = Signal(True)  # the second register is free
    kept = word(width)
    moves = bit()

    @always_comb
    def decide() -> None:
        moves.next = source.ready or not source.valid

    @always_comb
    def accept() -> None:
        sink.ready.next = free

    @always(clock.posedge)
    def move() -> None:
        if free:
            kept.next = sink.data
        if moves:
            if free:
                source.data.next = sink.data
            else:
                source.data.next = kept

    @always_seq(clock.posedge, reset)
    def follow() -> None:
        source.valid.next = (source.valid and not source.ready) or sink.valid or not free
        free.next = moves or (free and not sink.valid)

    return decide, accept, move, follow

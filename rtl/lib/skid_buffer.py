"""Two registers that separate a source from a sink: no path goes through, in either direction.

Contract
    A word entered at clock edge t shows at ``source`` after that edge, or once the one before it
    left.  Order is kept; one word passes in every cycle.  ``sink.ready``, ``source.valid`` and
    ``source.data`` are registers; the word at ``source`` holds while it waits.  Two words fit.
    ``sink.ready`` is high while fewer than two words are here.
"""

from __future__ import annotations

from typing import Any

from myhdl import Signal, always, always_comb, always_seq, block

from .bundles import Stream, bit, word

__all__ = ["skid_buffer"]


@block
def skid_buffer(clock: Any, reset: Any, sink: Stream, source: Stream, *, width: int) -> Any:
    """Pass words of ``width`` bits one cycle late."""
    free = Signal(True)  # the second register is
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

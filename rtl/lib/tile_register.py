"""Pipeline register between the data walker of a LOAD and the scratchpads.

Contract
    A beat taken from ``sink`` at clock edge t appears at ``source`` after that edge and stays until
    the scratchpad takes it; one beat can pass in every cycle.  ``busy``: the register holds a beat.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, always_seq, block

from .bundles import TileWrite, bit

__all__ = ["tile_register"]


@block
def tile_register(clock: Any, reset: Any, sink: TileWrite, source: TileWrite, busy: Any) -> Any:
    """Delay beats by one cycle."""
    free, present = bit(), bit()

    @always_comb
    def decide() -> None:
        free.next = source.ready or not present

    @always_comb
    def show() -> None:
        sink.ready.next = free
        source.valid.next = present
        busy.next = present

    @always_seq(clock.posedge, reset)
    def follow() -> None:
        if free:
            present.next = sink.valid

    @always(clock.posedge)
    def move() -> None:
        if free:
            source.memory_type.next = sink.memory_type
            source.data.next = sink.data
            source.index.next = sink.index
            source.column.next = sink.column
            source.lanes.next = sink.lanes

    return decide, show, follow, move

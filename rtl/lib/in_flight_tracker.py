"""Track the instructions of one module from start to completion, and report the oldest of them.

Contract
    ``sink`` is the module's queue: an instruction starts when it leaves the queue.  ``completed``
    pulses once for each, in order, at the earliest in the cycle in which it starts.
    ``present``: an instruction is in flight or at the head of the queue; ``index`` is then the
    position of the oldest of them.  At most ``DEPTH`` are in flight.
"""

from __future__ import annotations

from typing import Any

from myhdl import Signal, always, always_comb, always_seq, block, intbv

from .bundles import ENTRY_BITS, INDEX_BITS, Stream, bit, word

__all__ = ["DEPTH", "in_flight_tracker"]

DEPTH = 32  # more than any module has in flight
_LOW = ENTRY_BITS - INDEX_BITS  # lowest bit of the index in an entry


@block
def in_flight_tracker(
    clock: Any, reset: Any, sink: Stream, completed: Any, present: Any, index: Any
) -> Any:
    """Keep the oldest index in a register and the later ones in a small memory."""
    memory = [word(INDEX_BITS) for _ in range(DEPTH)]
    write_address, read_address = word(DEPTH.bit_length() - 1), word(DEPTH.bit_length() - 1)
    in_flight = Signal(intbv(0, min=0, max=DEPTH + 1))
    non_empty = bit()  # in_flight is not 0
    first = word(INDEX_BITS)
    starts, becomes_first = bit(), bit()

    @always_comb
    def decide() -> None:
        starts.next = sink.valid and sink.ready
        becomes_first.next = not non_empty or (in_flight == 1 and completed)

    @always_comb
    def show() -> None:
        present.next = sink.valid or non_empty
        index.next = sink.data[ENTRY_BITS:_LOW]
        if non_empty:
            index.next = first

    @always(clock.posedge)
    def access_memory() -> None:
        if starts:
            memory[write_address].next = sink.data[ENTRY_BITS:_LOW]
        if becomes_first:
            first.next = sink.data[ENTRY_BITS:_LOW]
        elif completed:
            first.next = memory[read_address]

    @always_seq(clock.posedge, reset)
    def advance() -> None:
        if starts and not becomes_first:
            write_address.next = write_address + 1
        if completed and not becomes_first:
            read_address.next = read_address + 1
        if starts and not completed:
            in_flight.next = in_flight + 1
            non_empty.next = True
        elif completed and not starts:
            in_flight.next = in_flight - 1
            non_empty.next = in_flight != 1

    return decide, show, access_memory, advance

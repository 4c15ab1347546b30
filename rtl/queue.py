"""First-in first-out queue with the output register of a block RAM as its last stage.

Contract
    Words leave ``source`` in the order in which they entered ``sink``, none lost or repeated.
    A word entered at clock edge t shows at ``source`` after edge t + 1, once those before it left.
    One word enters and one leaves in every cycle, also when full or one word deep.
    ``sink.ready`` and ``source.valid`` depend on registers only, not on the other side's wires.
    Holds ``depth`` words and one more in the output stage, which keeps its data while it waits.
    Reset empties it; what the memory holds stays.
"""

from __future__ import annotations

from typing import Any

from myhdl import Signal, always, always_comb, always_seq, block, intbv

from .bundles import Stream, bit, word

__all__ = ["queue"]


@block
def queue(clock: Any, reset: Any, sink: Stream, source: Stream, *, width: int, depth: int) -> Any:
    """Queue words of ``width`` bits; ``depth`` must be a power of two of at least 2."""
    if depth < 2 or depth & (depth - 1):
        raise ValueError(f"depth must be a power of two of at least 2, not {depth!r}")

    memory = [word(width) for _ in range(depth)]
    write_address, read_address = word(depth.bit_length() - 1), word(depth.bit_length() - 1)
    stored = Signal(intbv(0, min=0, max=depth + 1))  # words in memory, the output stage apart
    do_write, do_read = bit(), bit()

    @always_comb
    def accept() -> None:
        sink.ready.next = stored != depth

    @always_comb
    def decide() -> None:
        do_write.next = sink.valid and stored != depth
        do_read.next = (source.ready or not source.valid) and stored != 0

    @always(clock.posedge)
    def access_memory() -> None:
        if do_write:
            memory[write_address].next = sink.data
        if do_read:
            source.data.next = memory[read_address]

    @always_seq(clock.posedge, reset)
    def advance() -> None:
        if do_write:
            write_address.next = write_address + 1
        if do_read:
            read_address.next = read_address + 1
        if do_write and not do_read:
            stored.next = stored + 1
        elif do_read and not do_write:
            stored.next = stored - 1
        if do_read:
            source.valid.next = True
        elif source.ready:
            source.valid.next = False

    return accept, decide, access_memory, advance

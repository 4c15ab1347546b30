"""First-in first-out queue with a register as its last stage.

Contract
    Words leave ``source`` in the order in which they entered ``sink``; none is lost or repeated.
    A word bypasses the memory if the queue is empty or its only word is leaving: entered at clock
    edge t, it appears at ``source`` after that edge.  Other words pass through the memory and the
    stage after it, and appear at the earliest after edge t + 2.
    One word can enter and one can leave in every cycle, also when the queue is full or holds one
    word; ``source`` may be empty for one cycle when the first word goes through memory.
    ``sink.ready``, ``source.valid`` and ``source.data`` are, or depend on, registers only.
    Capacity: ``depth`` words in memory and two in registers.  The word at ``source`` is stable
    while it waits.  Reset empties the queue but not the memory.

A block RAM needs half a cycle to drive its output, which therefore feeds only the last register.
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
    stored = Signal(intbv(0, min=0, max=depth + 1))  # words in memory, not in the later stages
    non_empty, room = bit(), Signal(True)  # stored is not 0; stored is not depth
    one, one_left = bit(), bit()  # stored is 1; stored is depth - 1
    read_data, read_valid = word(width), bit()  # the stage after the memory
    do_write, do_read, moves, passes = bit(), bit(), bit(), bit()

    @always_comb
    def accept() -> None:
        sink.ready.next = room

    @always_comb
    def move() -> None:
        moves.next = source.ready or not source.valid
        passes.next = (source.ready or not source.valid) and not read_valid and not non_empty

    @always_comb
    def decide() -> None:
        do_write.next = sink.valid and room and not passes
        do_read.next = non_empty and (moves or not read_valid)

    @always(clock.posedge)
    def access_memory() -> None:
        if do_write:
            memory[write_address].next = sink.data
        if do_read:
            read_data.next = memory[read_address]

    @always(clock.posedge)
    def show() -> None:
        if moves:
            if read_valid:
                source.data.next = read_data
            else:
                source.data.next = sink.data

    @always_seq(clock.posedge, reset)
    def advance() -> None:
        if do_write:
            write_address.next = write_address + 1
        if do_read:
            read_address.next = read_address + 1
        if do_write and not do_read:
            stored.next = stored + 1
            non_empty.next = True
            room.next = not one_left
            one.next = not non_empty
            one_left.next = stored == depth - 2
        elif do_read and not do_write:
            stored.next = stored - 1
            non_empty.next = not one
            room.next = True
            one.next = stored == 2
            one_left.next = not room
        if do_read:
            read_valid.next = True
        elif moves:
            read_valid.next = False
        if moves:
            source.valid.next = read_valid or (sink.valid and not non_empty)

    return accept, move, decide, access_memory, show, advance

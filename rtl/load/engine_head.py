"""Head of an engine's queue: checks, tokens and start of an instruction, once for load and store.

Contract
    ``sink`` holds the instruction at the head.  It is ``checked`` when its checks have had
    ``cycles`` cycles; it is then ``sound``, or ``faulty`` with a static fault (``refused``).
    ``gathered``, a register: it is sound and its tokens are available, one to pop and room for one
    to push, as its flags require; no other engine can take them away.  When it ``starts`` (driven
    by the engine) the token is popped and the room reserved; in the cycle in which it ``leaves``
    (driven too: at once or one cycle later) the next instruction becomes the head.  ``waiting``:
    it is sound and lacks a token or room.  While ``stopped`` nothing is sound, faulty or waiting.

Compute decodes its instructions one stage earlier and gathers pops before rooms
(:mod:`.compute_issue`): it shares :func:`check_timer`.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block

from ..lib.bundles import Stream, bit, word
from ..lib.token_queue import Tokens

__all__ = ["EngineHead", "check_timer", "engine_head"]


class EngineHead:
    """State of the instruction at the head; the engine drives the first four."""

    def __init__(self) -> None:
        self.stopped, self.refused, self.starts, self.leaves = bit(), bit(), bit(), bit()
        self.sound, self.faulty, self.waiting, self.gathered = bit(), bit(), bit(), bit()


@block
def check_timer(clock: Any, reset: Any, restart: Any, checked: Any, *, cycles: int) -> Any:
    """``checked``: ``cycles`` cycles have passed since ``restart`` was high."""
    age = word(cycles.bit_length())
    last = cycles - 1

    @always_seq(clock.posedge, reset)
    def count() -> None:
        if restart:
            age.next = 0
            checked.next = False
        else:
            age.next = age + 1
            if age == last:
                checked.next = True

    return count


@block
def engine_head(
    clock: Any, reset: Any, sink: Stream, pops: Tokens, pushes: Tokens, head: EngineHead, *,
    pop_bit: int, push_bit: int, cycles: int,
) -> Any:
    """Watch the head of ``sink``; ``pop_bit`` and ``push_bit`` are its token flags in an entry."""
    restart, checked, tokens_there = bit(), bit(), bit()

    @always_comb
    def leave() -> None:
        restart.next = head.starts or head.leaves or not sink.valid

    @always_comb
    def classify() -> None:
        head.sound.next = sink.valid and not head.stopped and checked and not head.refused
        head.faulty.next = sink.valid and not head.stopped and checked and head.refused

    @always_comb
    def find_tokens() -> None:
        tokens_there.next = (
            (pops.available or not sink.data[pop_bit]) and (pushes.room or not sink.data[push_bit])
        )

    @always_comb
    def wait() -> None:
        head.waiting.next = head.sound and not tokens_there

    @always_comb
    def move_tokens() -> None:
        pops.pop.next = head.starts and sink.data[pop_bit]
        pushes.reserve.next = head.starts and sink.data[push_bit]

    @always_seq(clock.posedge, reset)
    def gather() -> None:
        head.gathered.next = not restart and head.sound and tokens_there

    return (
        leave, classify, find_tokens, wait, move_tokens, gather,
        check_timer(clock, reset, restart, checked, cycles=cycles),
    )

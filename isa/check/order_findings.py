"""Findings about the token order of a stream: deadlocks, unconsumed tokens, fixes for a race."""

from __future__ import annotations

from collections.abc import Sequence

from ..opcodes import TOKEN_CAPACITY, Module
from ..token_queues import TOKEN_QUEUES, token_queue
from .findings import AddFinding, FindingKind
from .footprints import DecodedWord
from .token_order import Stuck, TokenOrder

__all__ = ["deadlocks", "race_advice", "unconsumed_tokens"]


def race_advice(one: Module, first: int, other: Module, second: int) -> str:
    """Return the flags that make instruction ``second`` wait for ``first``, as advice."""
    if Module.COMPUTE in (one, other):
        queue = token_queue(one, other)
        return (
            f"set {queue.push} on instruction {first} and {queue.pop} on instruction {second} "
            f"(or on a later "
            f"one of {one.name.lower()} and an earlier one of {other.name.lower()})"
        )
    first_hop, second_hop = token_queue(one, Module.COMPUTE), token_queue(Module.COMPUTE, other)
    return (
        f"let compute forward it: {first_hop.push} on instruction {first}, a compute instruction "
        f"with {first_hop.pop} and {second_hop.push}, and {second_hop.pop} on instruction {second}"
    )


def deadlocks(order: TokenOrder, decoded: Sequence[DecodedWord], add: AddFinding) -> None:
    """Report every engine that waits forever, after the walk."""
    for stuck in order.stuck:
        text, fix = _stuck(order, stuck)
        add(FindingKind.DEADLOCK, stuck.index, text, fix)
    if order.unfetched is not None and order.stuck:
        module = decoded[order.unfetched].module.name.lower()
        add(
            FindingKind.DEADLOCK, order.unfetched,
            f"it is never fetched: the {module} queue is full of instructions that wait",
            "put the instructions that they wait for before it in the stream",
        )


def _stuck(order: TokenOrder, stuck: Stuck) -> tuple[str, str]:
    name = stuck.module.name.lower()
    if stuck.queue is None:
        return "FINISH waits for load and store, which do not end", "fix their deadlock"
    queue = TOKEN_QUEUES[stuck.queue]
    source, sink = queue.source.name.lower(), queue.sink.name.lower()
    if stuck.full:
        return (
            f"{name} has no room for a token {queue}: {TOKEN_CAPACITY} are held and none is "
            "popped", f"let {sink} pop ({queue.pop}) more often, or push less",
        )
    pushers = order.pushed[stuck.queue]
    if stuck.number >= len(pushers):
        return (
            f"{name} waits for token {stuck.number + 1} {queue}, and only {len(pushers)} are "
            f"pushed", f"set {queue.push} on the instruction of {source} it must wait for, or "
            f"clear {queue.pop}",
        )
    giver = pushers[stuck.number]
    return (
        f"{name} waits for token {stuck.number + 1} {queue}, which instruction {giver} would push, "
        "and that one waits too",
        f"push the token earlier than at instruction {giver}, or break the cycle of waits",
    )


def unconsumed_tokens(order: TokenOrder, add: AddFinding) -> None:
    """Report tokens that no instruction popped, after a walk that reached the end."""
    if order.stuck:
        return
    for queue, pushers, count in zip(TOKEN_QUEUES, order.pushed, order.unconsumed, strict=True):
        if count:
            add(
                FindingKind.TOKENS, pushers[-count],
                f"{count} tokens {queue} remain at the end",
                f"pop them ({queue.pop} on an instruction of {queue.sink.name.lower()}) or clear "
                f"{queue.push}",
            )

"""What the token order of a stream says, in words: deadlocks, leftovers, how to mend a race."""

from __future__ import annotations

from collections.abc import Sequence

from ..opcodes import TOKEN_CAPACITY, Module
from .findings import AddFinding, Kind
from .footprints import Decoded
from .token_order import QUEUES, Stuck, TokenOrder, flag_names

__all__ = ["deadlocks", "leftovers", "race_advice"]


def _arrow(queue: int) -> str:
    source, sink = QUEUES[queue]
    return f"{source.name.lower()}->{sink.name.lower()}"


def race_advice(one: Module, first: int, other: Module, second: int) -> str:
    """Say which flags make instruction ``second`` wait for ``first``."""
    if Module.COMPUTE in (one, other):
        push, pop = flag_names(one, other)
        return (
            f"set {push} on instruction {first} and {pop} on instruction {second} (or on a later "
            f"one of {one.name.lower()} and an earlier one of {other.name.lower()})"
        )
    there, back = flag_names(one, Module.COMPUTE), flag_names(Module.COMPUTE, other)
    return (
        f"let compute hand it on: {there[0]} on instruction {first}, a compute instruction with "
        f"{there[1]} and {back[0]}, and {back[1]} on instruction {second}"
    )


def deadlocks(order: TokenOrder, decoded: Sequence[Decoded], add: AddFinding) -> None:
    """Report every engine that waits for ever, after the walk."""
    for stuck in order.stuck:
        text, fix = _stuck(order, stuck)
        add(Kind.DEADLOCK, stuck.index, text, fix)
    if order.unfetched is not None and order.stuck:
        module = decoded[order.unfetched].module.name.lower()
        add(
            Kind.DEADLOCK, order.unfetched,
            f"it is never fetched: the {module} queue is full of instructions that wait",
            "put what they wait for before it in the stream",
        )


def _stuck(order: TokenOrder, stuck: Stuck) -> tuple[str, str]:
    name = stuck.module.name.lower()
    if stuck.queue is None:
        return "FINISH waits for load and store, which do not end", "mend what they wait for"
    source, sink = QUEUES[stuck.queue]
    push, pop = flag_names(source, sink)
    arrow = _arrow(stuck.queue)
    if stuck.full:
        return (
            f"{name} finds no room for a token {arrow}: {TOKEN_CAPACITY} wait there and none is "
            "taken", f"let {sink.name.lower()} pop ({pop}) more often, or push less",
        )
    pushers = order.pushed[stuck.queue]
    if stuck.number >= len(pushers):
        return (
            f"{name} waits for token {stuck.number + 1} {arrow}, and only {len(pushers)} are "
            f"pushed", f"set {push} on the instruction of {source.name.lower()} it has to wait "
            f"for, or take {pop} off",
        )
    giver = pushers[stuck.number]
    return (
        f"{name} waits for token {stuck.number + 1} {arrow}, which instruction {giver} would push, "
        "and that one waits too",
        f"push the token earlier than at instruction {giver}, or break the circle of waits",
    )


def leftovers(order: TokenOrder, add: AddFinding) -> None:
    """Report tokens that nothing took, after a walk that came to the end."""
    if order.stuck:
        return
    for queue, count in enumerate(order.left):
        if count:
            source, sink = QUEUES[queue]
            push, pop = flag_names(source, sink)
            add(
                Kind.TOKENS, order.pushed[queue][-count],
                f"{count} tokens {_arrow(queue)} are left over at the end",
                f"pop them ({pop} on an instruction of {sink.name.lower()}) or take {push} off",
            )

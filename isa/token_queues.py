"""Dependency tokens: modules and flags of each queue, once.

Each pair of neighbours (load and compute, compute and store) has a queue in either direction
(vta_isa.md 3.2).  A module's "previous" neighbour is the one before it in the order load, compute,
store; its "next" neighbour is the one after it.
"""

from __future__ import annotations

from dataclasses import dataclass

from .opcodes import Module

__all__ = [
    "TOKEN_FLAGS", "TOKEN_QUEUES", "TokenQueue", "flags_without_queue", "queues_popped",
    "queues_pushed", "token_queue",
]

TOKEN_FLAGS = ("pop_prev", "pop_next", "push_prev", "push_next")
"""The dependency flags in the order of their bits, from bit 3 of an instruction up."""


@dataclass(frozen=True, eq=False)
class TokenQueue:
    """A queue of tokens; :data:`TOKEN_QUEUES` holds all four.

    Attributes
    ----------
    source, sink : Module
    push, pop : str
        Flag of the source's instruction that pushes, flag of the sink's that pops.
    """

    source: Module
    sink: Module
    push: str
    pop: str

    def __str__(self) -> str:
        return f"{self.source.name.lower()}->{self.sink.name.lower()}"


TOKEN_QUEUES = (
    TokenQueue(Module.LOAD, Module.COMPUTE, "push_next", "pop_prev"),
    TokenQueue(Module.COMPUTE, Module.LOAD, "push_prev", "pop_next"),
    TokenQueue(Module.COMPUTE, Module.STORE, "push_next", "pop_prev"),
    TokenQueue(Module.STORE, Module.COMPUTE, "push_prev", "pop_next"),
)
_BY_ENDS = {(queue.source, queue.sink): queue for queue in TOKEN_QUEUES}
_POPPED = {module: tuple(q for q in TOKEN_QUEUES if q.sink == module) for module in Module}
_PUSHED = {module: tuple(q for q in TOKEN_QUEUES if q.source == module) for module in Module}


def token_queue(source: Module, sink: Module) -> TokenQueue:
    """Return the queue from one module to another.

    Raises
    ------
    ValueError
        The modules are not neighbours; the message lists the existing queues.
    """
    queue = _BY_ENDS.get((source, sink))
    if queue is None:
        known = ", ".join(f"{queue.source.name}->{queue.sink.name}" for queue in TOKEN_QUEUES)
        raise ValueError(f"no token queue {source.name}->{sink.name}; there are {known}")
    return queue


def queues_popped(module: Module, flags: object) -> tuple[TokenQueue, ...]:
    """Return the queues that an instruction of a module pops: those whose flag it has set.

    ``flags`` has the attributes of :data:`TOKEN_FLAGS`; a missing one counts as not set.
    """
    return tuple(queue for queue in _POPPED[module] if getattr(flags, queue.pop, 0))


def queues_pushed(module: Module, flags: object) -> tuple[TokenQueue, ...]:
    """Return the queues that an instruction of a module pushes to, as :func:`queues_popped`."""
    return tuple(queue for queue in _PUSHED[module] if getattr(flags, queue.push, 0))


def flags_without_queue(module: Module) -> tuple[str, ...]:
    """Return the flags that an instruction of a module must not set: it lacks that neighbour."""
    used = {queue.pop for queue in _POPPED[module]} | {queue.push for queue in _PUSHED[module]}
    return tuple(flag for flag in TOKEN_FLAGS if flag not in used)

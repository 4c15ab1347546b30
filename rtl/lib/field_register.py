"""Register fields of a bundle from one pipeline stage to the next.

A stage is built from a table of its fields, so that no list of assignments has to repeat the table.
Its fields are packed into one word: an event-driven simulator takes about as long for a register of
one bit as for one of 100, and starts one process a cycle instead of fifteen.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_seq, block

from .bundles import word
from .pack import bits_of, join, split

__all__ = ["field_register", "fields_register"]


@block
def field_register(
    clock: Any, sink: Any, source: Any, *, reset: Any = None, enable: Any = None,
) -> Any:
    """``source`` is ``sink`` one cycle later; it holds while ``enable`` is low.

    Without ``reset`` nothing clears it: for fields that are not read in an empty slot.
    """
    if enable is None:
        if reset is None:

            @always(clock.posedge)
            def copy() -> None:
                source.next = sink

        else:

            @always_seq(clock.posedge, reset)
            def copy() -> None:
                source.next = sink

    elif reset is None:

        @always(clock.posedge)
        def copy() -> None:
            if enable:
                source.next = sink

    else:

        @always_seq(clock.posedge, reset)
        def copy() -> None:
            if enable:
                source.next = sink

    return copy


@block
def fields_register(
    clock: Any, sinks: Any, sources: Any, *, reset: Any = None, enable: Any = None,
) -> Any:
    """Each of ``sources`` is its signal of ``sinks`` one cycle later, as :func:`field_register`.

    A reset clears all of them.
    """
    if len(sinks) == 1:
        return field_register(clock, sinks[0], sources[0], reset=reset, enable=enable)
    following, held = word(bits_of(sinks)), word(bits_of(sinks))
    return (
        join(sinks, following),
        field_register(clock, following, held, reset=reset, enable=enable),
        split(held, sources),
    )

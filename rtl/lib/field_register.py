"""Register one field of a bundle from one pipeline stage to the next.

A stage is built from a table of its fields, one :func:`field_register` for each, so that no list
of assignments has to repeat the table.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_seq, block

__all__ = ["field_register"]


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

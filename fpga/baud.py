"""Pulse at a given rate from any clock of at least that rate.

Contract
    ``tick`` is high in ``rate`` of ``clock_hz`` cycles on average, as evenly as whole cycles allow:
    exact to 2^-24 when the clock is not a multiple of the rate.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block

from ..rtl.lib.bundles import word

__all__ = ["baud"]

_BITS = 24


@block
def baud(clock: Any, reset: Any, tick: Any, *, clock_hz: int, rate: int) -> Any:
    """Accumulate the rate; ``tick`` is the carry."""
    if not 0 < rate <= clock_hz:
        raise ValueError(f"rate must be 1..{clock_hz} (the clock), not {rate}")
    step = ((rate << _BITS) + clock_hz // 2) // clock_hz
    phase, total = word(_BITS), word(_BITS + 1)

    @always_comb
    def add() -> None:
        total.next = phase + step

    @always_comb
    def carry() -> None:
        tick.next = total[_BITS]

    @always_seq(clock.posedge, reset)
    def advance() -> None:
        phase.next = total[_BITS:]

    return add, carry, advance

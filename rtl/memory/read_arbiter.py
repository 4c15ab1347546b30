"""Round-robin arbiter of the three read clients.

Contract
    ``request`` carries the burst of one client while any of them requests.  The client after the
    one served last has priority, so each gets every third grant when all request.  Only the granted
    client sees ``request_ready``.  Combinational except for the priority.  A waiting client may
    lose to one that has just requested, so ``request`` may change until it is accepted.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block

from ..lib.bundles import ReadClient, word
from .window_check import BurstRequest

__all__ = ["Owner", "read_arbiter"]


class Owner:
    """Numbers of the read clients."""

    FETCH, COMPUTE, LOAD = range(3)


@block
def read_arbiter(
    clock: Any, reset: Any, fetch: ReadClient, compute: ReadClient, load: ReadClient,
    request: BurstRequest,
) -> Any:
    """Grant one client's request; the client after the one served last has priority."""
    chosen, first = word(2), word(2)

    @always_comb
    def choose() -> None:
        chosen.next = first
        if first == Owner.FETCH:
            if not fetch.request_valid:
                chosen.next = Owner.COMPUTE
                if not compute.request_valid:
                    chosen.next = Owner.LOAD
        elif first == Owner.COMPUTE:
            if not compute.request_valid:
                chosen.next = Owner.LOAD
                if not load.request_valid:
                    chosen.next = Owner.FETCH
        elif not load.request_valid:
            chosen.next = Owner.FETCH
            if not fetch.request_valid:
                chosen.next = Owner.COMPUTE

    @always_comb
    def offer() -> None:
        request.valid.next = (
            fetch.request_valid or compute.request_valid or load.request_valid
        )
        request.owner.next = chosen
        if chosen == Owner.FETCH:
            request.address.next = fetch.request_address
            request.beats.next = fetch.request_beats
        elif chosen == Owner.COMPUTE:
            request.address.next = compute.request_address
            request.beats.next = compute.request_beats
        else:
            request.address.next = load.request_address
            request.beats.next = load.request_beats

    @always_comb
    def answer() -> None:
        fetch.request_ready.next = request.ready and chosen == Owner.FETCH
        compute.request_ready.next = request.ready and chosen == Owner.COMPUTE
        load.request_ready.next = request.ready and chosen == Owner.LOAD

    @always_seq(clock.posedge, reset)
    def advance() -> None:
        if request.valid and request.ready:
            if chosen == Owner.LOAD:
                first.next = Owner.FETCH
            else:
                first.next = chosen + 1

    return choose, offer, answer, advance

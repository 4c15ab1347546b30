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

from ..lib.bundles import ReadClient, bit, word
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
    first = word(2)
    # one bit each, of which one is set, so that few gates separate requests from ``request``
    fetches, computes, loads = bit(), bit(), bit()

    @always_comb
    def choose() -> None:
        fetches.next = fetch.request_valid and (
            first == Owner.FETCH
            or (first == Owner.COMPUTE and not compute.request_valid and not load.request_valid)
            or (first == Owner.LOAD and not load.request_valid)
        )
        computes.next = compute.request_valid and (
            first == Owner.COMPUTE
            or (first == Owner.LOAD and not load.request_valid and not fetch.request_valid)
            or (first == Owner.FETCH and not fetch.request_valid)
        )
        loads.next = load.request_valid and (
            first == Owner.LOAD
            or (first == Owner.FETCH and not fetch.request_valid and not compute.request_valid)
            or (first == Owner.COMPUTE and not compute.request_valid)
        )

    @always_comb
    def offer() -> None:
        request.valid.next = (
            fetch.request_valid or compute.request_valid or load.request_valid
        )
        request.owner.next = Owner.LOAD
        request.address.next = load.request_address
        request.beats.next = load.request_beats
        if fetches:
            request.owner.next = Owner.FETCH
            request.address.next = fetch.request_address
            request.beats.next = fetch.request_beats
        elif computes:
            request.owner.next = Owner.COMPUTE
            request.address.next = compute.request_address
            request.beats.next = compute.request_beats

    @always_comb
    def answer() -> None:
        fetch.request_ready.next = request.ready and fetches
        compute.request_ready.next = request.ready and computes
        load.request_ready.next = request.ready and loads

    @always_seq(clock.posedge, reset)
    def advance() -> None:
        if request.ready:
            if fetches:
                first.next = Owner.COMPUTE
            elif computes:
                first.next = Owner.LOAD
            elif loads:
                first.next = Owner.FETCH

    return choose, offer, answer, advance

"""Compare bursts with the memory window, in order.

Contract
    A burst accepted at ``request`` at clock edge t appears at ``checked`` after edge t + 1 (or once
    the one before it has left) with ``refused``: not all its bytes are in [window_base,
    window_limit].  One burst can pass in every cycle.  Only pages are compared: a burst is inside
    one aligned block of 16 beats, at most 512 bytes, and the window begins and ends with a page of
    4096 bytes.  While ``halt`` is high nothing is accepted; the reader of ``checked`` takes the
    bursts that are left and issues none.  ``empty``: no burst is inside.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block

from ...isa.opcodes import ADDRESS_BITS, WINDOW_GRANULE
from ..lib.bundles import Stream, bit, word
from ..lib.pack import bits_of, join, split
from ..lib.skid_buffer import skid_buffer

__all__ = ["Checked", "BurstRequest", "window_check"]

_PAGE = WINDOW_GRANULE.bit_length() - 1


class BurstRequest:
    """A burst as a client requests it: 33-bit byte address, 1..16 beats, and its owner."""

    def __init__(self) -> None:
        self.valid, self.ready = bit(), bit()
        self.address, self.beats = word(ADDRESS_BITS + 1), word(5)
        self.owner = word(2)


class Checked:
    """A burst after the comparison, with the low 32 bits of its address."""

    def __init__(self) -> None:
        self.valid, self.ready = bit(), bit()
        self.address, self.beats = word(ADDRESS_BITS), word(5)
        self.owner = word(2)
        self.refused = bit()


@block
def window_check(
    clock: Any, reset: Any, halt: Any, window_base: Any, window_limit: Any, request: BurstRequest,
    checked: Checked, empty: Any,
) -> Any:
    """Check bursts: ``picked`` registers the address, ``checked`` the comparison."""
    taken = BurstRequest()  # the request in picked
    width = bits_of([request.address, request.beats, request.owner])
    offered, picked = Stream(width), Stream(width)
    register = (
        join([request.address, request.beats, request.owner], offered.data),
        skid_buffer(clock, reset, offered, picked, width=width),
        split(picked.data, [taken.address, taken.beats, taken.owner]),
    )

    @always_comb
    def decide() -> None:
        picked.ready.next = checked.ready or not checked.valid
        empty.next = not picked.valid and not checked.valid

    @always_comb
    def accept() -> None:
        request.ready.next = offered.ready and not halt
        offered.valid.next = request.valid and not halt

    @always_seq(clock.posedge, reset)
    def advance() -> None:
        if picked.ready:
            checked.valid.next = picked.valid
            checked.address.next = taken.address[ADDRESS_BITS:]
            checked.beats.next = taken.beats
            checked.owner.next = taken.owner
            checked.refused.next = (
                taken.address[ADDRESS_BITS]
                or taken.address[ADDRESS_BITS:_PAGE] < window_base[ADDRESS_BITS:_PAGE]
                or taken.address[ADDRESS_BITS:_PAGE] > window_limit[ADDRESS_BITS:_PAGE]
            )

    return register, decide, accept, advance

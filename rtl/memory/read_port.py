"""Read half of the memory port: three clients share the AR and R channels.

Contract
    Requests are accepted round robin, one per cycle, and pass :func:`window_check`: ARVALID rises
    at the earliest after the third edge.  VALID and payload of AR are registers and
    stable until READY.  ``READS`` bursts and a few more may be outstanding.  Responses arrive in
    order, so a queue of owners identifies the client of the next one; data passes combinationally
    from R to that client, whose ``data_ready`` drives RREADY.  A beat can transfer in every cycle.
    A refused burst is answered in its turn by one beat with ``data_last`` and error WINDOW; SLVERR
    and DECERR are reported as error BUS on their beat.  ``error_address`` of a client becomes the
    address of its first burst with an error, one cycle after the error.  While ``halt`` is high
    nothing new is accepted or issued, data is discarded, and no client sees data.  ``idle`` then
    means that nothing is outstanding.
"""

from __future__ import annotations

from typing import Any

from myhdl import Signal, always_comb, always_seq, block, intbv

from ...isa.config import Config
from ...isa.opcodes import ADDRESS_BITS
from ..lib.bundles import Axi4, PortError, ReadClient, Stream, bit, word
from ..lib.pack import bits_of, join, split
from ..lib.queue import queue
from ..lib.skid_buffer import skid_buffer
from .read_arbiter import Owner, read_arbiter
from .window_check import BurstRequest, Checked, window_check

__all__ = ["READS", "read_port"]

READS = 64  # outstanding bursts, not counting the one being answered
_INCR = 1


class OutstandingRead:
    """An outstanding burst: its owner, and whether it was refused."""

    def __init__(self) -> None:
        self.for_fetch, self.for_compute, self.for_load = bit(), bit(), bit()
        self.refused, self.address = bit(), word(ADDRESS_BITS)

    def fields(self) -> list[Any]:
        """Return the fields of a queue entry, from bit 0."""
        return [self.for_fetch, self.for_compute, self.for_load, self.refused, self.address]


@block
def read_answer(
    clock: Any, reset: Any, valid: Any, owed: OutstandingRead, owns: Any, halt: Any, m_axi: Axi4,
    client: ReadClient, taken: Any,
) -> Any:
    """Pass the R channel to a client while it owns the oldest burst.

    ``taken``: outside a halt, it accepts a beat if there is one.
    """
    mine = bit()
    failed = bit()  # error_address holds an address of this launch

    @always_comb
    def select() -> None:
        mine.next = valid and not halt and owns

    @always_comb
    def deliver() -> None:
        client.data_valid.next = mine and (owed.refused or m_axi.rvalid)
        client.data.next = m_axi.rdata
        client.data_last.next = owed.refused or m_axi.rlast
        client.data_error.next = PortError.NONE
        if owed.refused:
            client.data_error.next = PortError.WINDOW
        elif m_axi.rresp[1]:
            client.data_error.next = PortError.BUS

    @always_comb
    def accept() -> None:
        taken.next = owns and client.data_ready

    @always_seq(clock.posedge, reset)
    def remember() -> None:
        if halt:
            failed.next = False
        elif not failed and mine and (owed.refused or (m_axi.rvalid and m_axi.rresp[1])):
            failed.next = True
            client.error_address.next = owed.address

    return select, deliver, accept, remember


@block
def read_port(
    clock: Any, reset: Any, halt: Any, window_base: Any, window_limit: Any, fetch: ReadClient,
    compute: ReadClient, load: ReadClient, m_axi: Axi4, idle: Any, *, config: Config,
) -> Any:
    """Read for three clients."""
    request, checked, check_empty = BurstRequest(), Checked(), bit()
    issued, owed = OutstandingRead(), OutstandingRead()
    issued.refused, issued.address = checked.refused, checked.address
    width = bits_of(owed.fields())
    awaited, waiting, head = (Stream(width) for _ in range(3))
    outstanding = Signal(intbv(0, min=0, max=READS + 5))
    fetch_taken, compute_taken, load_taken = bit(), bit(), bit()
    answered = bit()  # the last beat of the oldest burst transfers
    size = config.log_bus_width - 3

    arbiter = read_arbiter(clock, reset, fetch, compute, load, request)
    check = window_check(
        clock, reset, halt=halt, window_base=window_base, window_limit=window_limit,
        request=request, checked=checked, empty=check_empty,
    )
    owners = (
        join(issued.fields(), awaited.data),
        queue(clock, reset, awaited, waiting, width=width, depth=READS),
        skid_buffer(clock, reset, waiting, head, width=width),
        split(head.data, owed.fields()),
    )
    answers = [
        read_answer(
            clock, reset, valid=head.valid, owed=owed, owns=owns, halt=halt, m_axi=m_axi,
            client=client, taken=taken,
        )
        for owns, client, taken in (
            (owed.for_fetch, fetch, fetch_taken), (owed.for_compute, compute, compute_taken),
            (owed.for_load, load, load_taken),
        )
    ]

    @always_comb
    def decide() -> None:
        checked.ready.next = awaited.ready and (
            checked.refused or not m_axi.arvalid or m_axi.arready
        )

    @always_comb
    def decode_owner() -> None:
        issued.for_fetch.next = checked.owner == Owner.FETCH
        issued.for_compute.next = checked.owner == Owner.COMPUTE
        issued.for_load.next = checked.owner == Owner.LOAD

    @always_comb
    def issue() -> None:
        awaited.valid.next = checked.valid and not halt and (
            checked.refused or not m_axi.arvalid or m_axi.arready
        )

    @always_seq(clock.posedge, reset)
    def drive_address() -> None:
        if awaited.valid and awaited.ready and not checked.refused:
            m_axi.arvalid.next = True
            m_axi.araddr.next = checked.address
            m_axi.arlen.next = checked.beats - 1
            m_axi.arsize.next = size
            m_axi.arburst.next = _INCR
        elif m_axi.arready:
            m_axi.arvalid.next = False

    @always_comb
    def take() -> None:
        taken = head.valid and (halt or fetch_taken or compute_taken or load_taken)
        m_axi.rready.next = taken and not owed.refused
        answered.next = taken and (owed.refused or (m_axi.rvalid and m_axi.rlast))

    @always_comb
    def pop() -> None:
        head.ready.next = answered

    @always_seq(clock.posedge, reset)
    def count() -> None:
        if awaited.valid and awaited.ready and not answered:
            outstanding.next = outstanding + 1
        elif answered and not (awaited.valid and awaited.ready):
            outstanding.next = outstanding - 1

    @always_comb
    def report() -> None:
        idle.next = check_empty and outstanding == 0

    return (
        arbiter, check, owners, answers, decide, decode_owner, issue, drive_address, take, pop,
        count, report,
    )

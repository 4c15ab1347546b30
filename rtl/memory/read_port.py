"""Read half of the memory port: three clients share the AR and R channels.

Contract
    Requests are taken round robin, one a cycle, and pass :func:`window_check`: AR shows at the
    earliest after the third edge.  VALID and payload of AR are registers and stay until READY.
    Up to ``READS`` and a few more bursts wait for their answers.  Answers come in order, so a
    queue of owners tells whose the head is; data goes straight from R to its owner, whose
    ``data_ready`` drives RREADY.  A beat moves in every cycle if the memory delivers and the owner
    takes.  A refused burst is answered in its turn by one beat with ``data_last`` and error WINDOW;
    SLVERR and DECERR show as error BUS on their beat.  ``error_address`` of a client gets the
    address of its first such burst in the cycle after the error shows.
    While ``halt`` is high nothing new is taken or issued, what comes is thrown away, and no
    client sees data.  ``idle`` then says that nothing is outstanding.
"""

from __future__ import annotations

from typing import Any

from myhdl import Signal, always_comb, always_seq, block, concat, intbv

from ...isa.config import Config
from ...isa.opcodes import ADDRESS_BITS
from ..lib.bundles import Axi4, PortError, ReadClient, Stream, bit
from ..lib.queue import queue
from ..lib.skid_buffer import skid_buffer
from .read_arbiter import Owner, read_arbiter
from .window_check import Checked, Request, window_check

__all__ = ["READS", "read_port"]

READS = 64  # bursts whose answers are awaited, besides the one being answered
# of a burst without an answer yet: {address, refused, one bit for each Owner}
_REFUSED = Owner.LOAD + 1  # the bit above those of the owners
_OWED_BITS = ADDRESS_BITS + _REFUSED + 1
_INCR = 1


@block
def read_answer(
    clock: Any, reset: Any, head: Stream, halt: Any, m_axi: Axi4, client: ReadClient, taken: Any,
    *, owner: int,
) -> Any:
    """Pass the R channel to one client while the head burst is its; ``taken``: it accepts."""
    mine, refused = bit(), bit()
    failed = bit()  # error_address holds an address of this launch

    @always_comb
    def select() -> None:
        mine.next = head.valid and not halt and head.data[owner]
        refused.next = head.data[_REFUSED]

    @always_comb
    def deliver() -> None:
        client.data_valid.next = mine and (refused or m_axi.rvalid)
        client.data.next = m_axi.rdata
        client.data_last.next = refused or m_axi.rlast
        client.data_error.next = PortError.NONE
        if refused:
            client.data_error.next = PortError.WINDOW
        elif m_axi.rresp[1]:
            client.data_error.next = PortError.BUS

    @always_comb
    def accept() -> None:
        taken.next = mine and client.data_ready

    @always_seq(clock.posedge, reset)
    def remember() -> None:
        if halt:
            failed.next = False
        elif not failed and mine and (refused or (m_axi.rvalid and m_axi.rresp[1])):
            failed.next = True
            client.error_address.next = head.data[:4]

    return select, deliver, accept, remember


@block
def read_port(
    clock: Any, reset: Any, halt: Any, window_base: Any, window_limit: Any, fetch: ReadClient,
    compute: ReadClient, load: ReadClient, m_axi: Axi4, idle: Any, *, config: Config,
) -> Any:
    """Read for three clients."""
    request, checked, check_empty = Request(), Checked(), bit()
    awaited, waiting, head = (Stream(_OWED_BITS) for _ in range(3))
    outstanding = Signal(intbv(0, min=0, max=READS + 5))
    fetch_taken, compute_taken, load_taken = bit(), bit(), bit()
    for_fetch, for_compute, for_load = bit(), bit(), bit()
    answered = bit()  # the head burst has its last beat
    size = config.log_bus_width - 3

    arbiter = read_arbiter(clock, reset, fetch, compute, load, request)
    check = window_check(
        clock, reset, halt, window_base, window_limit, request, checked, check_empty
    )
    owners = queue(clock, reset, awaited, waiting, width=_OWED_BITS, depth=READS)
    register = skid_buffer(clock, reset, waiting, head, width=_OWED_BITS)
    fetch_answer = read_answer(
        clock, reset, head, halt, m_axi, fetch, fetch_taken, owner=Owner.FETCH
    )
    compute_answer = read_answer(
        clock, reset, head, halt, m_axi, compute, compute_taken, owner=Owner.COMPUTE
    )
    load_answer = read_answer(
        clock, reset, head, halt, m_axi, load, load_taken, owner=Owner.LOAD
    )

    @always_comb
    def decide() -> None:
        checked.ready.next = awaited.ready and (
            checked.refused or not m_axi.arvalid or m_axi.arready
        )

    @always_comb
    def decode_owner() -> None:
        for_fetch.next = checked.owner == Owner.FETCH
        for_compute.next = checked.owner == Owner.COMPUTE
        for_load.next = checked.owner == Owner.LOAD

    @always_comb
    def issue() -> None:
        awaited.valid.next = checked.valid and not halt and (
            checked.refused or not m_axi.arvalid or m_axi.arready
        )
        awaited.data.next = concat(
            checked.address, checked.refused, for_load, for_compute, for_fetch
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
        taken = fetch_taken or compute_taken or load_taken or (head.valid and halt)
        m_axi.rready.next = taken and not head.data[_REFUSED]
        answered.next = taken and (head.data[_REFUSED] or (m_axi.rvalid and m_axi.rlast))

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
        arbiter, check, owners, register, fetch_answer, compute_answer, load_answer, decide,
        decode_owner, issue, drive_address, take, pop, count, report,
    )

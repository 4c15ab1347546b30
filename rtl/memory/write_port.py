"""Write half of the memory port: one client on the AW, W and B channels.

Contract
    Requests pass :func:`window_check`: AWVALID rises at the earliest after the third edge.  VALID
    and payload of AW and W are registers, stable until READY; AW never waits for W, nor W for AW.
    Data beats are accepted in request order, one per cycle, for bursts that have been issued; WLAST
    follows from the length of the burst.  ``WRITES`` bursts and a few more may wait for their data
    and as many for their response.  ``done`` pulses once per burst, in order, in the cycle after
    its response; error BUS reports SLVERR or DECERR.  The beats of a refused burst are
    discarded, and it is done with error WINDOW.
    ``error_address`` becomes the address of the first burst with an error, together with ``done``.
    While ``halt`` is high nothing new is accepted, missing beats of issued bursts are written with
    strobe 0, and responses are discarded.  ``idle`` then means that nothing is outstanding.
"""

from __future__ import annotations

from typing import Any

from myhdl import Signal, always_comb, always_seq, block, intbv

from ...isa.config import Config
from ...isa.opcodes import ADDRESS_BITS
from ..lib.bundles import Axi4, PortError, Stream, WriteClient, bit, word
from ..lib.pack import bits_of, join, split
from ..lib.queue import queue
from ..lib.skid_buffer import skid_buffer
from .window_check import BurstRequest, Checked, window_check

__all__ = ["WRITES", "write_port"]

WRITES = 32
_INCR = 1


class Burst:
    """A burst in flight: it needs ``last_beat`` + 1 beats of data and then a response."""

    def __init__(self) -> None:
        self.last_beat, self.single = word(5), bit()  # ``single``: the first beat is the last
        self.refused, self.address = bit(), word(ADDRESS_BITS)


@block
def write_port(
    clock: Any, reset: Any, halt: Any, window_base: Any, window_limit: Any, store: WriteClient,
    m_axi: Axi4, idle: Any, *, config: Config,
) -> Any:
    """Write for one client."""
    request, checked, check_empty = BurstRequest(), Checked(), bit()
    filling, responding = Burst(), Burst()  # at the heads of the two queues
    last_number = word(5)  # index of the last beat of the checked burst
    single = bit()
    issue_fields = [last_number, single, checked.refused, checked.address]
    issue_bits, response_bits = bits_of(issue_fields), bits_of(issue_fields[2:])
    issued, queued, lengths_head = (Stream(issue_bits) for _ in range(3))
    filled, owed, awaited = (Stream(response_bits) for _ in range(3))
    outstanding = Signal(intbv(0, min=0, max=2 * (WRITES + 4) + 1))
    # the ready signal of beats is a register
    last_beat, strobe = bit(), word(config.bus_bytes)  # of the beat accepted; of the one on the bus
    beat_fields = [store.data, store.data_strobe, last_beat]
    beat_bits = bits_of(beat_fields)
    beats, sent = Stream(beat_bits), Stream(beat_bits)
    beat = word(5)  # data beats of the filling burst so far
    begun, ends_next = bit(), bit()  # ``beat`` is not 0; it is then the last one
    address_free, take_beat, answered = bit(), bit(), bit()
    late = bit()  # the beat on the bus got there during a halt
    failed = bit()  # error_address holds an address of this launch
    size = config.log_bus_width - 3

    check = window_check(
        clock, reset, halt=halt, window_base=window_base, window_limit=window_limit,
        request=request, checked=checked, empty=check_empty,
    )
    lengths = (
        join(issue_fields, issued.data),
        queue(clock, reset, issued, queued, width=issue_bits, depth=WRITES),
        skid_buffer(clock, reset, queued, lengths_head, width=issue_bits),
        split(
            lengths_head.data,
            [filling.last_beat, filling.single, filling.refused, filling.address],
        ),
    )
    responses = (
        join([filling.refused, filling.address], filled.data),
        queue(clock, reset, filled, owed, width=response_bits, depth=WRITES),
        skid_buffer(clock, reset, owed, awaited, width=response_bits),
        split(awaited.data, [responding.refused, responding.address]),
    )
    output = (
        join(beat_fields, beats.data),
        skid_buffer(clock, reset, beats, sent, width=beat_bits),
        split(sent.data, [m_axi.wdata, strobe, m_axi.wlast]),
    )

    @always_comb
    def pass_request() -> None:
        request.valid.next = store.request_valid
        request.address.next = store.request_address
        request.beats.next = store.request_beats
        request.owner.next = 0
        store.request_ready.next = request.ready

    @always_comb
    def decide() -> None:
        last_number.next = checked.beats - 1
        single.next = checked.beats == 1
        address_free.next = checked.refused or not m_axi.awvalid or m_axi.awready

    @always_comb
    def issue() -> None:
        checked.ready.next = issued.ready and address_free
        issued.valid.next = checked.valid and not halt and address_free

    @always_seq(clock.posedge, reset)
    def drive_address() -> None:
        if issued.valid and issued.ready and not checked.refused:
            m_axi.awvalid.next = True
            m_axi.awaddr.next = checked.address
            m_axi.awlen.next = checked.beats - 1
            m_axi.awsize.next = size
            m_axi.awburst.next = _INCR
        elif m_axi.awready:
            m_axi.awvalid.next = False

    @always_comb
    def accept() -> None:
        store.data_ready.next = lengths_head.valid and filled.ready and beats.ready and not halt
        take_beat.next = (
            lengths_head.valid and filled.ready and beats.ready and (store.data_valid or halt)
        )
        last_beat.next = (begun and ends_next) or (not begun and filling.single)

    @always_comb
    def finish_burst() -> None:
        lengths_head.ready.next = take_beat and last_beat
        filled.valid.next = take_beat and last_beat

    @always_seq(clock.posedge, reset)
    def count_beats() -> None:
        if take_beat:
            beat.next = beat + 1
            begun.next = True
            ends_next.next = beat + 1 == filling.last_beat
            if last_beat:
                beat.next = 0
                begun.next = False

    @always_comb
    def send() -> None:
        beats.valid.next = take_beat and not filling.refused

    @always_seq(clock.posedge, reset)
    def remember_halt() -> None:
        if sent.ready or not sent.valid:
            late.next = halt

    @always_comb
    def drive_data() -> None:
        m_axi.wvalid.next = sent.valid
        m_axi.wstrb.next = strobe
        if late:
            m_axi.wstrb.next = 0
        sent.ready.next = m_axi.wready

    @always_comb
    def respond() -> None:
        m_axi.bready.next = awaited.valid and not responding.refused
        answered.next = awaited.valid and (responding.refused or m_axi.bvalid)

    @always_comb
    def pop() -> None:
        awaited.ready.next = answered

    @always_seq(clock.posedge, reset)
    def register_done() -> None:
        store.done.next = answered and not halt
        store.done_error.next = PortError.NONE
        if responding.refused:
            store.done_error.next = PortError.WINDOW
        elif m_axi.bresp[1]:
            store.done_error.next = PortError.BUS

    @always_seq(clock.posedge, reset)
    def remember() -> None:
        if halt:
            failed.next = False
        elif not failed and answered and (responding.refused or m_axi.bresp[1]):
            failed.next = True
            store.error_address.next = responding.address

    @always_seq(clock.posedge, reset)
    def count() -> None:
        if issued.valid and issued.ready and not answered:
            outstanding.next = outstanding + 1
        elif answered and not (issued.valid and issued.ready):
            outstanding.next = outstanding - 1

    @always_comb
    def report() -> None:
        idle.next = check_empty and outstanding == 0

    return (
        check, lengths, responses, output, pass_request, decide, issue, drive_address, accept,
        finish_burst, count_beats, send, remember_halt, drive_data, respond, pop, register_done,
        remember, count, report,
    )

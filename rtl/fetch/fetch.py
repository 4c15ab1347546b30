"""Prefetch the instruction stream and dispatch it to the module queues.

Contract
    Starts when reset falls, reads ``insn_count`` instructions from ``insn_base`` (both must be
    stable until the next reset; the base is a multiple of 16) and dispatches them as described in
    :mod:`.dispatch`, which drives ``index``, ``done``, ``blocked`` and ``fault``.
    Keeps up to 64 instructions in flight or waiting; a burst is requested only when there is room
    for all its beats, so ``read.data_ready`` is always high.  Bursts end at aligned blocks of 16
    beats.  Dispatching FINISH stops the prefetch, whose errors are then ignored.
    The first request appears after the third clock edge, further ones in every second cycle; an
    instruction leaves two cycles after its (last) beat arrived, three at 64 and 256 bits.
"""

from __future__ import annotations

from typing import Any

from myhdl import Signal, always_comb, always_seq, block, concat, intbv

from ...isa.config import Config
from ...isa.opcodes import ADDRESS_BITS, INSTRUCTION_BYTES
from ..host.status import FetchStatus
from ..lib.bundles import INDEX_BITS, MAX_BEATS, ReadClient, Stream, bit, word
from ..lib.queue import queue
from .dispatch import FETCHED_BITS, dispatch
from .gearbox import gearbox

__all__ = ["READ_AHEAD", "fetch"]

READ_AHEAD = 64  # instructions


@block
def count_beats(insn_base: Any, insn_count: Any, total: Any, *, bus_width: int) -> Any:
    """Compute how many beats hold the stream; ``total`` has two bits more than ``insn_count``."""
    if bus_width == 64:

        @always_comb
        def convert() -> None:
            total.next = concat(insn_count, False)

        return convert
    if bus_width == 128:

        @always_comb
        def copy() -> None:
            total.next = insn_count

        return copy

    halves = word(INDEX_BITS + 2)  # 16-byte halves of beats, rounded up to whole beats

    @always_comb
    def count() -> None:
        halves.next = insn_count + 1
        if insn_base[4]:
            halves.next = insn_count + 2

    @always_comb
    def divide() -> None:
        total.next = halves[:1]

    return count, divide


@block
def fetch(
    clock: Any, reset: Any, insn_base: Any, insn_count: Any, read: ReadClient, load: Stream,
    compute: Stream, store: Stream, status: FetchStatus, *, config: Config,
) -> Any:
    """Request bursts; queue beats, assemble and dispatch instructions."""
    log_bytes = config.log_bus_width - 3
    depth = READ_AHEAD * INSTRUCTION_BYTES // config.bus_bytes  # beats
    bus_width = config.bus_width
    error_hi = bus_width + 2

    arrived, beats = Stream(error_hi), Stream(error_hi)
    instructions = Stream(FETCHED_BITS)
    total = word(INDEX_BITS + 2)
    started = bit()
    next_beat = word(ADDRESS_BITS + 1 - log_bytes)  # address of the next request, in beats
    unrequested = word(INDEX_BITS + 2)  # beats
    reserved = Signal(intbv(0, min=0, max=depth + 1))  # beats requested and not yet taken out
    to_block_end, measured, burst = word(5), word(5), word(5)  # beats
    prepared, ask, take = bit(), bit(), bit()  # prepared: burst is the next to request

    length = count_beats(insn_base, insn_count, total, bus_width=bus_width)
    buffer_ = queue(clock, reset, arrived, beats, width=error_hi, depth=depth)
    converter = gearbox(clock, reset, insn_base, beats, instructions, bus_width=bus_width)
    dispatcher = dispatch(
        clock, reset, insn_count=insn_count, instructions=instructions, load=load, compute=compute,
        store=store, status=status, config=config,
    )

    @always_comb
    def measure() -> None:
        to_block_end.next = MAX_BEATS - next_beat[4:]

    @always_comb
    def choose() -> None:
        measured.next = to_block_end
        if unrequested < to_block_end:
            measured.next = unrequested[5:]

    @always_comb
    def decide() -> None:
        ask.next = prepared and not read.request_valid

    @always_seq(clock.posedge, reset)
    def prepare() -> None:
        burst.next = measured
        prepared.next = (
            started and not prepared and unrequested != 0 and reserved <= depth - MAX_BEATS
            and not status.done
        )
        if prepared and not ask:
            burst.next = burst
            prepared.next = not status.done

    @always_comb
    def receive() -> None:
        arrived.valid.next = read.data_valid
        arrived.data.next = concat(read.data_error, read.data)
        read.data_ready.next = arrived.ready
        take.next = beats.valid and beats.ready

    @always_seq(clock.posedge, reset)
    def request() -> None:
        started.next = True
        if not started:
            next_beat.next = insn_base[:log_bytes]
            unrequested.next = total
        if ask:
            next_beat.next = next_beat + burst
            unrequested.next = unrequested - burst
            read.request_valid.next = True
            read.request_address.next = concat(next_beat, intbv(0)[log_bytes:])
            read.request_beats.next = burst
        elif read.request_ready:
            read.request_valid.next = False

    @always_seq(clock.posedge, reset)
    def reserve() -> None:
        if ask and take:
            reserved.next = reserved + burst - 1
        elif ask:
            reserved.next = reserved + burst
        elif take:
            reserved.next = reserved - 1

    return (
        length, buffer_, converter, dispatcher, measure, choose, decide, prepare, receive, request,
        reserve,
    )

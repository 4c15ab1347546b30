"""Move words to and from memory over AXI4, as narrow bursts of 32-bit beats.

Contract
    An access begins in a cycle with ``job.start``, whose fields are kept until ``done`` pulses.
    ``address`` is a multiple of 4.  ``words`` words move, word 0 with the strobes ``first``, the
    last with ``last`` (one word: with both).  A burst has 16 beats at most and stays inside 64
    aligned bytes, so none crosses 4 KiB; the next one begins when the one before is answered.
    Written words come from ``source``, read ones go to ``sink``, both counted from 0.  ``failed``
    reports with ``done`` that a response was SLVERR or DECERR.  AWVALID rises no later than the
    first WVALID of its burst.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block

from ..isa.config import Config
from ..rtl.lib.bundles import Axi4, bit, word
from .link_bundles import WordPort

__all__ = ["BurstJob", "burst_master"]

_BEATS = 16
_INCR, _SIZE = 1, 2  # four bytes per beat


class BurstJob:
    """A transfer to perform."""

    def __init__(self) -> None:
        self.start, self.write = bit(), bit()
        self.address, self.words = word(32), word(7)
        self.first, self.last = word(4), word(4)


class BurstState:
    """States of a transfer."""

    IDLE, ADDRESS, READ, FETCH, LOAD, DATA, ANSWER = range(7)


@block
def burst_master(
    clock: Any, reset: Any, job: BurstJob, source: WordPort, sink: WordPort, failed: Any,
    done: Any, m_axi: Axi4, *, config: Config,
) -> Any:
    """Read or write words."""
    lane_bits = config.log_bus_width - 5
    state = word(3)
    moved, left = word(7), word(7)  # words moved so far; words left
    address = word(32)
    beats, beat, room = word(5), word(5), word(5)
    strobe = word(4)
    wide_value, wide_strobe = word(config.bus_width), word(config.bus_bytes)
    read_shifted = word(config.bus_width)
    lane = word(max(lane_bits, 1))
    bit_offset, byte_offset = word(9), word(6)

    @always_comb
    def place() -> None:
        lane.next = address[2 + lane_bits:2]
        room.next = _BEATS - address[6:2]

    @always_comb
    def offset() -> None:
        bit_offset.next = 0
        bit_offset.next[5 + lane_bits:5] = lane
        byte_offset.next = 0
        byte_offset.next[2 + lane_bits:2] = lane

    @always_comb
    def size_burst() -> None:
        beats.next = room
        if left < room:
            beats.next = left[5:]

    @always_comb
    def mask() -> None:
        strobe.next = 15
        if moved == 0 and left == 1:
            strobe.next = job.first & job.last
        elif moved == 0:
            strobe.next = job.first
        elif left == 1:
            strobe.next = job.last

    @always_comb
    def widen() -> None:
        wide_value.next = source.data
        wide_strobe.next = strobe

    @always_comb
    def narrow() -> None:
        read_shifted.next = m_axi.rdata >> bit_offset

    @always_comb
    def store() -> None:
        sink.enable.next = state == BurstState.READ and m_axi.rvalid
        sink.address.next = moved[sink_bits:]
        sink.data.next = read_shifted[32:]
        source.enable.next = state == BurstState.FETCH
        source.address.next = moved[source_bits:]

    @always_comb
    def listen() -> None:
        m_axi.rready.next = state == BurstState.READ
        m_axi.bready.next = state == BurstState.ANSWER

    sink_bits, source_bits = len(sink.address), len(source.address)

    @always_seq(clock.posedge, reset)
    def advance() -> None:
        done.next = False
        if m_axi.awready:
            m_axi.awvalid.next = False
        if m_axi.arready:
            m_axi.arvalid.next = False
        if state == BurstState.IDLE:
            if job.start:
                moved.next = 0
                left.next = job.words
                address.next = job.address
                failed.next = False
                state.next = BurstState.ADDRESS
        elif state == BurstState.ADDRESS:
            beat.next = beats
            if job.write:
                m_axi.awvalid.next = True
                m_axi.awaddr.next = address
                m_axi.awlen.next = beats - 1
                m_axi.awsize.next = _SIZE
                m_axi.awburst.next = _INCR
                state.next = BurstState.FETCH
            else:
                m_axi.arvalid.next = True
                m_axi.araddr.next = address
                m_axi.arlen.next = beats - 1
                m_axi.arsize.next = _SIZE
                m_axi.arburst.next = _INCR
                state.next = BurstState.READ
        elif state == BurstState.READ:
            if m_axi.rvalid:
                if m_axi.rresp[1]:
                    failed.next = True
                moved.next = moved + 1
                left.next = left - 1
                address.next = address + 4
                if m_axi.rlast:
                    state.next = BurstState.ADDRESS
                    if left == 1:
                        state.next = BurstState.IDLE
                        done.next = True
        elif state == BurstState.FETCH:
            state.next = BurstState.LOAD
        elif state == BurstState.LOAD:
            m_axi.wvalid.next = True
            m_axi.wdata.next = wide_value << bit_offset
            m_axi.wstrb.next = wide_strobe << byte_offset
            m_axi.wlast.next = beat == 1
            beat.next = beat - 1
            moved.next = moved + 1
            left.next = left - 1
            address.next = address + 4
            state.next = BurstState.DATA
        elif state == BurstState.DATA:
            if m_axi.wready:
                m_axi.wvalid.next = False
                state.next = BurstState.FETCH
                if m_axi.wlast:
                    state.next = BurstState.ANSWER
        elif m_axi.bvalid:
            if m_axi.bresp[1]:
                failed.next = True
            state.next = BurstState.ADDRESS
            if left == 0:
                state.next = BurstState.IDLE
                done.next = True

    return place, offset, size_burst, mask, widen, narrow, store, listen, advance

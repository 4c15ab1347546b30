"""8N1 serial line: receiver with oversampling, transmitter without gaps.

Contract, receiver
    Samples ``line`` eight times per bit, through two registers.  A bit is the majority of three
    samples in its middle; a stop bit needs one of the first two, so that the start of a fast
    sender's next byte is not missed.  ``valid`` pulses with ``data`` in the middle of the stop bit;
    a byte whose stop bit is 0 is dropped, and the line must be 1 before the next one.  Sender and
    receiver may differ by 3 %.
Contract, transmitter
    A byte is taken when ``sink.valid and sink.ready``.  Bytes offered in time follow each other
    without a gap: ten bits per byte.  ``line`` is 1 between them.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, always_seq, block

from ..rtl.lib.bundles import Stream, bit, word
from .baud import baud

__all__ = ["OVERSAMPLING", "uart_receiver", "uart_transmitter"]

OVERSAMPLING = 8
_BITS = 10  # start, eight of data, stop
_STOP = _BITS - 1  # a name: MyHDL makes a wrong case label of a sum
_FIRST_LOOK, _LAST_LOOK = 3, 5


@block
def uart_receiver(
    clock: Any, reset: Any, line: Any, data: Any, valid: Any, *, clock_hz: int, rate: int
) -> Any:
    """Receive bytes."""
    tick, early, level = bit(), bit(), bit()  # level: the line, two cycles late, inverted
    busy, broken, value = bit(), bit(), bit()
    look, position, votes = word(3), word(4), word(2)
    ticks = baud(clock, reset, tick, clock_hz=clock_hz, rate=OVERSAMPLING * rate)

    @always(clock.posedge)
    def synchronise() -> None:
        early.next = not line
        level.next = early

    @always_comb
    def vote() -> None:
        value.next = votes == 2 or (votes == 1 and not level)

    @always_seq(clock.posedge, reset)
    def receive() -> None:
        valid.next = False
        if tick:
            if not busy:
                look.next = 1
                position.next = 0
                votes.next = 0
                if not level:
                    broken.next = False
                busy.next = level and not broken
            else:
                look.next = look + 1
                if look == OVERSAMPLING - 1:
                    votes.next = 0
                    position.next = position + 1
                elif position == _STOP and look == _LAST_LOOK - 1:  # a fast sender's next one
                    busy.next = False
                    valid.next = votes == 1 or not level
                    broken.next = votes == 0 and level
                elif look >= _FIRST_LOOK and look < _LAST_LOOK and not level:
                    votes.next = votes + 1
                elif look == _LAST_LOOK:
                    if position == 0:
                        busy.next = not value
                    else:
                        data.next[7] = value
                        data.next[7:0] = data[8:1]

    return ticks, synchronise, vote, receive


@block
def uart_transmitter(
    clock: Any, reset: Any, sink: Stream, line: Any, *, clock_hz: int, rate: int
) -> Any:
    """Send bytes."""
    tick, low = bit(), bit()  # low: the line, inverted, so that reset leaves it at 1
    rest, left = word(8), word(4)
    ticks = baud(clock, reset, tick, clock_hz=clock_hz, rate=rate)

    @always_comb
    def accept() -> None:
        sink.ready.next = tick and left == 0

    @always_comb
    def drive() -> None:
        line.next = not low

    @always_seq(clock.posedge, reset)
    def send() -> None:
        if tick:
            if left == 0:
                low.next = sink.valid
                if sink.valid:
                    rest.next = sink.data
                    left.next = _STOP
            else:
                low.next = left != 1 and not rest[0]
                rest.next = rest >> 1
                left.next = left - 1

    return ticks, accept, drive, send

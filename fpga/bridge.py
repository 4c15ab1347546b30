"""UART bridge: the device side of the protocol (docs/protocol.md) in hardware.

    received -> deframer -> queue -> executor -> enframer -> sent
                  │ payload slots     │ │ response words
                  └──────> ram ───────┘ └──> ram ──> (enframer)
                                      └─> AXI4-Lite, AXI4

Contract
    ``received`` is a byte in each cycle with ``received_valid``, at most every second cycle.
    Answers every valid request, in order, as protocol.md specifies; everything else is dropped.  Up
    to WINDOW requests may be outstanding; one more than there is room for is dropped like a damaged
    one.  Memory is 0..``size``.  Reset ends the session but keeps the contents of memory.
"""

from __future__ import annotations

from typing import Any

from myhdl import Signal, always_comb, always_seq, block, concat, intbv

from ..isa.config import Config
from ..rtl.lib.bundles import Axi4, AxiLite, Stream, bit, word
from ..rtl.lib.pack import join, split
from ..rtl.lib.queue import queue
from ..rtl.lib.ram import ram
from .command_executor import executor
from .deframer import deframer
from .enframer import enframer
from .link_bundles import COMMAND_BITS, PAYLOAD_WORDS, SLOTS, Command, Reply, WordPort

__all__ = ["bridge"]

_SLOT_BITS, _WORD_BITS = (SLOTS - 1).bit_length(), (PAYLOAD_WORDS - 1).bit_length()


@block
def bridge(
    clock: Any, reset: Any, received: Any, received_valid: Any, sent: Stream, s_axi: AxiLite,
    m_axi: Axi4, *, config: Config, size: int, clock_hz: int,
) -> Any:
    """Connect the blocks; ``s_axi`` and ``m_axi`` are driven as by a master."""
    request, current, accepted = Command(), Command(), bit()
    arriving, waiting = Stream(COMMAND_BITS), Stream(COMMAND_BITS)
    release, room = bit(), bit()
    in_use = Signal(intbv(0, min=0, max=SLOTS + 1))  # slots of requests that wait or are executed
    filling, reading = word(_SLOT_BITS), word(_SLOT_BITS)
    payload_write = WordPort(_SLOT_BITS + _WORD_BITS)
    payload_read, payload_address = WordPort(_WORD_BITS), word(_SLOT_BITS + _WORD_BITS)
    buffer_write, buffer_read = WordPort(_WORD_BITS), WordPort(_WORD_BITS)
    reply = Reply()

    @always_comb
    def make_room() -> None:
        room.next = in_use < SLOTS - 1 and arriving.ready

    @always_comb
    def arrive() -> None:
        arriving.valid.next = accepted

    @always_comb
    def locate() -> None:
        payload_address.next = concat(reading, payload_read.address)

    @always_seq(clock.posedge, reset)
    def count() -> None:
        if accepted and not release:
            in_use.next = in_use + 1
        elif release and not accepted:
            in_use.next = in_use - 1
        if release:
            reading.next = reading + 1

    return (
        make_room, arrive, locate, count,
        deframer(
            clock, reset, data=received, valid=received_valid, room=room, command=request,
            accepted=accepted, slot=filling, payload=payload_write,
        ),
        join(request.fields(), arriving.data),
        queue(clock, reset, arriving, waiting, width=COMMAND_BITS, depth=SLOTS),
        split(waiting.data, current.fields()),
        ram(
            clock, write_enable=payload_write.enable, write_address=payload_write.address,
            write_data=payload_write.data, read_enable=payload_read.enable,
            read_address=payload_address, read_data=payload_read.data, width=32,
            depth=SLOTS * PAYLOAD_WORDS,
        ),
        executor(
            clock, reset, command=waiting, current=current, release=release, payload=payload_read,
            buffer=buffer_write, reply=reply, s_axi=s_axi, m_axi=m_axi, config=config, size=size,
            clock_hz=clock_hz,
        ),
        ram(
            clock, write_enable=buffer_write.enable, write_address=buffer_write.address,
            write_data=buffer_write.data, read_enable=buffer_read.enable,
            read_address=buffer_read.address, read_data=buffer_read.data, width=32,
            depth=PAYLOAD_WORDS,
        ),
        enframer(clock, reset, reply, buffer_read, sent),
    )

"""Enframer from responses to the bytes of a line (docs/protocol.md).

Contract
    A response is taken while ``reply.valid``; its bytes, both flags included, leave at ``source``,
    at most one per cycle; ``reply.ready`` pulses when the last has left.  Payload words are
    read from ``buffer`` when they are needed, so they must be stable until then.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block

from ..isa.link_protocol import ESCAPE, FLAG
from ..rtl.lib.bundles import Stream, bit, word
from .crc32 import crc32
from .link_bundles import Reply, WordPort

__all__ = ["enframer"]

_HALF = 0xFFFF


class EnframerState:
    """States of the enframer."""

    IDLE, OPEN, FETCH, LOAD, BODY, CLOSE = range(6)


@block
def enframer(clock: Any, reset: Any, reply: Reply, buffer: WordPort, source: Stream) -> Any:
    """Send responses; ``buffer`` is read."""
    state, payload_index = word(3), word(8)
    register, divided, current, following = word(32), word(32), word(32), word(32)
    plain = word(8)
    index, position = word(8), word(2)  # word of the body, byte of it
    escaped, special, checksum, last = bit(), bit(), bit(), bit()
    divide = crc32(register, plain, divided)
    address_bits = len(buffer.address)

    @always_comb
    def classify() -> None:
        plain.next = current[8:0]
        special.next = current[8:0] == FLAG or current[8:0] == ESCAPE
        checksum.next = index == reply.words + 2
        last.next = index == reply.words + 3

    @always_comb
    def address() -> None:
        payload_index.next = index - 2

    @always_comb
    def read() -> None:
        buffer.address.next = payload_index[address_bits:]
        buffer.enable.next = state == EnframerState.FETCH

    @always_comb
    def choose() -> None:
        following.next = buffer.data
        if checksum:
            following.next = ~register
        elif index == 0:
            following.next[4:0] = reply.kind
            following.next[7:4] = reply.status
            following.next[7] = True
            following.next[16:8] = reply.sequence
            following.next[32:16] = reply.count
        elif index == 1:
            following.next = reply.address

    @always_comb
    def offer() -> None:
        source.valid.next = (
            state == EnframerState.OPEN or state == EnframerState.BODY
            or state == EnframerState.CLOSE
        )
        source.data.next = FLAG
        if state == EnframerState.BODY:
            source.data.next = plain
            if escaped:
                source.data.next[5] = not plain[5]
            elif special:
                source.data.next = ESCAPE

    @always_comb
    def finish() -> None:
        reply.ready.next = state == EnframerState.CLOSE and source.ready

    @always_seq(clock.posedge, reset)
    def advance() -> None:
        if state == EnframerState.IDLE:
            index.next = 0
            position.next = 0
            escaped.next = False
            register.next[32:16] = _HALF
            register.next[16:0] = _HALF
            if reply.valid:
                state.next = EnframerState.OPEN
        elif state == EnframerState.OPEN:
            if source.ready:
                state.next = EnframerState.FETCH
        elif state == EnframerState.FETCH:
            state.next = EnframerState.LOAD
        elif state == EnframerState.LOAD:
            current.next = following
            index.next = index + 1
            state.next = EnframerState.BODY
        elif state == EnframerState.BODY:
            if source.ready:
                if special and not escaped:
                    escaped.next = True
                else:
                    escaped.next = False
                    register.next = divided
                    current.next = current >> 8
                    position.next = position + 1
                    if position == 3:
                        state.next = EnframerState.FETCH
                        if last:
                            state.next = EnframerState.CLOSE
        elif source.ready:
            state.next = EnframerState.IDLE

    return divide, classify, address, read, choose, offer, finish, advance

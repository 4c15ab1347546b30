"""Deframer from the bytes of a line to requests (docs/protocol.md).

Contract
    After a closing flag ``accepted`` pulses when the frame before it was a request with the correct
    CRC and length, ``room`` was high, and its payload is in ``payload``, slot ``slot``.  Everything
    else is dropped, including a frame that ends in an escape (RFC 1662, section 4.3): a flag always
    starts a new frame.  ``slot`` advances with ``accepted``.
    A byte may arrive every second cycle.  Payload words are written as they arrive; so is the CRC
    after them when the slot has room, but it is never read.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block

from ..isa.link_protocol import CRC_RESIDUE, ESCAPE, FLAG, HEADER_BYTES
from ..rtl.lib.bundles import bit, word
from .crc32 import CRC_START, crc32
from .link_bundles import PAYLOAD_BYTES, PAYLOAD_WORDS, Command, WordPort

__all__ = ["deframer"]

_LIMIT = HEADER_BYTES + PAYLOAD_BYTES + 4
_SHORTEST = HEADER_BYTES + 4
_RESIDUE = CRC_RESIDUE ^ CRC_START
_RESIDUE_HIGH, _RESIDUE_LOW = _RESIDUE >> 16, _RESIDUE & 0xFFFF
_START_HALF = 0xFFFF
_HEADER_WORDS = HEADER_BYTES // 4
_WORD_BITS = (PAYLOAD_WORDS - 1).bit_length()


@block
def deframer(
    clock: Any, reset: Any, data: Any, valid: Any, room: Any, command: Command, accepted: Any,
    slot: Any, payload: WordPort,
) -> Any:
    """Receive bytes; ``payload`` is written."""
    escaped, response, overrun, right = bit(), bit(), bit(), bit()
    register, divided, plain = word(32), word(32), word(8)
    size = word(_LIMIT.bit_length())  # bytes of the body so far
    low_bytes = word(24)  # of the word being received
    index, words = word(_LIMIT.bit_length()), word(_LIMIT.bit_length() - 2)  # whole words so far
    divide = crc32(register, plain, divided)
    slot_bits, size_bits = len(slot), len(size)

    @always_comb
    def unstuff() -> None:
        plain.next = data
        if escaped:
            plain.next[5] = not data[5]

    @always_comb
    def validate() -> None:
        right.next = (
            size >= _SHORTEST and size[2:0] == 0 and not overrun and not escaped and not response
            and room
            and register[32:16] == _RESIDUE_HIGH and register[16:0] == _RESIDUE_LOW
        )

    @always_comb
    def locate() -> None:
        index.next = (size >> 2) - _HEADER_WORDS
        words.next = size[size_bits:2]

    @always_seq(clock.posedge, reset)
    def take() -> None:
        accepted.next = False
        payload.enable.next = False
        if accepted:
            slot.next = slot + 1
        if valid and data == FLAG:
            accepted.next = right
            command.words.next = words - _HEADER_WORDS - 1  # without the CRC
            register.next[32:16] = _START_HALF
            register.next[16:0] = _START_HALF
            size.next = 0
            escaped.next = False
            overrun.next = False
        elif valid and data == ESCAPE and not escaped:
            escaped.next = True
        elif valid:
            escaped.next = False
            register.next = divided
            if size == _LIMIT:
                overrun.next = True
            else:
                size.next = size + 1
            if size == 0:
                command.kind.next = plain[4:0]
                response.next = plain[7]
            elif size == 1:
                command.sequence.next = plain
            elif size == 2:
                command.count.next[8:0] = plain
            elif size == 3:
                command.count.next[16:8] = plain
            elif size == 4:
                command.address.next[8:0] = plain
            elif size == 5:
                command.address.next[16:8] = plain
            elif size == 6:
                command.address.next[24:16] = plain
            elif size == 7:
                command.address.next[32:24] = plain
            elif size[2:0] == 3:
                payload.data.next[24:0] = low_bytes
                payload.data.next[32:24] = plain
                payload.address.next[_WORD_BITS:0] = index[_WORD_BITS:0]
                payload.address.next[_WORD_BITS + slot_bits:_WORD_BITS] = slot
                payload.enable.next = index < PAYLOAD_WORDS and size < _LIMIT
            low_bytes.next[24:16] = plain
            low_bytes.next[16:0] = low_bytes[24:8]

    return divide, unstuff, validate, locate, take

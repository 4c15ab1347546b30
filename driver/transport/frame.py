"""Frames of the protocol as bytes, and back (isa/link_protocol.py, docs/protocol.md)."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from ...isa.link_protocol import (
    CRC_RESIDUE,
    ESCAPE,
    FLAG,
    FLIP,
    HEADER_BYTES,
    MAX_COUNT,
    RESPONSE,
    WORD_BYTES,
    LinkStatus,
    MessageKind,
    covering_words,
)

__all__ = ["Frame", "FrameDecoder", "encode", "kind_name", "respond"]

_HEADER = struct.Struct("<BBHI")
_FLAG, _ESCAPE = bytes([FLAG]), bytes([ESCAPE])
_STUFFED = {byte: bytes([ESCAPE, byte ^ FLIP]) for byte in (FLAG, ESCAPE)}
_STATUS_SHIFT = 4


@dataclass(frozen=True)
class Frame:
    """One request or response.

    Attributes
    ----------
    kind : int
        ``MessageKind``, or any other number below 16.
    sequence : int
        Modulo 256.
    address : int
        32 bits; in a response by its status, else that of the request.
    count : int
        Bytes requested, or used of the payload.
    payload : bytes
        Whole words.
    response : bool
    status : LinkStatus
        OK in every request.
    """

    kind: int
    sequence: int
    address: int = 0
    count: int = 0
    payload: bytes = b""
    response: bool = False
    status: LinkStatus = LinkStatus.OK

    @property
    def data(self) -> bytes:
        """The first ``count`` bytes of the payload; fewer if the payload is shorter."""
        skip = self.address % WORD_BYTES if self.status == LinkStatus.OK else 0
        return self.payload[skip : skip + self.count]

    @property
    def complete(self) -> bool:
        """Whether the payload has exactly the words that address and count require."""
        at = self.address if self.status == LinkStatus.OK else 0
        return len(self.payload) == WORD_BYTES * covering_words(at, self.count)


def respond(
    request: Frame, payload: bytes = b"", status: LinkStatus = LinkStatus.OK,
    address: int | None = None, count: int | None = None,
) -> Frame:
    """Return the response to a request; a payload that ends inside a word is padded."""
    if count is None:
        count = request.count if status == LinkStatus.OK else len(payload)
    return Frame(
        request.kind, request.sequence, request.address if address is None else address, count,
        payload + bytes(-len(payload) % WORD_BYTES), True, status,
    )


def encode(frame: Frame) -> bytes:
    """Return the bytes of a frame on the line, both flags included."""
    if not 0 <= frame.count <= MAX_COUNT or len(frame.payload) % WORD_BYTES:
        raise ValueError(f"count {frame.count}, payload of {len(frame.payload)} bytes")
    first = frame.kind | frame.status << _STATUS_SHIFT | (RESPONSE if frame.response else 0)
    body = _HEADER.pack(first, frame.sequence, frame.count, frame.address) + frame.payload
    body += zlib.crc32(body).to_bytes(4, "little")
    stuffed = body.replace(_ESCAPE, _STUFFED[ESCAPE]).replace(_FLAG, _STUFFED[FLAG])
    return _FLAG + stuffed + _FLAG


class FrameDecoder:
    """Divide a stream of bytes into frames; malformed ones are counted and dropped.

    Parameters
    ----------
    payload : int
        Maximum payload in bytes; at most two such frames are buffered.

    Attributes
    ----------
    bad : int
        Malformed frames: too short, too long, wrong CRC.
    received : int
        Bytes fed so far.
    """

    def __init__(self, payload: int):
        self._limit = HEADER_BYTES + payload + 4
        self._rest = bytearray()
        self._overrun = False  # the bytes until the next flag belong to an overlong frame
        self.bad = 0
        self.received = 0

    @property
    def pending(self) -> bool:
        """Whether a frame has begun and not ended."""
        return bool(self._rest) or self._overrun

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes, return the frames that are complete now."""
        self.received += len(data)
        *pieces, rest = data.split(_FLAG)
        frames = []
        for piece in pieces:
            self._rest += piece
            frame = self._decode(bytes(self._rest)) if not self._overrun else None
            if frame is not None:
                frames.append(frame)
            elif self._rest or self._overrun:
                self.bad += 1
            self._rest.clear()
            self._overrun = False
        self._rest += rest
        if len(self._rest) > 2 * self._limit:
            self._rest.clear()
            self._overrun = True
        return frames

    def _decode(self, stuffed: bytes) -> Frame | None:
        body = stuffed.replace(_STUFFED[FLAG], _FLAG).replace(_STUFFED[ESCAPE], _ESCAPE)
        size = len(body)
        if not HEADER_BYTES + 4 <= size <= self._limit or size % WORD_BYTES:
            return None
        if zlib.crc32(body) != CRC_RESIDUE:
            return None
        first, sequence, count, address = _HEADER.unpack_from(body)
        status = LinkStatus(first >> _STATUS_SHIFT & 7)
        return Frame(
            first & 0xF, sequence, address, count, body[HEADER_BYTES:-4], bool(first & RESPONSE),
            status,
        )


def kind_name(kind: int) -> str:
    """Return the name of a kind for messages."""
    return MessageKind(kind).name if kind in list(MessageKind) else f"kind {kind}"

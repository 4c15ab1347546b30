"""Frames of docs/protocol.md as bytes and back, written from the page; the driver's are others."""

from __future__ import annotations

import struct
import zlib

__all__ = ["FLAG", "frame_bytes", "frame_bodies", "page_frames"]

FLAG = 0x7E
_ESCAPE = 0x7D


def frame_bytes(first: int, sequence: int, count: int, address: int, payload: bytes = b"") -> bytes:
    """Return the bytes on the line; ``first`` is byte 0: kind, status and the response bit."""
    body = struct.pack("<BBHI", first, sequence, count, address) + payload
    body += struct.pack("<I", zlib.crc32(body))
    stuffed = bytearray()
    for byte in body:
        stuffed += bytes([_ESCAPE, byte ^ 0x20]) if byte in (_ESCAPE, FLAG) else bytes([byte])
    return bytes([FLAG, *stuffed, FLAG])


def frame_bodies(line: bytes, payload_limit: int) -> list[bytes]:
    """Return the valid bodies between two flags, in order, each without its CRC."""
    bodies = []
    for piece in line.split(bytes([FLAG]))[1:-1]:
        body, escaped = bytearray(), False
        for byte in piece:
            if byte == _ESCAPE and not escaped:
                escaped = True
            else:
                body.append(byte ^ 0x20 if escaped else byte)
                escaped = False
        length, crc = len(body), body[-4:]
        if (12 <= length <= 12 + payload_limit and length % 4 == 0
                and zlib.crc32(body[:-4]) == int.from_bytes(crc, "little")):
            bodies.append(bytes(body[:-4]))
    return bodies


def page_frames(page: str, side: str) -> list[bytes]:
    """Return the example frames of docs/protocol.md: requests are ``>``, responses ``<``."""
    prefix = f"    {side} "
    return [bytes.fromhex(line.removeprefix(prefix)) for line in page.splitlines()
            if line.startswith(prefix)]

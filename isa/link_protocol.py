"""The framed protocol between a host and a device: all its constants, once (docs/protocol.md).

Client, server and the UART bridge read this table.  A frame on the line is ``FLAG``, the body with
``FLAG`` and ``ESCAPE`` stuffed, ``FLAG``.  A body, little endian, is

====== ===== ==========================================================
offset bytes
====== ===== ==========================================================
0      1     kind in bits 3:0, status in 6:4, 1 in bit 7 of a response
1      1     sequence number
2      2     count, bytes
4      4     address
8      4 n   payload: the words that cover ``count`` bytes at ``address``
8+4n   4     CRC-32 (IEEE 802.3) of everything before it
====== ===== ==========================================================
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag

__all__ = [
    "CRC_RESIDUE", "ESCAPE", "FLAG", "FLIP", "HEADER_BYTES", "IDENTITY_WORDS", "LINK_MAGIC",
    "LINK_VERSION", "MAX_COUNT", "RESPONSE", "WORD_BYTES",
    "Capability", "LinkIdentity", "LinkStatus", "MessageKind", "covering_words",
]

FLAG, ESCAPE, FLIP = 0x7E, 0x7D, 0x20  # RFC 1662: a stuffed byte is ESCAPE, byte ^ FLIP
HEADER_BYTES = 8
WORD_BYTES = 4
RESPONSE = 0x80  # bit of the kind byte
MAX_COUNT = 0xFFFF
CRC_RESIDUE = 0x2144_DF1C  # CRC-32 of a body with a correct CRC, that CRC included
LINK_MAGIC = int.from_bytes(b"MVTL", "little")
LINK_VERSION = 0x0001_0000  # major.minor, 16 bits each


class MessageKind(IntEnum):
    """Kinds of request; a device answers REFUSED to those it does not know."""

    IDENTIFY = 1  # start or restart a session: the next sequence number follows this one's
    READ_REGISTER = 2  # one register, count 4
    WRITE_REGISTER = 3
    READ_MEMORY = 4
    WRITE_MEMORY = 5
    AUTHENTICATE = 8  # TCP server: 32 bytes of nonce and 32 of HMAC
    CLAIM = 9  # TCP server: own the device; address holds the milliseconds to queue for it


class LinkStatus(IntEnum):
    """How a request ended."""

    OK = 0
    ORDER = 1  # not the next sequence number, not executed; address holds the next one
    REFUSED = 2  # unknown kind, or illegal count or alignment
    OUTSIDE = 3  # outside the device's memory, not executed
    FAILED = 4  # the bus or the device answered with an error; the payload may name it
    BUSY = 5  # another client owns the device; address holds the number of waiting clients
    DENIED = 6  # not authenticated
    UNKNOWN = 7  # no session: the device has been reset, send IDENTIFY


class Capability(IntFlag):
    """Bits of :attr:`LinkIdentity.capabilities`."""

    AUTHENTICATE = 1  # 32 bytes of challenge follow; nothing else is answered before a proof
    CLAIM = 2  # several clients may connect, one owns the device


_IDENTITY = struct.Struct("<8I")
IDENTITY_WORDS = _IDENTITY.size // WORD_BYTES


@dataclass(frozen=True)
class LinkIdentity:
    """Payload of the response to IDENTIFY.

    Attributes
    ----------
    payload : int
        Largest payload of a frame in bytes, either way; a multiple of 4.
    window : int
        Requests that may be outstanding at once.
    base, size : int
        Memory that READ_MEMORY and WRITE_MEMORY reach, in bytes.
    clock_hz : int
        Clock of the device, 0 when it is not known.
    capabilities : Capability
    """

    payload: int
    window: int
    base: int
    size: int
    clock_hz: int = 0
    capabilities: int = 0

    def words(self) -> tuple[int, ...]:
        """Return the eight words of the response."""
        return (
            LINK_MAGIC, LINK_VERSION, self.payload | self.window << 16, self.base, self.size,
            self.clock_hz, self.capabilities, 0,
        )

    def to_bytes(self) -> bytes:
        """Return the payload without a challenge."""
        return _IDENTITY.pack(*self.words())

    @classmethod
    def from_bytes(cls, data: bytes) -> LinkIdentity:
        """Parse a payload; ValueError when it is malformed or of another major version."""
        if len(data) < _IDENTITY.size:
            raise ValueError(f"an identity has {_IDENTITY.size} bytes or more, not {len(data)}")
        magic, version, limits, base, size, clock, capabilities, _ = _IDENTITY.unpack_from(data)
        if magic != LINK_MAGIC:
            raise ValueError(f"the identity begins with {magic:#010x}, not {LINK_MAGIC:#010x}")
        if version >> 16 != LINK_VERSION >> 16:
            raise ValueError(
                f"the device uses protocol {version >> 16}.{version & 0xFFFF}, this driver "
                f"{LINK_VERSION >> 16}.{LINK_VERSION & 0xFFFF}"
            )
        payload, window = limits & 0xFFFF, limits >> 16
        if not 64 <= payload < 1 << 16 or payload % WORD_BYTES or not 1 <= window <= 64:
            raise ValueError(f"impossible limits: payload {payload}, window {window}")
        return cls(payload, window, base, size, clock, capabilities)


def covering_words(address: int, count: int) -> int:
    """Return how many words at multiples of 4 cover ``count`` bytes at ``address``."""
    return (address % WORD_BYTES + count + WORD_BYTES - 1) // WORD_BYTES

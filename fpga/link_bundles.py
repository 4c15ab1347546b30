"""Bundles between the blocks of the UART bridge."""

from __future__ import annotations

from typing import Any

from ..rtl.lib.bundles import bit, word
from ..rtl.lib.pack import bits_of

__all__ = [
    "COMMAND_BITS", "PAYLOAD_BYTES", "PAYLOAD_WORDS", "SLOTS", "WINDOW", "Command", "Reply",
    "WordPort",
]

PAYLOAD_BYTES = 256  # largest payload of a frame
PAYLOAD_WORDS = PAYLOAD_BYTES // 4
SLOTS = 8  # payloads held: one being received, one being executed, the rest waiting
WINDOW = SLOTS - 1  # requests that a host may have outstanding


class Command:
    """A request from a correct frame: header, and the number of payload words."""

    def __init__(self) -> None:
        self.kind, self.sequence, self.count = word(4), word(8), word(16)
        self.address, self.words = word(32), word(8)

    def fields(self) -> list[Any]:
        """Return the fields of a queue entry, from bit 0."""
        return [self.kind, self.sequence, self.count, self.address, self.words]


COMMAND_BITS = bits_of(Command().fields())


class Reply:
    """A response to send: ``valid`` and the fields are stable until ``ready``: it has been sent."""

    def __init__(self) -> None:
        self.valid, self.ready = bit(), bit()
        self.kind, self.status, self.sequence = word(4), word(3), word(8)
        self.count, self.address, self.words = word(16), word(32), word(7)


class WordPort:
    """One side of a memory of 32-bit words: data one cycle after a read's address."""

    def __init__(self, bits: int) -> None:
        self.enable, self.address, self.data = bit(), word(bits), word(32)

"""Frames over a line of bytes, and how long to wait for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Protocol

from ...isa.link_protocol import HEADER_BYTES, MAX_COUNT
from .frame import Frame, FrameDecoder, encode

__all__ = ["MAXIMUM_WAIT", "FrameLine", "Heard", "RetransmissionTimer", "Transport"]

_FIRST_WAIT = 0.15  # seconds until a frame counts as lost, before the first measurement
_MINIMUM_MARGIN = 0.03
MAXIMUM_WAIT = 2.0
_BATCH_BYTES = 1 << 16  # written to the transport at once

Heard = tuple[int, int]
"""Damaged frames and bytes received so far."""


class Transport(Protocol):
    """A line of bytes in both directions; ``name`` is for messages."""

    name: str

    def send(self, data: bytes) -> None:
        """Write all bytes; TargetError when the line is gone, TargetTimeout when it is stuck."""

    def receive(self, seconds: float) -> bytes:
        """Return the received bytes, ``b""`` for none, after at most ``seconds``."""

    def close(self) -> None:
        """Let go of the line."""


class FrameLine:
    """A transport that carries frames.

    Parameters
    ----------
    transport : Transport
        Closed by :meth:`close`.
    now : callable
        Returns the time in seconds; a simulated line has its own.
    """

    def __init__(self, transport: Transport, now: Callable[[], float] = time.monotonic):
        self._transport, self.now = transport, now
        self._decoder = FrameDecoder(MAX_COUNT + HEADER_BYTES)

    @property
    def name(self) -> str:
        """Name of the transport."""
        return self._transport.name

    @property
    def heard(self) -> Heard:
        """The counts so far, for :meth:`describe`."""
        return self._decoder.bad, self._decoder.received

    def send(self, frames: Iterable[Frame]) -> None:
        """Write frames in a few large pieces."""
        data = bytearray()
        for frame in frames:
            data += encode(frame)
            if len(data) >= _BATCH_BYTES:
                self._transport.send(bytes(data))
                data.clear()
        if data:
            self._transport.send(bytes(data))

    def receive(self, until: float) -> list[Frame]:
        """Return the received responses, waiting at most until a time."""
        data = self._transport.receive(max(until - self.now(), 0))
        return [frame for frame in self._decoder.feed(data) if frame.response]

    def close(self) -> None:
        """Close the transport."""
        self._transport.close()

    def describe(self, since: Heard) -> str:
        """Describe the bytes received since :attr:`heard` was ``since``."""
        received = self._decoder.received - since[1]
        if not received:
            return (
                "nothing came back: is it powered, connected, the design loaded, and this the "
                "right port?"
            )
        return (
            f"{received} bytes came back, {self._decoder.bad - since[0]} damaged frames among "
            "them: wrong baud rate, another device, or a very noisy line?"
        )


class RetransmissionTimer:
    """The time to wait for a response before its request counts as lost (RFC 6298).

    Attributes
    ----------
    timeout : float
        Seconds without progress after which an exchange is abandoned; may be changed.
    smooth : float
        Mean time to a response in seconds, 0 before the first.
    wait : float
        Seconds to wait now.
    """

    def __init__(self, timeout: float):
        self.timeout = timeout
        self.smooth, self._deviation = 0.0, 0.0
        self.wait = min(_FIRST_WAIT, timeout / 4)

    def measured(self, seconds: float) -> None:
        """Record the time from a request that was sent once to its response."""
        if not self.smooth:
            self.smooth, self._deviation = seconds, seconds / 2
        self._deviation += (abs(self.smooth - seconds) - self._deviation) / 4
        self.smooth += (seconds - self.smooth) / 8
        self._set(self.smooth + max(4 * self._deviation, _MINIMUM_MARGIN))

    def back_off(self, wait: float) -> float:
        """Double :attr:`wait` until the next measurement, and return it."""
        self._set(2 * wait)
        return self.wait

    def _set(self, wait: float) -> None:
        self.wait = min(wait, MAXIMUM_WAIT, self.timeout / 4)

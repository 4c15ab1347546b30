"""Limits on one client of a server, and on new connections per second."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Limits", "RateLimiter"]


@dataclass(frozen=True)
class Limits:
    """Limits on one client.

    Attributes
    ----------
    payload, window : int
        Bytes of a frame, requests in flight.
    connections : int
        Open at once; beyond that the oldest one that has not claimed the device is closed, or, if
        all have, the new one.
    per_second : int
        New connections per second; further ones wait.
    handshake : float
        Seconds within which a client must authenticate and claim the device.
    frame : float
        Seconds from the first byte of a frame to its last, and for a response to be read.
    idle : float
        Seconds without a request after which an owner loses the device.
    queue : float
        Maximum seconds in the queue.
    bad_frames : int
        Damaged frames before a connection is closed; TCP itself damages none.
    free_frames : int
        Requests before a client owns the device.
    """

    payload: int = 16384
    window: int = 16
    connections: int = 32
    per_second: int = 200
    handshake: float = 5.0
    frame: float = 10.0
    idle: float = 600.0
    queue: float = 3600.0
    bad_frames: int = 8
    free_frames: int = 64


class RateLimiter:
    """A token bucket: ``per_second`` events on average, as many at once after a second of rest.

    Parameters
    ----------
    per_second : float
    now : callable
        Returns the time in seconds.
    """

    def __init__(self, per_second: float, now: Callable[[], float] = time.monotonic):
        self._per_second, self._now = per_second, now
        self._left, self._filled = per_second, now()

    def take(self) -> float:
        """Count an event; return the seconds to wait before the next."""
        now = self._now()
        self._left += (now - self._filled) * self._per_second
        self._left, self._filled = min(self._left, self._per_second) - 1, now
        return max(0.0, (1 - self._left) / self._per_second)

"""Limits on one client of a server, and on new connections a second."""

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
        Bytes of a frame, requests under way.
    connections : int
        Open at once; for one more the oldest that has not claimed the device is closed, and when
        there is none, the new one.
    per_second : int
        New connections a second; more wait.
    handshake : float
        Seconds until a client must have proved itself and own, or wait for, the device.
    frame : float
        Seconds that a frame may take from its first byte to its last, and an answer to be read.
    idle : float
        Seconds after which an owner that asks nothing loses the device.
    queue : float
        Longest seconds in the line.
    bad_frames : int
        Damaged frames, TCP loses none, before a connection is closed.
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

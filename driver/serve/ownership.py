"""One client owns the device, the others wait in line or go away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

__all__ = ["Ownership"]

_LOOK = 0.1  # seconds between two looks whether a waiting client is still there


class Ownership:
    """Who owns the device; first come, first served."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._line: list[object] = []  # the first owns

    def owns(self, who: object) -> bool:
        """Tell whether ``who`` owns the device."""
        with self._change:
            return bool(self._line) and self._line[0] is who

    def claim(self, who: object, seconds: float, alive: Callable[[], bool]) -> int:
        """Wait for the device for at most ``seconds``, as long as ``alive()``.

        Returns 0 when ``who`` owns it now, else the number of clients before it.
        """
        until = time.monotonic() + seconds
        with self._change:
            if who not in self._line:
                self._line.append(who)
            while self._line[0] is not who:
                left = until - time.monotonic()
                if left <= 0 or not alive():
                    ahead = self._line.index(who)
                    self._line.remove(who)
                    self._change.notify_all()
                    return ahead
                self._change.wait(min(left, _LOOK))
            return 0

    def release(self, who: object) -> None:
        """Give the device, or a place in the line, away."""
        with self._change:
            if who in self._line:
                self._line.remove(who)
                self._change.notify_all()

"""The client side of the protocol: sessions and their resynchronisation (docs/protocol.md).

Requests of one exchange are sent as far as the window allows and answered in order; lost or damaged
frames are retransmitted, and the device executes no request twice.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence

from ...isa.link_protocol import LinkIdentity, MessageKind
from ..errors import LinkError, TargetTimeout
from .exchange import Exchange, LinkRequest
from .frame import Frame
from .line import MAXIMUM_WAIT, FrameLine, RetransmissionTimer, Transport

__all__ = ["Link"]


class Link:
    """A session with a device.

    Parameters
    ----------
    transport : Transport
        Closed by :meth:`close`.
    timeout : float
        Seconds without progress after which an exchange is abandoned.
    now : callable
        Returns the time in seconds; a simulated line has its own.

    Attributes
    ----------
    identity : LinkIdentity
        The device's identity.
    challenge : bytes
        The bytes after the identity.
    resent : int
        Frames sent more than once so far.
    """

    def __init__(
        self, transport: Transport, timeout: float, now: Callable[[], float] = time.monotonic
    ):
        self._line, self._timer = FrameLine(transport, now), RetransmissionTimer(timeout)
        self._sequence = secrets.randbelow(256)
        self._synchronised = False
        self.resent = 0
        self.identity, self.challenge = self.identify()

    @property
    def timeout(self) -> float:
        """Seconds without progress; may be changed between exchanges."""
        return self._timer.timeout

    @timeout.setter
    def timeout(self, seconds: float) -> None:
        self._timer.timeout = seconds

    def identify(self) -> tuple[LinkIdentity, bytes]:
        """Start or restart a session; return the device's identity.

        Raises
        ------
        TargetTimeout
            There is no answer, or no valid one.
        LinkError
            The other end speaks another protocol.
        """
        nonce, line = secrets.randbits(30) << 2, self._line
        sequence = self._sequence
        self._sequence = (sequence + 1) % 256
        frame = Frame(MessageKind.IDENTIFY, sequence, nonce)
        started, heard, wait = line.now(), line.heard, self._timer.wait
        while True:
            line.send([frame])
            until = line.now() + wait
            while line.now() < until:
                for answer in line.receive(until):
                    if (answer.kind, answer.sequence, answer.address) == (
                        MessageKind.IDENTIFY, sequence, nonce
                    ):
                        return self._accept(answer)
            wait = min(2 * wait, MAXIMUM_WAIT)
            if line.now() - started > self.timeout:
                raise TargetTimeout(
                    f"{line.name}: waited {self.timeout:g} s for the device to "
                    f"identify itself; {line.describe(heard)}"
                )

    def _accept(self, answer: Frame) -> tuple[LinkIdentity, bytes]:
        try:
            identity = LinkIdentity.from_bytes(answer.data)
        except ValueError as error:
            raise LinkError(f"{self._line.name}: {error}") from None
        self._synchronised = True
        return identity, answer.data[len(identity.to_bytes()):]

    def close(self) -> None:
        """Let go of the line."""
        self._line.close()

    def ask(self, kind: MessageKind, address: int, count: int = 0, payload: bytes = b"") -> bytes:
        """Execute one request; return the data of its response."""
        return self.exchange([LinkRequest(kind, address, count, payload)])[0]

    def exchange(self, requests: Sequence[LinkRequest]) -> list[bytes]:
        """Execute requests in order, all reads or all writes; return the data of their responses.

        Raises
        ------
        TargetTimeout
            No progress for the timeout: the line is dead or too noisy.
        TargetError
            A request was refused or failed; later requests may have been executed.
        """
        if not self._synchronised:
            self.identify()
        run = Exchange(
            self._line, self._timer, requests, self._sequence, self.identity.window
        )
        try:
            results = run.run()
        except BaseException:
            self._synchronised = False  # the device may have executed any number of them
            raise
        finally:
            self.resent += run.resent
        self._sequence = (self._sequence + len(requests)) % 256
        return results

"""The client side of the protocol: windows, retries, resynchronisation (docs/protocol.md).

Requests of one exchange go out as far as the window allows and are answered in order; what is lost
or damaged on the way is sent again, and the device does nothing twice.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ...isa.link_protocol import HEADER_BYTES, MAX_COUNT, LinkIdentity, LinkStatus, MessageKind
from ..errors import BusyError, LinkError, TargetError, TargetTimeout, WindowError
from .frame import Frame, FrameDecoder, encode, kind_name

__all__ = ["Link", "Request", "Transport"]

_FIRST_WAIT = 0.15  # seconds until a frame counts as lost, before the line has been measured
_SHORTEST_WAIT = 0.03
_LONGEST_WAIT = 2.0
_BATCH_BYTES = 1 << 16  # written to the transport at once


class Transport(Protocol):
    """A line of bytes in both directions; ``name`` is for messages."""

    name: str

    def send(self, data: bytes) -> None:
        """Write all bytes; TargetError when the line is gone, TargetTimeout when it is stuck."""

    def receive(self, seconds: float) -> bytes:
        """Return what has come, waiting no longer than ``seconds``; ``b""`` when nothing has."""

    def close(self) -> None:
        """Let go of the line."""


@dataclass(frozen=True)
class Request:
    """What one frame asks for."""

    kind: MessageKind
    address: int
    count: int = 0
    payload: bytes = b""


class Link:
    """A session with a device.

    Parameters
    ----------
    transport : Transport
        Closed by :meth:`close`.
    timeout : float
        Seconds without any progress after which an exchange is given up.
    now : callable
        Returns the time in seconds: that of a simulated line is not ours.

    Attributes
    ----------
    identity : LinkIdentity
        What the device said of itself.
    challenge : bytes
        What stood behind the identity.
    timeout : float
        May be changed between exchanges.
    resent : int
        Frames sent more than once so far.
    """

    def __init__(
        self, transport: Transport, timeout: float, now: Callable[[], float] = time.monotonic
    ):
        self._transport, self.timeout, self._now = transport, timeout, now
        self._decoder = FrameDecoder(MAX_COUNT + HEADER_BYTES)
        self._sequence = secrets.randbelow(256)
        self._synchronised = False
        self._smooth, self._spread = 0.0, 0.0  # of the time to a response, seconds
        self._wait = min(_FIRST_WAIT, timeout / 4)
        self.resent = 0
        self.identity, self.challenge = self.identify()

    # -- session ---------------------------------------------------------------------------------
    def identify(self) -> tuple[LinkIdentity, bytes]:
        """Start a session, or start it again; return what the device says of itself.

        Raises
        ------
        TargetTimeout
            Nothing answers, or only garbage.
        LinkError
            What answers speaks another protocol.
        """
        nonce = secrets.randbits(30) << 2
        sequence = self._sequence
        self._sequence = (sequence + 1) % 256
        frame = Frame(MessageKind.IDENTIFY, sequence, nonce)
        started = self._now()
        bad, received, wait = self._decoder.bad, self._decoder.received, self._wait
        while True:
            self._transport.send(encode(frame))
            until = self._now() + wait
            while self._now() < until:
                for answer in self._receive(until):
                    if (answer.kind, answer.sequence, answer.address) == (
                        MessageKind.IDENTIFY, sequence, nonce
                    ):
                        return self._accept(answer)
            wait = min(2 * wait, _LONGEST_WAIT)
            if self._now() - started > self.timeout:
                raise TargetTimeout(
                    f"{self._transport.name}: waited {self.timeout:g} s for the device to "
                    f"identify itself; {self._heard(bad, received)}"
                )

    def _accept(self, answer: Frame) -> tuple[LinkIdentity, bytes]:
        try:
            identity = LinkIdentity.from_bytes(answer.data)
        except ValueError as error:
            raise LinkError(f"{self._transport.name}: {error}") from None
        self._synchronised = True
        return identity, answer.data[len(identity.to_bytes()):]

    def close(self) -> None:
        """Let go of the line."""
        self._transport.close()

    # -- requests --------------------------------------------------------------------------------
    def ask(self, kind: MessageKind, address: int, count: int = 0, payload: bytes = b"") -> bytes:
        """Do one request; return the data of its response."""
        return self.exchange([Request(kind, address, count, payload)])[0]

    def exchange(self, requests: Sequence[Request]) -> list[bytes]:
        """Do requests in order, all reads or all writes, and return the data of their responses.

        Raises
        ------
        TargetTimeout
            No progress for the timeout: the line is dead, or far too noisy.
        TargetError
            The device refused one, or it failed; those behind it may have been done.
        """
        if not self._synchronised:
            self.identify()
        try:
            results = _Exchange(self, requests).run()
        except BaseException:
            self._synchronised = False  # how far the device has come is not known any more
            raise
        self._sequence = (self._sequence + len(requests)) % 256
        return results

    def _receive(self, until: float) -> list[Frame]:
        data = self._transport.receive(max(until - self._now(), 0))
        return [frame for frame in self._decoder.feed(data) if frame.response]

    def _measured(self, seconds: float) -> None:
        """Take the time from a request, sent once, to its response (as RFC 6298 does)."""
        if not self._smooth:
            self._smooth, self._spread = seconds, seconds / 2
        self._spread += (abs(self._smooth - seconds) - self._spread) / 4
        self._smooth += (seconds - self._smooth) / 8
        wait = self._smooth + max(4 * self._spread, _SHORTEST_WAIT)
        self._wait = min(wait, _LONGEST_WAIT, self.timeout / 4)

    def _heard(self, bad: int, received: int) -> str:
        """Say in words what came since the counters were at ``bad`` and ``received``."""
        got = self._decoder.received - received
        if not got:
            return (
                "nothing came back: is it powered, connected, the design loaded, and this the "
                "right port?"
            )
        return (
            f"{got} bytes came back, {self._decoder.bad - bad} damaged frames among them: wrong "
            "baud rate, another device, or a very noisy line?"
        )


class _Exchange:
    """One run of go-back-N with a hole list: what has no response yet is sent again."""

    def __init__(self, link: Link, requests: Sequence[Request]):
        self.link, self.requests = link, requests
        self.results: list[bytes | None] = [None] * len(requests)
        self.sent: dict[int, tuple[float, int]] = {}  # index: when, how often
        self.base = 0  # everything before it is answered
        self.next = 0  # everything from here on has never been sent

    def run(self) -> list[bytes]:
        """Send, wait, send again, until everything is answered."""
        link, wait = self.link, self.link._wait
        bad, received = link._decoder.bad, link._decoder.received
        self._send_new()
        progress = resent = self.link._now()
        while self.base < len(self.requests):
            lost = False
            frames = link._receive(max(progress, resent) + wait)
            now = self.link._now()
            for frame in frames:
                moved, gap = self._take(frame, now)
                lost |= gap
                if moved:
                    progress, wait = now, link._wait
            self._send_new()
            if now - progress > link.timeout:
                kind = kind_name(self.requests[self.base].kind)
                raise TargetTimeout(
                    f"{link._transport.name}: waited {link.timeout:g} s for the answer to {kind} "
                    f"at {self.requests[self.base].address:#x}; {link._heard(bad, received)}"
                )
            overdue = now - max(progress, resent) >= wait
            if overdue or (lost and now - resent > link._smooth):
                self._send_again()
                resent = self.link._now()
                if overdue:  # until it has been measured again
                    wait = link._wait = min(2 * wait, _LONGEST_WAIT, link.timeout / 4)
        return [result for result in self.results if result is not None]

    def _frame(self, index: int) -> Frame:
        request = self.requests[index]
        sequence = (self.link._sequence + index) % 256
        return Frame(request.kind, sequence, request.address, request.count, request.payload)

    def _send(self, indices: Sequence[int]) -> None:
        data = bytearray()
        for index in indices:
            data += encode(self._frame(index))
            _, times = self.sent.get(index, (0.0, 0))
            self.sent[index] = (self.link._now(), times + 1)
            if len(data) >= _BATCH_BYTES:
                self.link._transport.send(bytes(data))
                data.clear()
        if data:
            self.link._transport.send(bytes(data))

    def _send_new(self) -> None:
        end = min(self.base + self.link.identity.window, len(self.requests))
        if end > self.next:
            self._send(range(self.next, end))
            self.next = end

    def _send_again(self) -> None:
        holes = [index for index in range(self.base, self.next) if self.results[index] is None]
        self.link.resent += len(holes)
        self._send(holes)

    def _take(self, frame: Frame, now: float) -> tuple[bool, bool]:
        """Take a response; return whether it moved us on, and whether it shows a loss."""
        index = (frame.sequence - self.link._sequence) % 256
        if index >= len(self.requests) and len(self.requests) < 256:
            return False, False
        index += (self.base - index + 255) // 256 * 256  # the one of its number from base on
        if not self.base <= index < self.next or self.results[index] is not None:
            return False, False
        if frame.status == LinkStatus.ORDER:
            return False, True
        request = self.requests[index]
        if frame.kind != request.kind:
            return False, False
        if frame.status != LinkStatus.OK:
            raise _failure(self.link._transport.name, frame, request)
        reads = request.kind in (MessageKind.READ_REGISTER, MessageKind.READ_MEMORY)
        if frame.address != request.address or (reads and frame.count != request.count):
            return False, False
        if frame.payload and not frame.complete:
            return False, False
        when, times = self.sent[index]
        if times == 1:
            self.link._measured(now - when)
        gap = index > self.base
        self.results[index] = frame.data
        while self.base < len(self.requests) and self.results[self.base] is not None:
            self.base += 1
        return True, gap


def _failure(name: str, frame: Frame, request: Request) -> TargetError:
    """Return the error for a response that is not OK."""
    what = f"{name}: {kind_name(request.kind)} of {request.count} bytes at {request.address:#x}"
    text = frame.data.decode("ascii", "replace")
    errors: dict[LinkStatus, Callable[[], TargetError]] = {
        LinkStatus.REFUSED: lambda: LinkError(f"{what} is refused as impossible"),
        LinkStatus.OUTSIDE: lambda: WindowError(f"{what} is outside the device's memory"),
        LinkStatus.FAILED: lambda: TargetError(
            f"{what} failed: {text or 'the bus answered with an error'}"
        ),
        LinkStatus.BUSY: lambda: BusyError(
            f"{name}: another client owns the device, {frame.address} wait for it; "
            "?queue=SECONDS waits too"
        ),
        LinkStatus.DENIED: lambda: LinkError(f"{what} is denied: not authenticated"),
        LinkStatus.UNKNOWN: lambda: LinkError(
            f"{name}: the device has been reset and knows no session; open the target again"
        ),
    }
    return errors[frame.status]()

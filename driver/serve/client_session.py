"""One connection of the server: proof, claim, requests, and the bounds on all of them."""

from __future__ import annotations

import hmac
import secrets
import select
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from ...isa.link_protocol import Capability, LinkIdentity, LinkStatus, MessageKind
from ..transport.frame import Frame, FrameDecoder, encode, respond
from ..transport.limits import Limits
from ..transport.tcp_target import NONCE_BYTES, client_proof, server_proof
from .ownership import Ownership
from .responder import Responder, Sequencer

__all__ = ["ClientSession", "Service"]

_LOOK = 0.25  # seconds between two looks at the clock
_RECEIVE_BYTES = 1 << 16
_KEEPALIVE = (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))


class _Over(Exception):
    """The connection ends; the text says why."""


@dataclass(frozen=True)
class Service:
    """The state that the sessions of a server share.

    Attributes
    ----------
    identity : LinkIdentity
        The server's identity.
    responder : Responder
        Executes the requests of the owner.
    ownership : Ownership
    limits : Limits
    token : bytes or None
        Secret that clients must know, None for none.
    stop : threading.Event
        Set when the server ends.
    log : callable
        Called with one line of text for each event.
    """

    identity: LinkIdentity
    responder: Responder
    ownership: Ownership
    limits: Limits
    token: bytes | None
    stop: threading.Event
    log: Callable[[str], None]


class ClientSession:
    """One client, from its connection to its end."""

    def __init__(self, service: Service, connection: socket.socket, name: str):
        self.name, self._service, self._connection = name, service, connection
        self._decoder = FrameDecoder(service.limits.payload)
        self._sequencer = Sequencer(service.limits.window)
        self._challenge = secrets.token_bytes(NONCE_BYTES)
        self._tried = False  # the challenge is good for one attempt
        self._trusted = service.token is None
        self._claimed = self._owner = self._dismissed = False
        self._free_frames = 0
        connection.settimeout(service.limits.frame)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEPALIVE:
            if hasattr(socket, option):
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)

    @property
    def unsettled(self) -> bool:
        """It neither owns the device nor is in the line for it."""
        return not self._claimed

    def dismiss(self) -> None:
        """End it from another thread."""
        self._dismissed = True
        with suppress(OSError):  # gone already
            self._connection.shutdown(socket.SHUT_RDWR)

    def run(self) -> str:
        """Serve until the connection ends; return why it did."""
        try:
            self._loop()
        except _Over as reason:
            return str(reason)
        except TimeoutError:
            return "closed: it does not read its answers"
        except OSError as error:
            return f"gone: {error.strerror or error}"
        finally:
            self._connection.close()

    def _loop(self) -> NoReturn:
        limits = self._service.limits
        deadline, what = time.monotonic() + limits.handshake, "it did not claim the device"
        begun: float | None = None
        while True:
            if self._service.stop.is_set():
                raise _Over("closed: the server ends")
            now = time.monotonic()
            if begun is not None and now - begun > limits.frame:
                raise _Over("closed: a frame takes too long")
            if now > deadline:
                raise _Over(f"closed: {what} in time")
            if not select.select([self._connection], [], [], _LOOK)[0]:
                continue
            data = self._connection.recv(_RECEIVE_BYTES)
            if not data:
                raise _Over("closed: others want to come in" if self._dismissed else "left")
            frames = self._decoder.feed(data)
            answers = bytearray()
            for frame in frames:
                answers += self._answer(frame)
            if answers:
                self._connection.sendall(answers)
            if self._decoder.bad > limits.bad_frames:
                raise _Over("closed: too many damaged frames")
            if self._tried and not self._trusted:
                raise _Over("closed: wrong token")
            if frames or begun is None:
                begun = time.monotonic() if self._decoder.pending else None
            elif not self._decoder.pending:
                begun = None
            if frames and self._owner:
                deadline, what = time.monotonic() + limits.idle, "it asked nothing"

    def _answer(self, frame: Frame) -> bytes:
        if frame.response:
            raise _Over("closed: it sends responses")
        if not self._owner:
            self._free_frames += 1
            if self._free_frames > self._service.limits.free_frames:
                raise _Over("closed: too many requests without owning the device")
        if frame.kind == MessageKind.IDENTIFY:
            return encode(self._identify(frame))
        return encode(self._sequencer.handle(frame, self._perform))

    def _identify(self, frame: Frame) -> Frame:
        self._sequencer.start(frame.sequence)
        data = self._service.identity.to_bytes()
        if self._service.identity.capabilities & Capability.AUTHENTICATE:
            # The same for an IDENTIFY that was sent again: the proof may be of either answer.
            data += bytes(NONCE_BYTES) if self._tried else self._challenge
        return respond(frame, data, count=len(data))

    def _perform(self, frame: Frame) -> Frame:
        if frame.kind == MessageKind.AUTHENTICATE:
            return self._authenticate(frame)
        if not self._trusted:
            return respond(frame, status=LinkStatus.DENIED, address=0)
        if frame.kind == MessageKind.CLAIM:
            return self._claim(frame)
        if not self._owner:
            return respond(frame, status=LinkStatus.BUSY, address=0)
        return self._service.responder.perform(frame)

    def _authenticate(self, frame: Frame) -> Frame:
        token, challenge, first = self._service.token, self._challenge, not self._tried
        self._tried = True
        nonce, proof = frame.data[:NONCE_BYTES], frame.data[NONCE_BYTES:]
        if token is None or not first or not hmac.compare_digest(
            client_proof(token, challenge, nonce), proof
        ):
            return respond(frame, status=LinkStatus.DENIED, address=0)
        self._trusted = True
        answer = server_proof(token, challenge, nonce)
        return respond(frame, answer, count=len(answer))

    def _claim(self, frame: Frame) -> Frame:
        seconds = min(frame.address / 1000, self._service.limits.queue)
        self._claimed = True
        ahead = self._service.ownership.claim(self, seconds, self._present)
        if ahead:
            self._claimed = False
            return respond(frame, status=LinkStatus.BUSY, address=ahead)
        if not self._owner:
            self._owner = True
            self._service.log(f"{self.name}: owns the device")
        return respond(frame)

    def _present(self) -> bool:
        """Tell whether a client in the line is still there."""
        if self._service.stop.is_set():
            return False
        if not select.select([self._connection], [], [], 0)[0]:
            return True
        try:
            return bool(self._connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except OSError:
            return False

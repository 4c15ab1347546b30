"""``tcp://host:port?token=FILE``: the protocol over TCP, to `myvta serve` on another machine."""

from __future__ import annotations

import errno
import hashlib
import hmac
import re
import secrets
import select
import socket
from pathlib import Path

from ...isa.link_protocol import Capability, MessageKind
from ..errors import AccessError, AuthenticationError, LinkError, TargetError, TargetTimeout
from ..target.schemes import Advice, OpenRequest, TargetScheme
from .link import Link
from .link_target import LinkTarget, open_link_target, seconds_option

__all__ = [
    "NONCE_BYTES", "SCHEME", "TcpLine", "client_proof", "open_tcp", "read_token", "server_proof",
    "split_address",
]

DEFAULT_TIMEOUT = 10.0
NONCE_BYTES = 32
SHORTEST_TOKEN = 16
_RECEIVE_BYTES = 1 << 18


class TcpLine:
    """A TCP connection as a transport.

    Raises
    ------
    AccessError
        No server listens there.
    TargetTimeout
        The host does not answer.
    """

    def __init__(self, host: str, port: int, timeout: float):
        self.name, self._timeout = f"{host}:{port}", timeout
        try:
            self._socket = socket.create_connection((host, port), timeout)
        except TimeoutError:
            raise TargetTimeout(
                f"{self.name}: waited {timeout:g} s for a connection: is the host up, and no "
                "firewall between?"
            ) from None
        except OSError as error:
            raise AccessError(
                f"no connection to {self.name}: {error.strerror or error}; start `myvta serve` "
                "there, or correct host and port"
            ) from None
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data: bytes) -> None:
        """Write all bytes."""
        try:
            self._socket.sendall(data)
        except TimeoutError:
            raise TargetTimeout(
                f"{self.name}: waited {self._timeout:g} s for {len(data)} bytes to be sent"
            ) from None
        except OSError as error:
            raise self._gone(f"is gone: {error.strerror or error}") from None

    def receive(self, seconds: float) -> bytes:
        """Return the received bytes, at the latest after ``seconds``."""
        try:
            if not select.select([self._socket], [], [], seconds)[0]:
                return b""
            data = self._socket.recv(_RECEIVE_BYTES)
        except (OSError, ValueError) as error:
            raise self._gone(f"is gone: {error}") from None
        if not data:
            raise self._gone("has closed the connection")
        return data

    def _gone(self, how: str) -> TargetError:
        return TargetError(
            f"{self.name} {how}; is the host up, does `myvta serve` still run there, and what does "
            "it say of this client?"
        )

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def read_token(path: str) -> bytes:
    """Return the secret in a file without surrounding white space.

    Raises
    ------
    AccessError
        It cannot be read, or is shorter than 16 bytes.
    """
    try:
        token = Path(path).read_bytes().strip()
    except OSError as error:
        raise AccessError(f"cannot read the token file {path}: {error.strerror}") from None
    if len(token) < SHORTEST_TOKEN:
        raise AccessError(
            f"the token in {path} has {len(token)} bytes, at least {SHORTEST_TOKEN} are needed: "
            "make one with `head -c 32 /dev/urandom | base64 > FILE; chmod 600 FILE`"
        )
    return token


def client_proof(token: bytes, challenge: bytes, nonce: bytes) -> bytes:
    """Return the client's proof, valid once, that it knows the token (HMAC-SHA256)."""
    return hmac.new(token, b"myvta client" + challenge + nonce, hashlib.sha256).digest()


def server_proof(token: bytes, challenge: bytes, nonce: bytes) -> bytes:
    """Return the server's proof that it knows the token."""
    return hmac.new(token, b"myvta server" + challenge + nonce, hashlib.sha256).digest()


def split_address(text: str, default_port: int = 7310) -> tuple[str, int]:
    """Return host and port of ``host:port``, ``host`` or ``[v6]:port``; ValueError for others."""
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.%]+)\]|([^:\[\]/\s]+))(?::([0-9]{1,5}))?", text)
    port = int(match[3]) if match and match[3] else default_port
    if match is None or port > 65535:
        raise ValueError(f"an address is HOST:PORT, not {text!r}")
    return match[1] or match[2], port


def open_tcp(request: OpenRequest) -> LinkTarget:
    """Open ``tcp://``.

    Options: ``token=FILE``, ``timeout=`` seconds without progress (10), ``queue=`` seconds to wait
    for a device that another client owns (0).
    """
    rest = dict(request.options)
    timeout = seconds_option(rest, "timeout", DEFAULT_TIMEOUT)
    queue = seconds_option(rest, "queue", 0.0)
    token = rest.pop("token", None)
    if rest:
        raise ValueError(f"no option {min(rest)!r}; known: queue, timeout, token")
    host, port = split_address(request.location)
    secret = None if token is None else read_token(token)
    return open_link_target(lambda: _start(host, port, timeout, queue, secret), request)


def _start(host: str, port: int, timeout: float, queue: float, token: bytes | None) -> Link:
    line = TcpLine(host, port, timeout)
    try:
        link = Link(line, timeout)
        if link.identity.capabilities & Capability.AUTHENTICATE:
            _authenticate(link, line.name, token)
        elif token is not None:
            raise AuthenticationError(
                f"{line.name} asks for no token: it is not the server that the token is for; "
                "leave token= out if that is meant"
            )
        if link.identity.capabilities & Capability.CLAIM:
            _claim(link, queue)
        return link
    except BaseException:
        line.close()
        raise


def _authenticate(link: Link, name: str, token: bytes | None) -> None:
    if token is None:
        raise AuthenticationError(f"{name} wants a token: ?token=FILE, the same as the server's")
    if len(link.challenge) != NONCE_BYTES:
        raise LinkError(f"{name} sent a challenge of {len(link.challenge)} bytes")
    nonce = secrets.token_bytes(NONCE_BYTES)
    proof = nonce + client_proof(token, link.challenge, nonce)
    try:
        answer = link.ask(MessageKind.AUTHENTICATE, 0, len(proof), proof)
    except LinkError:
        raise AuthenticationError(f"{name} refuses the token: is it the server's?") from None
    if not hmac.compare_digest(answer, server_proof(token, link.challenge, nonce)):
        raise AuthenticationError(f"{name} accepts the token but does not know it: leave at once")


def _claim(link: Link, queue: float) -> None:
    """Claim the device; BusyError if another client still owns it after ``queue`` seconds."""
    patience = link.timeout
    link.timeout += queue
    try:
        link.ask(MessageKind.CLAIM, min(int(queue * 1000), 0xFFFF_FFFF))
    finally:
        link.timeout = patience


_NO_ANSWER = "nothing answers: right host and port, no firewall between?"
SCHEME = TargetScheme(open_tcp, Advice(
    {
        errno.ECONNREFUSED: "no server listens there: start `myvta serve` on that machine",
        errno.EHOSTUNREACH: "the machine cannot be reached: is it on, is the address right?",
    },
    no_answer=_NO_ANSWER, no_device=_NO_ANSWER,
))
"""The scheme ``tcp://``."""

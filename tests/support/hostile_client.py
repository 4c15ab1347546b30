"""Clients of a server in this process: one without manners, and a whole hostile one."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from myvta.driver import Target, open_target
from myvta.driver.serve.server import Server
from myvta.driver.transport.frame import Frame, FrameDecoder, encode
from myvta.isa.link_protocol import LinkStatus, MessageKind

QUERY = "?config=1x4x4&mem=0x3000:32K"
TOKEN = b"not very secret, but long"


@contextmanager
def servers() -> Iterator[Callable[..., Server]]:
    """Yield a function that serves ``url`` and returns the server; all are closed at the end."""
    opened: list[Target | Server] = []

    def start(url="model://" + QUERY, wrap=lambda target: target, **options):
        target = wrap(open_target(url))
        server = Server(target, ("127.0.0.1", 0), **options)
        opened.extend((target, server))
        return server

    try:
        yield start
    finally:
        for item in reversed(opened):
            item.close()


def tcp(server, options=""):
    return f"tcp://127.0.0.1:{server.address[1]}?config=1x4x4{options}"


class Watched:
    """A target that counts every touch."""

    def __init__(self, inner: Target) -> None:
        self.inner, self.touches = inner, 0

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("read_", "write_")):
            self.touches += 1
        return getattr(self.inner, name)


class Raw:
    """A client without manners."""

    def __init__(self, server, seconds=5.0):
        self.socket = socket.create_connection(server.address, seconds)
        self.decoder = FrameDecoder(1 << 16)

    def send(self, *frames):
        self.socket.sendall(b"".join(encode(frame) for frame in frames))

    def frames(self, count=1):
        """Return ``count`` frames; fewer when the server hangs up before."""
        got = []
        while len(got) < count:
            try:
                data = self.socket.recv(65536)
            except ConnectionError:
                break
            if not data:
                break
            got += self.decoder.feed(data)
        return got

    def hung_up(self, seconds):
        """Return whether the server closes within ``seconds``."""
        self.socket.settimeout(seconds)
        try:
            while self.socket.recv(65536):
                pass
        except TimeoutError:
            return False
        except ConnectionError:
            pass
        return True


def hostile(server, token, random, frames):
    """One client of every bad kind, over and over, until ``frames`` frames were sent."""
    sent, attacks = 0, 0
    while sent < frames:
        attacks += 1
        try:
            client = Raw(server, 2.0)
            kind = attacks % 6
            if kind == 0:  # random bytes
                client.socket.sendall(random.randbytes(random.randrange(1, 5000)))
                sent += 1
            elif kind == 1:  # half a frame, then gone
                line = encode(Frame(MessageKind.WRITE_MEMORY, 0, 0x3000, 64, bytes(64)))
                client.socket.sendall(line[:random.randrange(len(line))])
                sent += 1
            elif kind == 2:  # a frame that never ends
                client.socket.sendall(b"\x7e" + bytes(100_000))
                sent += 1
            elif kind == 3 and token:  # wrong token
                client.send(Frame(MessageKind.IDENTIFY, 0), Frame(
                    MessageKind.AUTHENTICATE, 1, 0, 64, random.randbytes(64)))
                assert client.frames(2)[1].status == LinkStatus.DENIED
                sent += 2
            else:  # well-formed frames of any content, in bulk
                batch = [
                    Frame(
                        random.choice((*MessageKind, random.randrange(16))), random.randrange(256),
                        random.choice((0, 0x3000, 0x40, random.getrandbits(32))),
                        random.choice((0, 4, 64, random.randrange(1 << 16))),
                        random.randbytes(4 * random.choice((0, 1, 16, 200))),
                        random.random() < 0.002,
                    )
                    for _ in range(60)
                ]
                batch = [
                    Frame(MessageKind.READ_MEMORY, frame.sequence, frame.address, frame.count)
                    if frame.kind == MessageKind.CLAIM else frame for frame in batch
                ]
                line = bytearray(b"".join(encode(frame) for frame in batch))
                if random.random() < 0.5:
                    line[random.randrange(len(line))] ^= 1 << random.randrange(8)
                client.socket.sendall(line)
                sent += len(batch)
            client.socket.close()
        except (ConnectionError, TimeoutError, IndexError):
            pass  # refused or disconnected, as expected
    return sent

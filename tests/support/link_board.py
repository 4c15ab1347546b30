"""A board for tests: the protocol's device side behind a pseudo-terminal, on a noisy line.

``Board`` answers in a thread of its own.  ``Noise`` damages bytes in either direction.
"""

from __future__ import annotations

import os
import select
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random

from myvta.driver.serve.responder import Responder
from myvta.driver.target.protocol import Target
from myvta.driver.transport.frame import FrameDecoder, encode


@dataclass
class Noise:
    """Damage with probability ``rate`` per byte: flipped, lost, doubled, or a burst of rubbish."""

    rate: float = 0.0
    seed: int = 1
    hits: int = 0
    random: Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)

    def __call__(self, data: bytes) -> bytes:
        if not self.rate:
            return data
        out = bytearray()
        for byte in data:
            if self.random.random() >= self.rate:
                out.append(byte)
                continue
            self.hits += 1
            what = self.random.randrange(4)
            if what == 0:
                out.append(byte ^ 1 << self.random.randrange(8))
            elif what == 1:
                out += bytes([byte, byte])
            elif what == 2:
                out += self.random.randbytes(self.random.randrange(1, 20))
        return bytes(out)


@contextmanager
def pseudo_terminal(
    work: Callable[[bytes], bytes], toward: Noise | None = None, back: Noise | None = None,
) -> Iterator[str]:
    """Yield the path of a terminal: bytes written to it go through ``work``, whose result comes
    back.  ``work(b"")`` is called while nothing comes."""
    toward, back = toward or Noise(), back or Noise()
    master, slave = os.openpty()
    tty.setraw(slave)
    path, stop = os.ttyname(slave), threading.Event()

    def shuttle() -> None:
        while not stop.is_set():
            ready = select.select([master], [], [], 0.005)[0]
            data = os.read(master, 4096) if ready else b""
            answer = back(work(toward(data)))
            while answer and not stop.is_set():
                if select.select([], [master], [], 0.05)[1]:
                    answer = answer[os.write(master, answer[:512]):]

    thread = threading.Thread(target=shuttle, daemon=True)
    thread.start()
    try:
        yield path
    finally:
        stop.set()
        thread.join(10)
        os.close(slave)
        os.close(master)


def answering(target: Target, **limits: int) -> Callable[[bytes], bytes]:
    """Return the ``work`` of a device in front of a target."""
    responder = Responder(target, **limits)
    decoder = FrameDecoder(responder.identity.payload)

    def work(data: bytes) -> bytes:
        out = bytearray()
        for frame in decoder.feed(data):
            answer = responder.answer(frame)
            if answer is not None:
                out += encode(answer)
        return bytes(out)

    return work

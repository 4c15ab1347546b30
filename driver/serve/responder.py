"""The device side of the protocol: sequence numbers, and requests done on any target.

The UART bridge in ``fpga/`` does the same in hardware; tests compare the two.
"""

from __future__ import annotations

from collections.abc import Callable

from ...isa.link_protocol import (
    MAX_COUNT,
    WORD_BYTES,
    LinkIdentity,
    LinkStatus,
    MessageKind,
    covering_words,
)
from ..errors import WindowError
from ..target.protocol import Target
from ..transport.frame import Frame, respond

__all__ = ["Responder", "Sequencer", "link_identity"]

_TEXT_BYTES = 400  # of an error's message that goes back to the client
_REGISTER_SPACE = 1 << 16


def link_identity(target: Target, payload: int, window: int, capabilities: int = 0) -> LinkIdentity:
    """Return the identity of a server in front of ``target``."""
    base, size = target.window
    clock = int(getattr(target, "clock_hz", 0))
    return LinkIdentity(payload, window, base, size, clock, capabilities)


class Sequencer:
    """Do every request exactly once, in order, however often its frame comes.

    A request with the next sequence number is executed.  One of the last ``window`` before it is a
    copy whose response was lost: a read is executed again, any other request is answered with its
    first outcome.  All others are answered ORDER without effect; before the first IDENTIFY every
    request is UNKNOWN.
    """

    def __init__(self, window: int):
        self._window = window
        self._expected: int | None = None
        self._outcomes: dict[int, Frame] = {}  # by sequence number, of writes

    def start(self, sequence: int) -> None:
        """Begin a session with an IDENTIFY of this sequence number."""
        self._expected = (sequence + 1) % 256
        self._outcomes.clear()

    def handle(self, frame: Frame, do: Callable[[Frame], Frame]) -> Frame:
        """Return the response to a request that is no IDENTIFY."""
        if self._expected is None:
            return respond(frame, status=LinkStatus.UNKNOWN)
        age = (self._expected - frame.sequence) % 256
        reads = frame.kind in (MessageKind.READ_REGISTER, MessageKind.READ_MEMORY)
        if age == 0:
            answer = do(frame)
            self._outcomes.pop((frame.sequence - self._window) % 256, None)
            if not reads:
                self._outcomes[frame.sequence] = answer
            self._expected = (self._expected + 1) % 256
            return answer
        if age <= self._window:
            if frame.sequence in self._outcomes:
                return self._outcomes[frame.sequence]
            if reads:
                return do(frame)
        return respond(frame, status=LinkStatus.ORDER, address=self._expected)


class Responder:
    """Answer frames from a target's registers and memory.

    Parameters
    ----------
    target : Target
    payload, window : int
        Limits announced to the client: bytes of a payload, requests in flight.
    """

    def __init__(self, target: Target, payload: int = 256, window: int = 4):
        self.target = target
        self.identity = link_identity(target, payload, window)
        self._sequencer = Sequencer(window)

    def answer(self, frame: Frame) -> Frame | None:
        """Return the response; None for a frame that is itself a response."""
        if frame.response:
            return None
        if frame.kind == MessageKind.IDENTIFY:
            self._sequencer.start(frame.sequence)
            data = self.identity.to_bytes()
            return respond(frame, data, count=len(data))
        return self._sequencer.handle(frame, self.perform)

    def perform(self, frame: Frame) -> Frame:
        """Do one request."""
        if not self._possible(frame):
            return respond(frame, status=LinkStatus.REFUSED)
        address, count = frame.address, frame.count
        try:
            if frame.kind == MessageKind.READ_REGISTER:
                value = self.target.read_register(address)
                return respond(frame, value.to_bytes(WORD_BYTES, "little"))
            if frame.kind == MessageKind.WRITE_REGISTER:
                self.target.write_register(address, int.from_bytes(frame.data, "little"))
                return respond(frame)
            if frame.kind == MessageKind.READ_MEMORY:
                data = self.target.read_memory(address, count)
                return respond(frame, bytes(address % WORD_BYTES) + data)
            self.target.write_memory(address, frame.data)
            return respond(frame)
        except WindowError:
            return respond(frame, status=LinkStatus.OUTSIDE)
        except (OSError, ValueError) as error:
            text = str(error).encode("ascii", "replace")[:_TEXT_BYTES]
            return respond(frame, text[: self.identity.payload], LinkStatus.FAILED)

    def _possible(self, frame: Frame) -> bool:
        if frame.kind in (MessageKind.READ_REGISTER, MessageKind.WRITE_REGISTER):
            if frame.count != WORD_BYTES or frame.address % WORD_BYTES:
                return False
            if frame.address >= _REGISTER_SPACE:
                return False
        elif frame.kind not in (MessageKind.READ_MEMORY, MessageKind.WRITE_MEMORY):
            return False
        if frame.kind in (MessageKind.READ_REGISTER, MessageKind.READ_MEMORY):
            if frame.payload:
                return False
        elif not frame.complete:
            return False
        words = covering_words(frame.address, frame.count)
        return 0 < frame.count <= MAX_COUNT and WORD_BYTES * words <= self.identity.payload

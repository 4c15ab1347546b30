"""One exchange of requests over a line: a window, ordered responses, retransmission."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...isa.link_protocol import LinkStatus, MessageKind
from ..errors import BusyError, LinkError, TargetError, TargetTimeout, WindowError
from .frame import Frame, kind_name
from .line import FrameLine, RetransmissionTimer

__all__ = ["Exchange", "LinkRequest"]


@dataclass(frozen=True)
class LinkRequest:
    """The request of one frame."""

    kind: MessageKind
    address: int
    count: int = 0
    payload: bytes = b""


class Exchange:
    """Go-back-N with selective resending: requests without a response are sent again.

    Parameters
    ----------
    line : FrameLine
    timer : RetransmissionTimer
        Learns from the responses.
    requests : sequence of LinkRequest
    sequence : int
        Sequence number of the first request.
    window : int
        Requests that may be in flight at once.

    Attributes
    ----------
    resent : int
        Frames sent more than once.
    """

    def __init__(
        self, line: FrameLine, timer: RetransmissionTimer, requests: Sequence[LinkRequest],
        sequence: int, window: int,
    ):
        self._line, self._timer, self._requests = line, timer, requests
        self._sequence, self._window = sequence, window
        self._results: list[bytes | None] = [None] * len(requests)
        self._sent: dict[int, tuple[float, int]] = {}  # index: when, how often
        self._base = 0  # everything before it is answered
        self._next = 0  # everything from here on has never been sent
        self.resent = 0

    def run(self) -> list[bytes]:
        """Send, wait and retransmit until all requests are answered; return the responses' data.

        Raises
        ------
        TargetTimeout
            No progress for the timer's timeout.
        TargetError
            A request was refused or failed; later requests may have been executed.
        """
        line, timer = self._line, self._timer
        wait, heard = timer.wait, line.heard
        self._send_new()
        progress = resent = line.now()
        while self._base < len(self._requests):
            lost = False
            frames = line.receive(max(progress, resent) + wait)
            now = line.now()
            for frame in frames:
                moved, gap = self._take(frame, now)
                lost |= gap
                if moved:
                    progress, wait = now, timer.wait
            self._send_new()
            if now - progress > timer.timeout:
                request = self._requests[self._base]
                raise TargetTimeout(
                    f"{line.name}: waited {timer.timeout:g} s for the answer to "
                    f"{kind_name(request.kind)} at {request.address:#x}; {line.describe(heard)}"
                )
            overdue = now - max(progress, resent) >= wait
            if overdue or (lost and now - resent > timer.smooth):
                self._send_again()
                resent = line.now()
                if overdue:
                    wait = timer.back_off(wait)
        return [result for result in self._results if result is not None]

    def _frame(self, index: int) -> Frame:
        request = self._requests[index]
        sequence = (self._sequence + index) % 256
        return Frame(request.kind, sequence, request.address, request.count, request.payload)

    def _send(self, indices: Sequence[int]) -> None:
        for index in indices:
            _, times = self._sent.get(index, (0.0, 0))
            self._sent[index] = (self._line.now(), times + 1)
        self._line.send(self._frame(index) for index in indices)

    def _send_new(self) -> None:
        end = min(self._base + self._window, len(self._requests))
        if end > self._next:
            self._send(range(self._next, end))
            self._next = end

    def _send_again(self) -> None:
        missing = [n for n in range(self._base, self._next) if self._results[n] is None]
        self.resent += len(missing)
        self._send(missing)

    def _take(self, frame: Frame, now: float) -> tuple[bool, bool]:
        """Take a response; return whether it is progress, and whether it reveals a loss."""
        index = (frame.sequence - self._sequence) % 256
        if index >= len(self._requests) and len(self._requests) < 256:
            return False, False
        index += (self._base - index + 255) // 256 * 256  # of its number, from base on
        if not self._base <= index < self._next or self._results[index] is not None:
            return False, False
        if frame.status == LinkStatus.ORDER:
            return False, True
        request = self._requests[index]
        if frame.kind != request.kind:
            return False, False
        if frame.status != LinkStatus.OK:
            raise _failure(self._line.name, frame, request)
        reads = request.kind in (MessageKind.READ_REGISTER, MessageKind.READ_MEMORY)
        if frame.address != request.address or (reads and frame.count != request.count):
            return False, False
        if frame.payload and not frame.complete:
            return False, False
        when, times = self._sent[index]
        if times == 1:
            self._timer.measured(now - when)
        gap = index > self._base
        self._results[index] = frame.data
        while self._base < len(self._requests) and self._results[self._base] is not None:
            self._base += 1
        return True, gap


def _failure(name: str, frame: Frame, request: LinkRequest) -> TargetError:
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

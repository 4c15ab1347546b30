"""A device at the other end of a line, as a Target: ``uart://`` and ``tcp://`` open one."""

from __future__ import annotations

from collections.abc import Callable

from ...isa.config import Config
from ...isa.link_protocol import WORD_BYTES, MessageKind
from ...isa.opcodes import WINDOW_GRANULE
from ..errors import LinkError, UrlError
from ..target.base_target import BaseTarget
from ..target.identity import check_identity
from ..target.schemes import OpenRequest
from .exchange import LinkRequest
from .link import Link

__all__ = ["LinkTarget", "open_link_target", "seconds_option"]

_LONGEST_TIMEOUT = 3600.0


class LinkTarget(BaseTarget):
    """Registers and memory through a :class:`~myvta.driver.transport.link.Link`.

    Opening checks identity and configuration before it writes anything, then opens the window.

    Parameters
    ----------
    link : Link
        Closed with the target.
    config : Config
    window : (int, int) or None
        Base and size in bytes; None: all the memory that the device offers.
    """

    def __init__(self, link: Link, config: Config, window: tuple[int, int] | None):
        offered, room = link.identity.base, link.identity.size
        base, size = window or (offered, room)
        if not offered <= base <= base + size <= offered + room:
            raise UrlError(
                f"mem={base:#x}:{size} is not inside the device's memory "
                f"{offered:#x}:{room}; leave mem out to take all of it"
            )
        if base % WINDOW_GRANULE or size % WINDOW_GRANULE or not size:
            raise LinkError(f"the device offers memory {offered:#x}:{room}, not whole pages")
        super().__init__(config, (base, size))
        self.link, self.clock_hz = link, link.identity.clock_hz
        check_identity(self)
        self.open_window()

    def _read_register(self, offset: int) -> int:
        word = self.link.ask(MessageKind.READ_REGISTER, offset, WORD_BYTES)
        return int.from_bytes(word, "little")

    def _write_register(self, offset: int, value: int) -> None:
        data = value.to_bytes(WORD_BYTES, "little")
        self.link.ask(MessageKind.WRITE_REGISTER, offset, WORD_BYTES, data)

    def _read_memory(self, offset: int, size: int) -> bytes:
        pieces = [
            LinkRequest(MessageKind.READ_MEMORY, at, count)
            for at, count in self._pieces(self.window[0] + offset, size)
        ]
        return b"".join(self.link.exchange(pieces))

    def _write_memory(self, offset: int, data: memoryview) -> None:
        address, pieces = self.window[0] + offset, []
        for at, count in self._pieces(address, len(data)):
            start = at - address
            payload = bytes(at % WORD_BYTES) + data[start : start + count]
            payload += bytes(-len(payload) % WORD_BYTES)
            pieces.append(LinkRequest(MessageKind.WRITE_MEMORY, at, count, payload))
        self.link.exchange(pieces)

    def _release(self) -> None:
        self.link.close()

    def _pieces(self, address: int, size: int) -> list[tuple[int, int]]:
        """Divide a range at multiples of the payload: (address, bytes) of each frame."""
        step, end, pieces = self.link.identity.payload, address + size, []
        while address < end:
            count = min(end, address // step * step + step) - address
            pieces.append((address, count))
            address += count
        return pieces


def open_link_target(link: Callable[[], Link], request: OpenRequest) -> LinkTarget:
    """Open a link and the target on it; the link is closed when that fails."""
    opened = link()
    try:
        return LinkTarget(opened, request.config, request.window)
    except BaseException:
        opened.close()
        raise


def seconds_option(options: dict[str, str], name: str, default: float) -> float:
    """Remove an option in seconds from ``options`` and return it; ValueError for other values."""
    text = options.pop(name, None)
    if text is None:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _LONGEST_TIMEOUT or (name == "timeout" and not seconds):
        raise ValueError(
            f"{name} must be seconds, at most {_LONGEST_TIMEOUT:g}, not {text!r}"
        )
    return seconds

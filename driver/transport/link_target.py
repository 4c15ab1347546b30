"""A device at the other end of a line, as a Target: ``uart://`` and ``tcp://`` open one."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from ...isa.config import Config
from ...isa.link_protocol import WORD_BYTES, Kind
from ...isa.opcodes import WINDOW_GRANULE
from ...isa.register_map import Reg
from ..errors import LinkError, TargetError, UrlError, WindowError
from ..target.identity import check_identity
from .link import Link, Request

__all__ = ["LinkTarget", "open_link_target", "seconds_option"]

_LONGEST_TIMEOUT = 3600.0


class LinkTarget:
    """Registers and memory through a :class:`~myvta.driver.transport.link.Link`.

    Opening checks identity and configuration before it writes anything, then opens the window.

    Parameters
    ----------
    link : Link
        Closed with the target.
    config : Config
    base, size : int
        Memory window in bytes; size 0 takes all the memory that the device offers.
    """

    def __init__(self, link: Link, config: Config, base: int, size: int):
        self.link, self._config, self._closed = link, config, False
        offered, room = link.identity.base, link.identity.size
        self._base, self._size = (base, size) if size else (offered, room)
        if not offered <= self._base <= self._base + self._size <= offered + room:
            raise UrlError(
                f"mem={self._base:#x}:{self._size} is not inside the device's memory "
                f"{offered:#x}:{room}; leave mem out to take all of it"
            )
        if self._base % WINDOW_GRANULE or self._size % WINDOW_GRANULE or not self._size:
            raise LinkError(f"the device offers memory {offered:#x}:{room}, not whole pages")
        self.clock_hz = link.identity.clock_hz
        check_identity(self)
        self.write_register(Reg.WINDOW_BASE, self._base)
        self.write_register(Reg.WINDOW_LIMIT, self._base + self._size - 1)

    @property
    def window(self) -> tuple[int, int]:
        """Base and size in bytes of the memory the device may touch."""
        return self._base, self._size

    @property
    def config(self) -> Config:
        """Configuration the target was opened with."""
        return self._config

    def read_register(self, offset: int) -> int:
        """Return a 32-bit register; TargetError when the line or the device fails."""
        self._check_register(offset)
        return int.from_bytes(self.link.ask(Kind.READ_REGISTER, offset, WORD_BYTES), "little")

    def write_register(self, offset: int, value: int) -> None:
        """Write a 32-bit register, once, whatever happens on the line."""
        self._check_register(offset)
        if not 0 <= value < 1 << 32:
            raise ValueError(f"a register holds 32 bits, not {value!r}")
        data = value.to_bytes(WORD_BYTES, "little")
        self.link.ask(Kind.WRITE_REGISTER, offset, WORD_BYTES, data)

    def read_memory(self, address: int, size: int) -> bytes:
        """Return bytes of the window; WindowError outside it."""
        self._check_memory(address, size)
        pieces = [
            Request(Kind.READ_MEMORY, at, count) for at, count in self._pieces(address, size)
        ]
        return b"".join(self.link.exchange(pieces))

    def write_memory(self, address: int, data: bytes) -> None:
        """Write bytes, or anything with the buffer protocol; WindowError outside the window."""
        raw = memoryview(data).cast("B")
        self._check_memory(address, len(raw))
        pieces = []
        for at, count in self._pieces(address, len(raw)):
            start = at - address
            payload = bytes(at % WORD_BYTES) + raw[start : start + count]
            payload += bytes(-len(payload) % WORD_BYTES)
            pieces.append(Request(Kind.WRITE_MEMORY, at, count, payload))
        self.link.exchange(pieces)

    def close(self) -> None:
        """Let go of the line; closing twice is harmless."""
        if not self._closed:
            self._closed = True
            self.link.close()

    def __enter__(self) -> LinkTarget:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _pieces(self, address: int, size: int) -> list[tuple[int, int]]:
        """Cut a range at multiples of the payload: (address, bytes) of each frame."""
        step, end, pieces = self.link.identity.payload, address + size, []
        while address < end:
            count = min(end, address // step * step + step) - address
            pieces.append((address, count))
            address += count
        return pieces

    def _check_memory(self, address: int, size: int) -> None:
        self._check_open()
        if size < 0 or address < self._base or address + size > self._base + self._size:
            raise WindowError(
                f"{size} bytes at {address:#x} are outside the memory "
                f"{self._base:#x}..{self._base + self._size - 1:#x}"
            )

    def _check_register(self, offset: int) -> None:
        self._check_open()
        if not 0 <= offset < 1 << 16 or offset % WORD_BYTES:
            raise ValueError(
                f"a register offset is a multiple of 4 below 0x10000, not {offset!r}"
            )

    def _check_open(self) -> None:
        if self._closed:
            raise TargetError("the target is closed")


def open_link_target(
    link: Callable[[], Link], config: Config, base: int, size: int
) -> LinkTarget:
    """Open a link and the target on it; the link is closed when that fails."""
    opened = link()
    try:
        return LinkTarget(opened, config, base, size)
    except BaseException:
        opened.close()
        raise


def seconds_option(options: dict[str, str], name: str, default: float) -> float:
    """Take an option that is a number of seconds out of ``options``; ValueError for others."""
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

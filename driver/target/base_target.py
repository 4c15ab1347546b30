"""The part of the target contract that all devices share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import TypeVar

from ...isa.config import Config
from ...isa.register_map import Reg
from ..errors import TargetError
from .access_checks import check_register, window_offset

__all__ = ["BaseTarget"]

_Self = TypeVar("_Self", bound="BaseTarget")


class BaseTarget(ABC):
    """Checks of arguments, closing and ``with``; a subclass adds the bare accesses.

    A subclass calls :meth:`open_window` once the device can be written.

    Parameters
    ----------
    config : Config
    window : (int, int)
        Base and size in bytes of the memory the device may access; multiples of 4096.
    """

    def __init__(self, config: Config, window: tuple[int, int]):
        self._config, self._window, self._closed = config, window, False

    # -- for subclasses: arguments are checked, the target is open ---------------------------------
    @abstractmethod
    def _read_register(self, offset: int) -> int:
        """Read a 32-bit register."""

    @abstractmethod
    def _write_register(self, offset: int, value: int) -> None:
        """Write a 32-bit register."""

    @abstractmethod
    def _read_memory(self, offset: int, size: int) -> bytes:
        """Read bytes; ``offset`` counts from the window's base."""

    @abstractmethod
    def _write_memory(self, offset: int, data: memoryview) -> None:
        """Write bytes (format ``B``); ``offset`` counts from the window's base."""

    @abstractmethod
    def _release(self) -> None:
        """Release the device; called once."""

    # -- the contract ------------------------------------------------------------------------------
    @property
    def window(self) -> tuple[int, int]:
        """Base and size in bytes of the memory the device may access."""
        return self._window

    @property
    def config(self) -> Config:
        """Configuration the target was opened with."""
        return self._config

    def read_register(self, offset: int) -> int:
        """Return a 32-bit register; RegisterError for an impossible offset."""
        self._check_open()
        check_register(offset)
        return self._read_register(offset)

    def write_register(self, offset: int, value: int) -> None:
        """Write a 32-bit register; RegisterError for an impossible offset or value."""
        self._check_open()
        check_register(offset, value)
        self._write_register(offset, value)

    def read_memory(self, address: int, size: int) -> bytes:
        """Return bytes of the window; WindowError outside it."""
        self._check_open()
        return self._read_memory(window_offset(self._window, address, size), size)

    def write_memory(self, address: int, data: bytes | bytearray | memoryview) -> None:
        """Write bytes, or anything with the buffer protocol; WindowError outside the window."""
        self._check_open()
        raw = memoryview(data).cast("B")
        self._write_memory(window_offset(self._window, address, len(raw)), raw)

    def close(self) -> None:
        """Release the device; closing twice is harmless."""
        if not self._closed:
            self._closed = True
            self._release()

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def open_window(self) -> None:
        """Allow the device to access the whole window and nothing else."""
        base, size = self._window
        self.write_register(Reg.WINDOW_BASE, base)
        self.write_register(Reg.WINDOW_LIMIT, base + size - 1)

    def _check_open(self) -> None:
        if self._closed:
            raise TargetError(f"the target is closed ({type(self).__name__}); open it again")

"""A target that logs every access to another target as one line of text.

Lines, all numbers hexadecimal except sizes: ``R offset NAME = value`` and ``W offset NAME = value``
for registers, ``RM address + size : data`` and ``WM address + size : data`` for memory.  Data
longer than 32 bytes is cut after 32 and followed by ``... crc32 value``.

With ``record=FILE`` every access is also written, complete, to a record for :mod:`.replay`.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from ...isa.config import Config
from ...isa.register_map import Reg
from ..errors import UrlError
from .base_target import BaseTarget
from .protocol import Target
from .replay import Recorder

__all__ = ["SpyTarget", "open_record", "open_trace"]

_SHOWN_BYTES = 32


def open_trace(path: str | None) -> IO[str]:
    """Return the text stream a ``spy:`` URL logs to: standard error, or ``trace=FILE``."""
    if path is None:
        return sys.stderr
    try:
        return Path(path).open("w", encoding="ascii")
    except OSError as error:
        raise UrlError(f"cannot write trace {path!r}: {error.strerror}") from error


def open_record(path: str | None, config: Config) -> Recorder | None:
    """Return the recorder of a ``spy:`` URL with ``record=FILE``, else None."""
    return None if path is None else Recorder(open_trace(path), config.fingerprint)


class SpyTarget(BaseTarget):
    """Log the traffic of ``inner`` to ``sink``, a text stream or a list of lines.

    A sink opened from a ``trace=`` option is closed with the target; any other is the caller's.
    ``record`` gets all data complete, and is closed with the target.
    """

    def __init__(
        self, inner: Target, sink: IO[str] | list[str], record: Recorder | None = None
    ):
        super().__init__(inner.config, inner.window)
        self.inner, self.sink, self._record = inner, sink, record
        self._log: Callable[[str], object] = (
            sink.append if isinstance(sink, list) else lambda line: sink.write(line + "\n")
        )

    def __getattr__(self, name: str) -> Any:
        """Return attributes of the inner target beyond the contract: clock, cycle, interrupt."""
        return getattr(self.inner, name)

    def _read_register(self, offset: int) -> int:
        value = self.inner.read_register(offset)
        self._log(f"R {offset:#06x} {_name(offset)} = {value:#010x}")
        if self._record:
            self._record.register("R", offset, value)
        return value

    def _write_register(self, offset: int, value: int) -> None:
        """Log a register write, then do it."""
        self._log(f"W {offset:#06x} {_name(offset)} = {value:#010x}")
        if self._record:
            self._record.register("W", offset, value)
        self.inner.write_register(offset, value)

    def _read_memory(self, offset: int, size: int) -> bytes:
        address = self.window[0] + offset
        data = self.inner.read_memory(address, size)
        self._log(f"RM {address:#010x} + {size} : {_shown(data)}")
        if self._record:
            self._record.memory("RM", address, data)
        return data

    def _write_memory(self, offset: int, data: memoryview) -> None:
        """Log a memory write, then do it."""
        address = self.window[0] + offset
        self._log(f"WM {address:#010x} + {len(data)} : {_shown(data)}")
        if self._record:
            self._record.memory("WM", address, data)
        self.inner.write_memory(address, data)

    def _release(self) -> None:
        """Close the inner target and a trace file of our own."""
        self.inner.close()
        if not isinstance(self.sink, list) and self.sink is not sys.stderr:
            self.sink.close()
        if self._record:
            self._record.close()


def _name(offset: int) -> str:
    try:
        return Reg(offset).name
    except ValueError:
        return "-"


def _shown(data: bytes | memoryview) -> str:
    if len(data) <= _SHOWN_BYTES:
        return data.hex()
    return f"{data[:_SHOWN_BYTES].hex()}... crc32 {zlib.crc32(data):08x}"

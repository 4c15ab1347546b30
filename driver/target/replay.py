"""Record everything a host does with a target, and do it again with another.

A record is text, one access per line, numbers hexadecimal: ``R offset value``, ``W offset value``,
``RM address data``, ``WM address data``; the first line is :data:`HEADING` with the configuration's
fingerprint.  A :class:`Recorder` is a second sink next to the log of :mod:`.tracing`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ...isa.register_map import PERFORMANCE, Reg, Status
from ..errors import ProgramError, TargetTimeout
from .identity import check_fingerprint
from .protocol import Target

__all__ = ["HEADING", "Difference", "Recorder", "replay"]

HEADING = "myvta record 1"
_EXAMPLE = f"{HEADING!r} and a fingerprint"
_PAUSE = 1e-3
# Time is the device's own: another one may take more or less of it for the same.
_TIMED = frozenset((Reg.CYCLES, *(register for row in PERFORMANCE.values() for register in row)))


class Recorder:
    """Write accesses to a text stream."""

    def __init__(self, sink: IO[str], fingerprint: int):
        self._sink = sink
        sink.write(f"{HEADING} {fingerprint:08x}\n")

    def register(self, what: str, offset: int, value: int) -> None:
        """Note ``R`` or ``W``."""
        self._sink.write(f"{what} {offset:x} {value:x}\n")

    def memory(self, what: str, address: int, data: bytes | memoryview) -> None:
        """Note ``RM`` or ``WM``."""
        self._sink.write(f"{what} {address:x} {data.hex()}\n")

    def close(self) -> None:
        """Close the stream."""
        self._sink.close()


@dataclass(frozen=True)
class Difference:
    """A read that gave something else than in the record."""

    line: int
    what: str
    at: int
    expected: bytes
    got: bytes

    def __str__(self) -> str:
        first = next(
            (k for k, pair in enumerate(zip(self.expected, self.got, strict=False))
             if pair[0] != pair[1]), 0
        )
        return (
            f"line {self.line}: {self.what} at {self.at + first:#x} expected "
            f"{self.expected[first:first + 16].hex()}, got {self.got[first:first + 16].hex()}"
        )


def replay(path: str | Path, target: Target, *, timeout: float = 60.0) -> list[Difference]:
    """Repeat the accesses of a record and return the reads that differ.

    A read of CONTROL waits for the recorded value, as this device may take longer.
    CYCLES and the performance counters are read but not compared.

    Raises
    ------
    ProgramError
        The file is not a record, or a line of it is damaged.
    IdentityError
        It is of another configuration.
    TargetTimeout
        CONTROL did not show the recorded value within ``timeout`` seconds.
    """
    differences: list[Difference] = []
    launched = False
    for number, what, at, text in list(_lines(path, target)):  # a damaged file does nothing
        data = bytes.fromhex(text) if what in ("RM", "WM") else int(text, 16).to_bytes(4, "little")
        if what == "W":
            target.write_register(at, int(text, 16))
            launched |= at == Reg.CONTROL
        elif what == "WM":
            target.write_memory(at, data)
        else:
            if what == "RM":
                got = target.read_memory(at, len(data))
            elif at == Reg.CONTROL:
                value = int(text, 16) if launched else None
                _await_control(target, value, timeout, number)
                got = data
            else:
                got = target.read_register(at).to_bytes(4, "little")
            if got != data and not (what == "R" and at in _TIMED):
                differences.append(Difference(number, what, at, data, got))
    return differences


def _await_control(target: Target, wanted: int | None, timeout: float, line: int) -> None:
    """Wait until CONTROL shows a value; None: until no launch runs that came before the record."""
    if wanted is not None and wanted & Status.LAUNCH:
        return  # the recorded device may have been polled more often
    until = time.monotonic() + timeout
    while True:
        value = target.read_register(Reg.CONTROL)
        if value == wanted or (wanted is None and not value & Status.LAUNCH):
            return
        if time.monotonic() > until:
            shown = "no launch" if wanted is None else f"{wanted:#x}"
            raise TargetTimeout(
                f"line {line}: waited {timeout:g} s for CONTROL to read {shown}; it reads "
                f"{value:#x}"
            )
        time.sleep(_PAUSE)


def _lines(path: str | Path, target: Target) -> Iterator[tuple[int, str, int, str]]:
    """Yield (line number, what, address, value) of a record whose heading is right."""
    with Path(path).open(encoding="ascii", errors="replace") as stream:
        words = stream.readline().split()
        if " ".join(words[:-1]) != HEADING:
            raise ProgramError(f"{path} is no record: its first line should be {_EXAMPLE}")
        check_fingerprint(target.config, _number(path, 1, words[-1]))
        for number, line in enumerate(stream, 2):
            what, *rest = line.split()[:3] or [""]
            if what not in ("R", "W", "RM", "WM") or not rest or not line.endswith("\n"):
                raise ProgramError(f"{path}, line {number} is damaged: {line.strip()[:60]!r}")
            value = rest[1] if len(rest) > 1 else ""
            if what in ("RM", "WM"):
                try:
                    bytes.fromhex(value)
                except ValueError:
                    raise ProgramError(f"{path}, line {number} has damaged data") from None
            elif _number(path, number, value) >= 1 << 32:
                raise ProgramError(f"{path}, line {number}: a register holds 32 bits")
            yield number, what, _number(path, number, rest[0]), value


def _number(path: str | Path, line: int, text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        raise ProgramError(f"{path}, line {line}: {text[:20]!r} is no number") from None

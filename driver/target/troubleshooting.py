"""Advice when a device cannot be reached or another one answers: one line for each cause."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator

from ...isa.config import NAMED, Config, load_config
from ...isa.register_map import IDENTITY
from ..errors import IdentityError
from .schemes import Advice

__all__ = ["identity_advice", "fingerprint_advice", "memory_in_use", "open_advice"]

def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen = 0
    while error is not None and seen < 10:
        yield error
        error, seen = error.__cause__ or error.__context__, seen + 1


def open_advice(
    advice: Advice, error: BaseException, config: str | Config | None = None
) -> str:
    """Return advice on an error of opening a target, ``""`` when its text is enough.

    ``config`` is the expected configuration; some targets check the device when they are opened.
    """
    if isinstance(error, IdentityError):
        word = re.match(r"IDENTITY reads (0x[0-9a-f]+)", str(error))
        if word:
            return identity_advice(advice, int(word[1], 16))
        word = re.match(r"the device has configuration (0x[0-9a-f]+)", str(error))
        return fingerprint_advice(int(word[1], 16), load_config(config)) if word else ""
    for one in _chain(error):
        if isinstance(one, OSError) and one.errno is not None:
            number = errno.EACCES if (
                one.errno == errno.EPERM and errno.EPERM not in advice.by_errno
            ) else one.errno
            if number in advice.by_errno:
                return advice.by_errno[number]
    if any(isinstance(one, TimeoutError) for one in _chain(error)):
        return advice.no_answer
    return ""


def identity_advice(advice: Advice, actual: int) -> str:
    """Return advice on an unexpected value of IDENTITY."""
    swapped = int.from_bytes(actual.to_bytes(4, "big"), "little") == IDENTITY
    if swapped:
        return "the bytes come in the wrong order: the bus between is big endian"
    if actual in (0, 0xFFFF_FFFF):
        return advice.no_device
    return "something else answers there: check the address (regs=), and which bitstream is loaded"


def fingerprint_advice(actual: int, expected: Config) -> str:
    """Return advice on a device of another configuration."""
    for name, config in NAMED.items():
        if config.fingerprint == actual:
            return f"the device is {name!r}: open it with config={name}, and compile for it"
    return (
        "it is none of the named configurations: open it with config=FILE, the vta_config.json it "
        f"was made from, or load a bitstream for {expected.name!r}"
    )


def memory_in_use(base: int, size: int, iomem: str) -> str:
    """Return a message if memory belongs to Linux by the text of ``/proc/iomem``, else ``""``.

    Writing there would change running programs.  Without root all addresses read 0, and no
    conflict can be found.
    """
    for line in iomem.splitlines():
        match = re.fullmatch(r"([0-9a-f]+)-([0-9a-f]+) : System RAM", line.strip())
        if match is None:
            continue
        first, last = int(match[1], 16), int(match[2], 16)
        if first < last and first < base + size and base <= last:
            return (
                f"{base:#x}..{base + size - 1:#x} is memory that Linux uses "
                f"({first:#x}..{last:#x}): reserve it first (mem= on the kernel command line, or a "
                "reserved-memory node in the device tree), then give it as mem="
            )
    return ""

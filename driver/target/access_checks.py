"""The checks of the target contract: one for memory, one for registers."""

from __future__ import annotations

from ..errors import RegisterError, WindowError

__all__ = ["check_register", "window_offset"]

_REGISTER_SPACE = 1 << 16  # bytes


def window_offset(window: tuple[int, int], address: int, size: int) -> int:
    """Return the offset in a window at which ``size`` bytes at ``address`` begin.

    Raises
    ------
    WindowError
        Some of the bytes are not inside the window ``(base, size)``.
    """
    base, room = window
    if size < 0 or address < base or address + size > base + room:
        raise WindowError(
            f"{size} bytes at {address:#x} are outside the memory {base:#x}..{base + room - 1:#x}"
        )
    return address - base


def check_register(offset: int, value: int = 0) -> None:
    """Raise RegisterError unless there can be a register at ``offset`` that holds ``value``."""
    if not 0 <= offset < _REGISTER_SPACE or offset % 4:
        raise RegisterError(
            f"a register offset is a multiple of 4 below {_REGISTER_SPACE:#x}, not {offset!r}"
        )
    if not 0 <= value < 1 << 32:
        raise RegisterError(f"a register holds 32 bits, not {value!r}")

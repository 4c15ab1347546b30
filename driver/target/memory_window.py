"""The memory window of a device: program it, and check that the device accepted it."""

from __future__ import annotations

from ...isa.register_map import Reg
from ..errors import TargetError
from .protocol import Target

__all__ = ["program_window"]


def program_window(target: Target, refused: str) -> None:
    """Allow the device to access the target's window and nothing else.

    Parameters
    ----------
    target : Target
    refused : str
        Consequence, with which the error's text ends.

    Raises
    ------
    TargetError
        The registers read other values afterwards: they are locked, or the device is broken.
    """
    base, size = target.window
    limit = base + size - 1
    target.write_register(Reg.WINDOW_BASE, base)
    target.write_register(Reg.WINDOW_LIMIT, limit)
    shown = target.read_register(Reg.WINDOW_BASE), target.read_register(Reg.WINDOW_LIMIT)
    if shown != (base, limit):
        why = "it is locked until the reset wire" if target.read_register(Reg.WINDOW_LOCK) else (
            "the device did not take it"
        )
        raise TargetError(
            f"the memory window reads {shown[0]:#x}..{shown[1]:#x}, not {base:#x}..{limit:#x}: "
            f"{why}; {refused}"
        )

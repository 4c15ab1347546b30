"""A target as clients of a server may use it: which registers they may write, and why.

Clients are not trusted.  On a board the memory window alone keeps a stream out of the memory of
Linux, so the server owns it: a client can narrow it for itself, never widen it, and
cannot lock it for later clients.
"""

from __future__ import annotations

from ...isa.register_map import Reg
from ..errors import AccessError
from ..target.base_target import BaseTarget
from ..target.protocol import Target

__all__ = ["CLIENT_WRITES", "ServedTarget"]

_POINTER = "an address of a launch: the device refuses addresses outside the window"
CLIENT_WRITES: dict[Reg, str] = {
    Reg.CONTROL: "launches a stream and clears the status",
    Reg.INSN_COUNT: "the length of a launch",
    Reg.INSN_BASE: _POINTER,
    Reg.UOP_BASE: _POINTER,
    Reg.INP_BASE: _POINTER,
    Reg.WGT_BASE: _POINTER,
    Reg.ACC_BASE: _POINTER,
    Reg.OUT_BASE: _POINTER,
    Reg.WINDOW_BASE: "makes the window narrower, for a target opened with mem=",
    Reg.WINDOW_LIMIT: "makes the window narrower, for a target opened with mem=",
    Reg.INTERRUPT_STATUS: "clears the note that a launch has ended",
    Reg.RESET: "ends the client's own launch",
    Reg.WATCHDOG: "bounds the client's own launch",
}
"""The registers that a client may write, and why it may.

Two writable registers are excluded: INTERRUPT_ENABLE, because the wire leads to the server's host,
and WINDOW_LOCK, which only the reset wire clears.
"""
_WINDOW = (Reg.WINDOW_BASE, Reg.WINDOW_LIMIT)


class ServedTarget(BaseTarget):
    """Another target, with the writes of registers that a client has no business with refused.

    Parameters
    ----------
    inner : Target
        Closed with this one.

    Raises
    ------
    AccessError
        From :meth:`write_register`: the register is not in :data:`CLIENT_WRITES`, or a window
        register would leave the window of ``inner``.  Nothing was written.
    """

    def __init__(self, inner: Target):
        super().__init__(inner.config, inner.window)
        self.inner = inner
        self.clock_hz = getattr(inner, "clock_hz", 0)

    def _read_register(self, offset: int) -> int:
        return self.inner.read_register(offset)

    def _write_register(self, offset: int, value: int) -> None:
        if offset not in CLIENT_WRITES:
            name = Reg(offset).name if offset in list(Reg) else f"register {offset:#x}"
            raise AccessError(
                f"a client may not write {name}; it may write "
                f"{', '.join(register.name for register in CLIENT_WRITES)}"
            )
        base, size = self.window
        if offset in _WINDOW and not base <= value < base + size:
            raise AccessError(
                f"{Reg(offset).name} must stay inside the served window "
                f"{base:#x}..{base + size - 1:#x}, not {value:#x}"
            )
        self.inner.write_register(offset, value)

    def _read_memory(self, offset: int, size: int) -> bytes:
        return self.inner.read_memory(self.window[0] + offset, size)

    def _write_memory(self, offset: int, data: memoryview) -> None:
        self.inner.write_memory(self.window[0] + offset, data)

    def _release(self) -> None:
        self.inner.close()

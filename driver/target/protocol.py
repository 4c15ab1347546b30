"""The interface between the hardware and everything above it: :class:`Target`."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, runtime_checkable

from ...isa.config import Config

__all__ = ["Target"]


@runtime_checkable
class Target(Protocol):
    """One accelerator and the memory it works in.

    Opening a target programs WINDOW_BASE and WINDOW_LIMIT to :attr:`window`.  Simulated targets
    advance while the host waits: each read of CONTROL during a launch runs a bounded piece of the
    simulation.  Every method raises :class:`~myvta.driver.errors.TargetError` and nothing else,
    and never waits without a bound; after :meth:`close` every access is a TargetError.

    A target may have further members, which are used where they exist:

    * ``clock_hz``: clock of the device in Hz, from which the watchdog of a launch follows;
    * ``wait_interrupt(seconds) -> bool``: waits until the device interrupts; a launch sleeps in it;
    * ``cycle``: clock cycles simulated so far, on targets that can record waves;
    * ``uses_physical_memory``: True where the window is memory of this computer that Linux may be
      using itself; diagnosis then reads ``/proc/iomem`` before it writes.

    :class:`~myvta.driver.target.base_target.BaseTarget` implements the part that does not depend
    on the device.
    """

    @property
    def window(self) -> tuple[int, int]:
        """Base and size in bytes of the memory the device may access; multiples of 4096."""

    @property
    def config(self) -> Config:
        """Configuration the target was opened with."""

    def read_register(self, offset: int) -> int:
        """Return a 32-bit register (``isa.register_map.Reg``); unmapped offsets read 0.

        Raises
        ------
        RegisterError
            The offset is not a multiple of 4 in 16 bits.
        """

    def write_register(self, offset: int, value: int) -> None:
        """Write a 32-bit register; read-only and unmapped ones ignore it, or a server refuses it.

        Raises
        ------
        RegisterError
            The offset is as above, or the value does not fit 32 bits; nothing was written.
        """

    def read_memory(self, address: int, size: int) -> bytes:
        """Return bytes of the window; WindowError outside it."""

    def write_memory(self, address: int, data: bytes | bytearray | memoryview) -> None:
        """Write bytes, or anything with the buffer protocol.

        Raises
        ------
        WindowError
            Some of them are outside the window; nothing was written.
        """

    def close(self) -> None:
        """Let go of the device; closing twice is harmless."""

    def __enter__(self) -> Target:
        """Return self."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""

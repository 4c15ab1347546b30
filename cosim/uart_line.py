"""The far end of the serial line of ``uart_top``, simulated cycle by cycle under Verilator."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_double, c_int, c_int64, c_uint8, c_uint64, c_void_p
from functools import cache
from pathlib import Path

from .build import UART, build_harness
from .cosim_errors import SimulatorError

__all__ = ["UartLine"]

_ROOM = 1 << 16
_FUNCTIONS = {
    "open": (c_void_p, [c_double]),
    "close": (None, [c_void_p]),
    "reset": (c_int, [c_void_p]),
    "run": (c_int64, [c_void_p, ctypes.c_char_p, c_uint64, c_uint64, POINTER(c_uint8), c_uint64]),
    "pending": (c_uint64, [c_void_p]),
    "cycles": (c_uint64, [c_void_p]),
    "framing_errors": (c_uint64, [c_void_p]),
}


@cache
def _load(path: Path) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path))
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(library, f"line_{name}")
        function.restype, function.argtypes = result, arguments
    return library


class UartLine:
    """A simulated device and a serial line to it.

    Parameters
    ----------
    design : str
        Verilog of ``uart_top``.
    clock_hz, rate : float
        Clock of the device, and bits per second of the far end.

    It is a transport of :class:`~myvta.driver.transport.link.Link`, whose time is :meth:`now`.

    Raises
    ------
    MissingTool, BuildError
        The simulator cannot be built.
    """

    name = "uart_top"

    def __init__(self, design: str, clock_hz: float, rate: float):
        self._clock_hz, self._bit = clock_hz, clock_hz / rate
        self._library = _load(build_harness(design, harness=UART))
        self._handle = self._library.line_open(self._bit)
        self._out = (c_uint8 * _ROOM)()
        if not self._handle:
            raise SimulatorError("the simulation does not start")

    def now(self) -> float:
        """Seconds of simulated time."""
        return self.cycles / self._clock_hz

    def send(self, data: bytes) -> None:
        """Queue bytes for the line."""
        self.run(data, 0)

    def receive(self, seconds: float) -> bytes:
        """Run until a byte arrives from the device, at most ``seconds`` of simulated time."""
        until = self.now() + seconds
        while True:
            data = self.run(b"", int(2 * self._bit))
            if data or self.now() >= until:
                return data

    @property
    def cycles(self) -> int:
        """Clock cycles so far."""
        return int(self._library.line_cycles(self._handle))

    @property
    def pending(self) -> int:
        """Bytes given to :meth:`run` that are not on the line yet."""
        return int(self._library.line_pending(self._handle))

    @property
    def framing_errors(self) -> int:
        """Bytes of the device that had no stop bit."""
        return int(self._library.line_framing_errors(self._handle))

    def run(self, data: bytes, cycles: int) -> bytes:
        """Send bytes on the line, one after the other, run, and return the bytes received."""
        count = self._library.line_run(
            self._handle, data, len(data), cycles, self._out, _ROOM
        )
        if count < 0:
            raise SimulatorError("the simulation of uart_top stopped by itself")
        return bytes(self._out[:count])

    def reset(self) -> None:
        """Reset the device, as a power failure does; bytes that wait for the line remain."""
        if self._library.line_reset(self._handle):
            raise SimulatorError("the simulation of uart_top stopped by itself")

    def close(self) -> None:
        """End the simulation; closing twice is harmless."""
        if self._handle:
            self._library.line_close(self._handle)
            self._handle = None

"""The simulated ``uart_top`` that tests share: 1x4x4, 24 MHz, eight cycles a bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from myvta.cosim.design import convert_once
from myvta.cosim.uart_line import UartLine
from myvta.fpga.uart_top import TOP, UartDevice, convert_uart_top
from myvta.isa.config import NAMED

CONFIG = NAMED["1x4x4"]
DEVICE = UartDevice(clock_hz=24_000_000, rate=3_000_000)
_CHUNK = 2000  # cycles


def design() -> str:
    """Return its Verilog."""
    def build(folder: Path) -> Path:
        return convert_uart_top(CONFIG, folder, device=DEVICE)

    return convert_once(TOP, CONFIG, ("rtl", "isa", "fpga"), build, DEVICE)


def open_line(skew: float = 1.0) -> UartLine:
    """Return a device and its line, whose far end is faster by ``skew``."""
    return UartLine(design(), DEVICE.clock_hz, DEVICE.rate * skew)


def behind_terminal(line: UartLine) -> Callable[[bytes], bytes]:
    """Return the ``work`` of :func:`link_board.pseudo_terminal`: a cable."""
    def work(data: bytes) -> bytes:
        back = line.run(data, _CHUNK)
        while line.pending > 64:
            back += line.run(b"", _CHUNK)
        return back

    return work

"""A complete device on one serial line: accelerator, UART bridge, on-chip memory.

Ports: ``clock``, ``reset`` (synchronous, active high), ``rx``, ``tx`` (8N1, 1 when idle) and
``interrupt``.  Memory is 0..``memory_bytes``; the host accesses registers and memory with the
protocol of docs/protocol.md and the ``uart://`` target.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from myhdl import ResetSignal, Signal, block

from ..isa.config import Config
from ..rtl.convert import convert_block
from ..rtl.core import core
from ..rtl.lib.bundles import Axi4, AxiLite, Stream, bit, word
from .axi_arbiter import axi_arbiter
from .bridge import bridge
from .on_chip_memory import memory
from .uart import uart_receiver, uart_transmitter

__all__ = ["TOP", "UartDevice", "convert_uart_top", "uart_top"]

TOP = "uart_top"


@dataclass(frozen=True)
class UartDevice:
    """Parameters of the device: clock and line in Hz, memory in bytes (a power of two)."""

    clock_hz: int = 100_000_000
    rate: int = 3_000_000
    memory_bytes: int = 256 << 10


@block
def uart_top(
    clock: Any, reset: Any, rx: Any, tx: Any, interrupt: Any, *, config: Config,
    device: UartDevice,
) -> Any:
    """Wire the device."""
    registers = AxiLite()
    received, received_valid, sent = word(8), bit(), Stream(8)
    from_core, from_bridge, to_memory = Axi4(config), Axi4(config), Axi4(config)
    return (
        core(clock, reset, registers, from_core, interrupt, config=config),
        uart_receiver(
            clock, reset, rx, received, received_valid, clock_hz=device.clock_hz, rate=device.rate
        ),
        bridge(
            clock, reset, received=received, received_valid=received_valid, sent=sent,
            s_axi=registers, m_axi=from_bridge, config=config, size=device.memory_bytes,
            clock_hz=device.clock_hz,
        ),
        uart_transmitter(clock, reset, sent, tx, clock_hz=device.clock_hz, rate=device.rate),
        axi_arbiter(clock, reset, from_core, from_bridge, to_memory),
        memory(clock, reset, to_memory, config=config, size=device.memory_bytes),
    )


def _instance(config: Config, **device: int) -> Any:
    return uart_top(
        Signal(False), ResetSignal(0, active=1, isasync=False), Signal(True), Signal(True),
        Signal(False), config=config, device=UartDevice(**device),
    )


def convert_uart_top(
    config: Config, folder: str | os.PathLike[str], hdl: str = "verilog", *,
    device: UartDevice | None = None,
) -> Path:
    """Write the device as ``uart_top.v`` or ``uart_top.vhd``; errors as in rtl.convert."""
    parameters = asdict(device or UartDevice())
    return convert_block(
        _instance, folder, hdl, config=config, name=TOP, parameters=parameters
    )

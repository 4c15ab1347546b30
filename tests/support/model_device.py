"""The model's device with its window open, and a launch as a host does it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from myvta.isa.config import named
from myvta.isa.instructions import Instruction, encode_stream
from myvta.isa.opcodes import ErrorCode
from myvta.isa.register_map import Reg, Status
from myvta.model.device import Device

__all__ = ["CODE", "error_of", "launch", "open_device"]

CODE = 0x8000
"""Address of the streams that :func:`launch` writes."""


def open_device(name: str = "1x4x4", **options: Any) -> Device:
    """Return a device with 64 KiB of memory, all of it in the window."""
    device = Device(named(name), memory_size=1 << 16, **options)
    device.open_window()
    return device


def launch(
    device: Device, stream: Sequence[Instruction], count: int | None = None, at: int = CODE
) -> int:
    """Launch as a host does; return the value of CONTROL afterwards."""
    device.memory.write(at, encode_stream(list(stream), device.config))
    device.write_register(Reg.INSN_COUNT, len(stream) if count is None else count)
    device.write_register(Reg.INSN_BASE, at)
    device.write_register(Reg.CONTROL, Status.LAUNCH)
    return device.read_register(Reg.CONTROL)


def error_of(device: Device) -> tuple[ErrorCode, int]:
    """Return the code and the index of the error registers."""
    return ErrorCode(device.read_register(Reg.ERROR_CODE)), device.read_register(Reg.ERROR_INDEX)

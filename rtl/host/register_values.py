"""Signals of the registers, grouped by writer: the host (settings) or the device (results)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from myhdl import Signal, modbv

from ...isa.config import Config
from ...isa.register_map import REGISTERS, Reg, reset_values

__all__ = ["CONSTANTS", "RESULTS", "SETTINGS", "Results", "Settings"]

CONSTANTS = (Reg.IDENTITY, Reg.VERSION, Reg.FEATURES, Reg.FINGERPRINT)
RESULTS = frozenset(
    offset for offset, row in REGISTERS.items()
    if offset == Reg.CONTROL or (row.access == "ro" and offset not in CONSTANTS)
)
SETTINGS = frozenset(
    offset for offset, row in REGISTERS.items()
    if offset not in (*RESULTS, *CONSTANTS) and row.access != "wo"
)


class _Values:
    """A 32-bit signal for each of some registers that the device has, named as in ``Reg``."""

    def __init__(self, config: Config, offsets: frozenset[Reg]) -> None:
        for offset, value in reset_values(config).items():
            if offset in offsets and REGISTERS[offset].exists(config):
                setattr(self, offset.name.lower(), Signal(modbv(value)[32:]))

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


class Settings(_Values):
    """Registers that the host writes: :mod:`.registers` drives them, the device reads them."""

    def __init__(self, config: Config) -> None:
        super().__init__(config, SETTINGS)


class Results(_Values):
    """Registers that the device drives and the host reads."""

    def __init__(self, config: Config) -> None:
        super().__init__(config, RESULTS)

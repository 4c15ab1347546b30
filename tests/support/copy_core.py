"""What the tests of cosim share: the copying device of data/copy_core.v, and a job for it."""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path

import numpy as np
import pytest

from myvta.cosim.icarus import open_icarus
from myvta.cosim.simulated_target import SimulatedTarget
from myvta.cosim.verilator import open_verilator
from myvta.driver.target.schemes import OpenRequest
from myvta.isa.config import NAMED
from myvta.isa.register_map import Reg, Status

__all__ = [
    "BASE", "MEMORIES", "SIZE", "Fault", "copy", "on_both", "open_copy_core", "pattern",
    "start_copy",
]

BASE, SIZE = 0x4000_0000, 1 << 20
_SOURCE = Path(__file__).parents[1] / "data" / "copy_core.v"
on_both = pytest.mark.parametrize("scheme", [
    pytest.param(scheme, marks=getattr(pytest.mark, scheme)) for scheme in ("icarus", "verilator")
])
MEMORIES = [
    {"latency": 0}, {"latency": 64}, {"stall": 20, "seed": 3},
    {"stall": 90, "seed": 9, "latency": 5},
    {"bandwidth": 37}, {"shy": 1}, {"shy": 1, "stall": 50, "latency": 9},
    {"latency": 7, "bandwidth": 60, "stall": 35, "seed": 0xFFFFFFFF},
]
"""Behaviours of the memory around it."""
_FACTORIES = {"icarus": open_icarus, "verilator": open_verilator}


class Fault(IntEnum):
    """What can be planted in the device; the table is at the top of copy_core.v."""

    NONE = 0
    DROP_VALID = 1
    CHANGE_ADDRESS = 2
    CROSS_4K = 3
    WRAP = 4
    EARLY_LAST = 5
    EARLY_FINISH = 6
    HANG = 7
    WIDE_STROBE = 8
    WIDE_BEAT = 9
    SILENT_REGISTER = 10
    SPURIOUS_RESPONSE = 11
    VALID_IN_RESET = 12
    UNKNOWN_VALID = 13
    END_ITSELF = 14
    REFUSE_READ = 15
    CHANGE_REGISTER = 16
    DROP_REGISTER = 17
    DROP_RESPONSE = 18
    CHANGE_DATA = 19
    LONG_BURST = 20
    SHY_VALID = 21


def open_copy_core(
    scheme: str, folder: Path, *, bus: int = 64, width: int | None = None, size: int = SIZE,
    **options: object,
) -> SimulatedTarget:
    """Open the device on a simulator; ``folder`` takes its source with the bus width in it.

    ``width`` says another one to the simulator than the device has.
    """
    file = folder / f"copy_core_{bus}.v"
    file.write_text(f"`define BUS {bus}\n{_SOURCE.read_text()}")
    settings = {"bus": width or bus, **options}
    return _FACTORIES[scheme](OpenRequest(
        str(file), NAMED["default"], window=(BASE, size),
        options={name: str(value) for name, value in settings.items()},
    ))


def pattern(count: int, seed: int = 1) -> bytes:
    """Return ``count`` instructions' worth of random bytes."""
    return np.random.default_rng(seed).integers(0, 256, 16 * count, dtype=np.uint8).tobytes()


def start_copy(
    target: SimulatedTarget, count: int, source: int = 0x1000, destination: int = 0x80000,
    fault: Fault = Fault.NONE,
) -> None:
    """Launch a copy of ``count`` x 16 bytes; addresses are relative to the window."""
    base = target.window[0]
    target.write_register(Reg.INSN_COUNT, count)
    target.write_register(Reg.INSN_BASE, base + source)
    target.write_register(Reg.OUT_BASE, base + destination)
    target.write_register(Reg.UOP_BASE, fault)
    target.write_register(Reg.CONTROL, Status.LAUNCH)


def copy(
    target: SimulatedTarget, count: int, source: int = 0x1000, destination: int = 0x80000,
    fault: Fault = Fault.NONE,
) -> int:
    """Copy, wait for the end, and return the cycles the device counted."""
    start_copy(target, count, source, destination, fault)
    while target.read_register(Reg.CONTROL) & Status.LAUNCH:
        pass
    return target.read_register(Reg.CYCLES)

"""What all simulated targets share: memory, launches with a bounded wait, the memory window."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType

import numpy as np

from ..driver.errors import TargetError, TargetTimeout, WindowError
from ..isa.config import Config
from ..isa.register_map import Reg, Status
from .cosim_errors import BusViolation
from .options import SimulationOptions
from .rules import Counter, Rule

__all__ = ["SimulatedTarget"]


class SimulatedTarget(ABC):
    """A core in a simulator, behind the Target contract of ``driver.target``.

    Simulated time passes only inside calls: a register access takes a few cycles, reading CONTROL
    during a launch runs on until the launch ends or :attr:`chunk` cycles have passed, and
    :meth:`run` advances by hand.

    Attributes
    ----------
    memory : numpy.ndarray
        The window's bytes (uint8, shape ``(size,)``) as the device sees them, no copy.
    config : Config
        What the design was made for, width of the memory port included.
    options : SimulationOptions
        Behaviour of the memory.
    """

    chunk: int  # cycles that one look at CONTROL may take

    def __init__(self, config: Config, base: int, size: int, options: SimulationOptions):
        self.config, self.options = config, options
        self._base, self._size = base, size
        self.memory = np.zeros(size, dtype=np.uint8)
        self._launched_at: int | None = None
        self._closed = False

    # -- what a simulator does ---------------------------------------------------------------------
    @abstractmethod
    def _read(self, offset: int) -> int:
        """Read a register over AXI-Lite."""

    @abstractmethod
    def _write(self, offset: int, value: int) -> None:
        """Write a register over AXI-Lite."""

    @abstractmethod
    def _poll(self, offset: int, mask: int, cycles: int) -> int:
        """Read a register until its bits in ``mask`` are 0 or ``cycles`` have passed."""

    @abstractmethod
    def _run(self, cycles: int, until_interrupt: bool) -> bool:
        """Advance; return whether the interrupt wire ended it (False when not asked for)."""

    @abstractmethod
    def _reset(self) -> None:
        """Pull reset for some cycles; nothing is in flight afterwards."""

    @abstractmethod
    def _outstanding(self) -> tuple[int, int]:
        """Return read and write bursts in flight."""

    @abstractmethod
    def _close(self) -> None:
        """Let go of the simulator; never raises."""

    @abstractmethod
    def counters(self) -> dict[Counter, int]:
        """Return what the memory has counted since the target was opened."""

    # -- the Target contract -----------------------------------------------------------------------
    @property
    def window(self) -> tuple[int, int]:
        """Base and size in bytes of the memory."""
        return self._base, self._size

    @property
    def cycle(self) -> int:
        """Clock cycles simulated since the target was opened; waves count the same ones."""
        return self.counters()[Counter.CYCLES]

    def read_register(self, offset: int) -> int:
        """Return a 32-bit register.

        Raises
        ------
        TargetTimeout
            The launch that runs has taken more than ``max_cycles``, or the device does not answer.
        BusViolation
            The device broke a rule of the bus, now or before.
        """
        self._check_open()
        self._check_offset(offset)
        if offset == Reg.CONTROL and self._launched_at is not None:
            return self._control()
        return self._read(offset)

    def write_register(self, offset: int, value: int) -> None:
        """Write a 32-bit register; errors as :meth:`read_register`."""
        self._check_open()
        self._check_offset(offset)
        if not 0 <= value < 1 << 32:
            raise ValueError(f"a register holds 32 bits, not {value!r}")
        self._write(offset, value)
        launches = offset == Reg.CONTROL and value & Status.LAUNCH
        ends = offset == Reg.RESET and self._launched_at is not None  # within max_cycles anew
        if launches or ends:
            self._launched_at = self.counters()[Counter.CYCLES]

    def read_memory(self, address: int, size: int) -> bytes:
        """Return a copy of bytes of the window; WindowError outside it."""
        start = self._locate(address, size)
        return self.memory[start:start + size].tobytes()

    def write_memory(self, address: int, data: bytes) -> None:
        """Write bytes, or anything with the buffer protocol; WindowError outside the window."""
        values = np.frombuffer(data, dtype=np.uint8)
        start = self._locate(address, values.size)
        self.memory[start:start + values.size] = values

    def close(self) -> None:
        """Let go of the simulator and finish the wave file; closing twice is harmless."""
        if not self._closed:
            self._closed = True
            self._close()

    def __enter__(self) -> SimulatedTarget:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # -- more than a board can do ------------------------------------------------------------------
    def reset(self) -> None:
        """Reset the device in the middle of whatever it does, and open its window again."""
        self._check_open()
        self._launched_at = None
        self._reset()
        self.open_window()

    def run(self, cycles: int) -> None:
        """Advance by a number of clock cycles."""
        self._check_open()
        self._run(cycles, until_interrupt=False)

    def run_until_interrupt(self, cycles: int) -> None:
        """Advance until the interrupt wire is high.

        Raises
        ------
        TargetTimeout
            It stayed low for ``cycles``.
        """
        self._check_open()
        if not self._run(cycles, until_interrupt=True):
            raise TargetTimeout(f"waited {cycles} cycles for the interrupt wire")

    def open_window(self) -> None:
        """Let the device touch the whole window and nothing else."""
        self.write_register(Reg.WINDOW_BASE, self._base)
        self.write_register(Reg.WINDOW_LIMIT, self._base + self._size - 1)

    # -- inside ------------------------------------------------------------------------------------
    def _control(self) -> int:
        assert self._launched_at is not None
        used = self.counters()[Counter.CYCLES] - self._launched_at
        left = max(self.options.max_cycles - used, 1)
        value = self._poll(Reg.CONTROL, Status.LAUNCH, min(self.chunk, left))
        now = self.counters()[Counter.CYCLES]
        reads, writes = self._outstanding()
        if not value & Status.LAUNCH:
            self._launched_at = None
            if (reads or writes) and not value & Status.DRAINING:
                raise BusViolation(
                    Rule.OUTSTANDING, now, f"{reads} reads and {writes} writes are in flight"
                )
        elif now - self._launched_at >= self.options.max_cycles:
            count, start = self._read(Reg.INSN_COUNT), self._read(Reg.INSN_BASE)
            raise TargetTimeout(
                f"waited {now - self._launched_at} cycles (max_cycles={self.options.max_cycles}) "
                f"for FINISH of the launch of {count} instructions at {start:#010x}; CONTROL is "
                f"{value:#x}, {reads} reads and {writes} writes are in flight"
            )
        return value

    def _locate(self, address: int, size: int) -> int:
        start = address - self._base
        if size < 0 or start < 0 or start + size > self._size:
            raise WindowError(
                f"{size} bytes at {address:#x} are outside the memory "
                f"{self._base:#x}..{self._base + self._size - 1:#x}"
            )
        return start

    def _check_open(self) -> None:
        if self._closed:
            raise TargetError("the target is closed")

    @staticmethod
    def _check_offset(offset: int) -> None:
        if not 0 <= offset < 1 << 16 or offset % 4:
            raise ValueError(
                f"a register offset is a multiple of 4 below 0x10000, not {offset!r}"
            )

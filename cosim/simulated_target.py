"""The common part of all simulated targets: memory, and launches with a bounded wait."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from ..driver.errors import TargetTimeout
from ..driver.target.base_target import BaseTarget
from ..isa.config import Config
from ..isa.register_map import Reg, Status
from .cosim_errors import BusViolation
from .options import SimulationOptions
from .rules import Counter, Rule

__all__ = ["SimulatedTarget"]


class SimulatedTarget(BaseTarget):
    """A core in a simulator that implements the contract ``driver.target.protocol.Target``.

    Simulated time passes only inside calls: a register access takes a few cycles, reading CONTROL
    during a launch runs on until the launch ends or :attr:`chunk` cycles have passed, and
    :meth:`run` advances by hand.

    Attributes
    ----------
    memory : numpy.ndarray
        The window's bytes (uint8, shape ``(size,)``) as the device sees them, not a copy.
    config : Config
        Configuration of the design, width of the memory port included.
    options : SimulationOptions
        Behaviour of the memory.
    """

    chunk: int  # cycles that one read of CONTROL may take

    def __init__(self, config: Config, window: tuple[int, int], options: SimulationOptions):
        super().__init__(config, window)
        self.options = options
        self.memory = np.zeros(window[1], dtype=np.uint8)
        self._launched_at: int | None = None

    # -- for simulators ----------------------------------------------------------------------------
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
        """Assert reset for some cycles; nothing is in flight afterwards."""

    @abstractmethod
    def _outstanding(self) -> tuple[int, int]:
        """Return read and write bursts in flight."""

    @abstractmethod
    def counters(self) -> dict[Counter, int]:
        """Return the memory's counters since the target was opened."""

    # -- the Target contract -----------------------------------------------------------------------
    @property
    def cycle(self) -> int:
        """Clock cycles simulated since the target was opened; waves count the same ones."""
        return self.counters()[Counter.CYCLES]

    def _read_register(self, offset: int) -> int:
        """Read a register.

        Raises
        ------
        TargetTimeout
            The running launch has taken more than ``max_cycles``, or the device does not answer.
        BusViolation
            The device broke a rule of the bus, now or before.
        """
        if offset == Reg.CONTROL and self._launched_at is not None:
            return self._control()
        return self._read(offset)

    def _write_register(self, offset: int, value: int) -> None:
        """Write a register; errors as :meth:`_read_register`."""
        self._write(offset, value)
        launches = offset == Reg.CONTROL and value & Status.LAUNCH
        ends = offset == Reg.RESET and self._launched_at is not None  # restarts max_cycles
        if launches or ends:
            self._launched_at = self.counters()[Counter.CYCLES]

    def _read_memory(self, offset: int, size: int) -> bytes:
        return self.memory[offset : offset + size].tobytes()

    def _write_memory(self, offset: int, data: memoryview) -> None:
        self.memory[offset : offset + len(data)] = np.frombuffer(data, dtype=np.uint8)

    # -- more than a board can do ------------------------------------------------------------------
    def reset(self) -> None:
        """Reset the device, whatever it is doing, and open its window again."""
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

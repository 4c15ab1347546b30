"""The device: register map, launch, status (isa.register_map, vta_isa.md 0 and 7.1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..driver.target.access_checks import check_register
from ..isa.asm.disassembler import format_instruction
from ..isa.config import Config
from ..isa.instructions import Instruction, decode
from ..isa.legality import Legality
from ..isa.opcodes import INSTRUCTION_BYTES, WINDOW_GRANULE, ErrorCode
from ..isa.register_map import (
    BASE_REGISTERS,
    COUNTERS,
    POINTER_TYPES,
    REGISTERS,
    Reg,
    Status,
    reset_values,
)
from .dram import Dram, Window
from .executor import Executor
from .model_errors import DeviceFault
from .scheduler import Scheduler
from .scratchpads import Scratchpads

__all__ = ["DEFAULT_MEMORY_BYTES", "Device"]

DEFAULT_MEMORY_BYTES = 1 << 26
_MASK = 0xFFFF_FFFF
_LOW = WINDOW_GRANULE - 1
_DECODED_LIMIT = 1 << 16  # decoded instruction words in the cache


class Device:
    """One accelerator with its memory.

    A launch runs to its end within the write to CONTROL.  CYCLES reads 0, since the functional
    model has no clock; so WATCHDOG never ends a launch, and RESET has no effect.

    Parameters
    ----------
    config : Config
    memory_base, memory_size : int
        Device memory in bytes, multiples of 4096.  As after reset, the window is closed until
        the host writes its registers or calls :meth:`open_window`.
    seed : int or None
        None for the fixed schedule, otherwise random legal schedules drawn from the seed (a new
        one for every launch, reproducible).
    strict : bool
        Record reads of never-written tiles in ``pads.reports``.

    Attributes
    ----------
    memory : Dram
    last_fault : DeviceFault or None
        The error that ended the last launch.
    """

    def __init__(
        self,
        config: Config,
        *,
        memory_base: int = 0,
        memory_size: int = DEFAULT_MEMORY_BYTES,
        seed: int | None = None,
        strict: bool = False,
    ):
        self.config = config
        self.memory = Dram(memory_base, memory_size)
        self.last_fault: DeviceFault | None = None
        self._executor = Executor(config, self.memory, strict=strict)
        self._registers: dict[Reg, int] = reset_values(config)
        self._legality = Legality(config)
        self._seed = seed
        self._launches = 0
        self._decoded: dict[bytes, Instruction] = {}

    @property
    def pads(self) -> Scratchpads:
        """The scratchpads, for inspection."""
        return self._executor.pads

    @property
    def interrupt(self) -> bool:
        """Level of the interrupt wire."""
        enabled = self._registers[Reg.INTERRUPT_ENABLE] & self._registers[Reg.INTERRUPT_STATUS]
        return bool(enabled & 1)

    @property
    def counters(self) -> dict[Reg, int]:
        """The architectural counters of the last launch, modulo 2**32; 0 those the configuration
        lacks.
        """
        return {name: self._registers[name] for name in COUNTERS}

    def open_window(self) -> None:
        """Open the memory window to the whole memory."""
        self.write_register(Reg.WINDOW_BASE, self.memory.base)
        self.write_register(Reg.WINDOW_LIMIT, self.memory.base + self.memory.size - 1)

    # -- registers -------------------------------------------------------------------------------
    def read_register(self, offset: int) -> int:
        """Return a register; unmapped offsets read 0."""
        check_register(offset)
        return self._registers[Reg(offset)] if offset in REGISTERS else 0

    def write_register(self, offset: int, value: int) -> None:
        """Write a register; read-only and unmapped ones ignore it.

        Writing CONTROL with bit 0 set launches; without it, clears the status.

        Raises
        ------
        RegisterError
            The offset is not a multiple of 4 in 16 bits, or the value not in 32 bits.
        """
        check_register(offset, value)
        if offset not in REGISTERS or REGISTERS[Reg(offset)].access in ("ro", "wo"):
            return
        name = Reg(offset)
        if name == Reg.CONTROL:
            self._registers[name] = 0
            if value & Status.LAUNCH:
                self.launch()
        elif name == Reg.INTERRUPT_STATUS:
            self._registers[name] &= ~value
        elif name == Reg.INTERRUPT_ENABLE:
            self._registers[name] = value & 1
        elif name == Reg.WINDOW_LOCK:
            self._registers[name] |= value & 1
        elif name in (Reg.WINDOW_BASE, Reg.WINDOW_LIMIT):
            if not self._registers[Reg.WINDOW_LOCK]:
                reserved = _LOW if name == Reg.WINDOW_LIMIT else 0
                self._registers[name] = value & ~_LOW | reserved
        else:
            self._registers[name] = value

    # -- launches --------------------------------------------------------------------------------
    def launch(self) -> None:
        """Run the stream that the registers describe; the status registers hold its outcome."""
        base = self._registers[Reg.INSN_BASE]
        pointers = {Reg.INSN_BASE.name: (base, INSTRUCTION_BYTES)} | self._data_pointers()
        self._run(self._fetch, self._registers[Reg.INSN_COUNT], pointers)

    def run_stream(self, instructions: Sequence[Instruction]) -> None:
        """Launch instructions given as values instead of from memory.

        Base pointers and window are those in the registers.

        Raises
        ------
        Fault
            The launch ended in error, as the status registers also report.
        """
        self._run(instructions.__getitem__, len(instructions), self._data_pointers())
        if self.last_fault is not None:
            raise self.last_fault

    def _run(
        self, fetch: Callable[[int], Instruction], count: int, pointers: dict[str, tuple[int, int]]
    ) -> None:
        registers = self._registers
        registers[Reg.ERROR_CODE] = registers[Reg.ERROR_INDEX] = registers[Reg.ERROR_ADDRESS] = 0
        self.last_fault = None
        self._executor.start(
            Window(registers[Reg.WINDOW_BASE], registers[Reg.WINDOW_LIMIT]),
            {name: registers[name] for name in BASE_REGISTERS.values()},
        )
        scheduler = Scheduler(
            fetch=fetch,
            count=count,
            check=self._check,
            execute=self._executor.execute,
            describe=lambda instruction: format_instruction(instruction, self.config),
            completed=self._executor.completed,
            seed=self._next_seed(),
        )
        status = Status.FINISH
        try:
            _check_alignment(pointers)
            if scheduler.run():
                status |= Status.TOKENS_LEFT
        except DeviceFault as fault:
            status |= Status.ERROR
            self.last_fault = fault
            registers[Reg.ERROR_CODE] = fault.code
            registers[Reg.ERROR_INDEX] = fault.index or 0
            registers[Reg.ERROR_ADDRESS] = fault.address & _MASK & -self.config.bus_bytes
        for name, value in self._executor.counters.items():
            registers[name] = value & _MASK if REGISTERS[name].exists(self.config) else 0
        registers[Reg.CONTROL] = status
        registers[Reg.INTERRUPT_STATUS] |= 1

    def _check(self, instruction: Instruction) -> None:
        """Raise the first static Fault of an instruction, if it has one."""
        fault = self._legality.fault(instruction)
        if fault:
            raise DeviceFault(*fault)

    def _next_seed(self) -> int | None:
        """Return a new seed for every launch, the same sequence in every run of the program."""
        self._launches += 1
        return None if self._seed is None else (self._seed << 32) + self._launches

    def _data_pointers(self) -> dict[str, tuple[int, int]]:
        """Return the base pointer of each memory type and its alignment in bytes."""
        return {
            name.name: (self._registers[name], self.config.alignment(kinds))
            for name, kinds in POINTER_TYPES.items()
        }

    def _fetch(self, index: int) -> Instruction:
        registers = self._registers
        window = Window(registers[Reg.WINDOW_BASE], registers[Reg.WINDOW_LIMIT])
        address = registers[Reg.INSN_BASE] + index * INSTRUCTION_BYTES
        word = self.memory.rows(window, address, INSTRUCTION_BYTES, 0, 1).tobytes()
        instruction = self._decoded.get(word)
        if instruction is None:
            instruction = decode(int.from_bytes(word, "little"), self.config)
            if len(self._decoded) >= _DECODED_LIMIT:
                self._decoded.clear()
            self._decoded[word] = instruction
        return instruction


def _check_alignment(pointers: dict[str, tuple[int, int]]) -> None:
    for name, (pointer, bytes_) in pointers.items():
        if pointer % bytes_:
            raise DeviceFault(
                ErrorCode.ALIGNMENT,
                f"{name} {pointer:#x} is not a multiple of {bytes_}",
                index=0,
            )

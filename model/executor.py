"""Execute one instruction on the memories, and count steps and bytes."""

from __future__ import annotations

from collections.abc import Mapping

from ..isa.config import Config
from ..isa.instructions import Alu, Dwc, Gemm, Instruction, Load, StepInstruction, Store
from ..isa.legality import has_steps
from ..isa.opcodes import MemoryType
from ..isa.register_map import BASE_REGISTERS, COUNTERS, Reg
from .alu import AluUnit
from .dram import Dram, Window
from .dwc import DwcUnit
from .gemm import GemmUnit
from .load_store import forward, load, store
from .scratchpads import Scratchpads

__all__ = ["BYTE_COUNTERS", "Executor"]

BYTE_COUNTERS = {
    MemoryType.UOP: Reg.UOP_BYTES,
    MemoryType.WGT: Reg.WGT_BYTES,
    MemoryType.INP: Reg.INP_BYTES,
    MemoryType.ACC: Reg.ACC_BYTES,
    MemoryType.ACC_8BIT: Reg.ACC_8BIT_BYTES,
    MemoryType.OUT: Reg.OUT_BYTES,
    MemoryType.LUT: Reg.LUT_BYTES,
    MemoryType.WGT_4BIT: Reg.WGT_4BIT_BYTES,
}


class Executor:
    """The data path: scratchpads, the units that operate on them, and the counters.

    Attributes
    ----------
    pads : Scratchpads
    counters : dict[Reg, int]
        Unbounded integers; the registers show them modulo 2**32.
    """

    def __init__(self, config: Config, dram: Dram, *, strict: bool = False):
        self.pads = Scratchpads(config, strict=strict)
        self.counters = dict.fromkeys(COUNTERS, 0)
        self._dram = dram
        self._gemm = GemmUnit(self.pads)
        self._dwc = DwcUnit(self.pads)
        self._alu = AluUnit(self.pads)
        self._window = Window(0, -1)
        self._bases: Mapping[Reg, int] = {}

    def start(self, window: Window, bases: Mapping[Reg, int]) -> None:
        """Begin a launch: counters at 0, this window, these base pointers."""
        self.counters = dict.fromkeys(COUNTERS, 0)
        self.pads.clear_reports()
        self._window = window
        self._bases = bases

    def execute(self, instruction: Instruction) -> None:
        """Execute an instruction that passed its static checks, tokens aside.

        Raises
        ------
        Fault
            STEP_INDEX, RQT_PARAMETER, WINDOW or BUS, without a position in the stream.
        """
        if isinstance(instruction, (Load, Store)):
            self._transfer(instruction)
        elif isinstance(instruction, (Gemm, Dwc, Alu)) and has_steps(instruction):
            self._compute(instruction)

    def completed(self) -> None:
        """Count an instruction that has completed."""
        self.counters[Reg.INSTRUCTIONS] += 1

    def _transfer(self, instruction: Load | Store) -> None:
        if not instruction.x_size:
            return
        if isinstance(instruction, Store) and instruction.forwards:
            forward(instruction, self.pads)
            return
        kind = MemoryType(instruction.memory_type)
        base = self._bases[BASE_REGISTERS[kind]]
        if isinstance(instruction, Load):
            moved = load(instruction, self.pads, self._dram, self._window, base)
        else:
            moved = store(instruction, self.pads, self._dram, self._window, base)
        self.counters[BYTE_COUNTERS[kind]] += moved

    def _compute(self, instruction: StepInstruction) -> None:
        if isinstance(instruction, Alu):
            steps = self._alu.execute(instruction)
            self.counters[Reg.ALU_STEPS] += steps
        elif isinstance(instruction, Dwc):
            steps = self._dwc.execute(instruction)
            if not instruction.reset:
                self.counters[Reg.DWC_STEPS] += steps
        else:
            steps = self._gemm.execute(instruction)
            if not instruction.reset:
                self.counters[Reg.GEMM_STEPS] += steps
        self.counters[Reg.ACC_WRITES] += steps

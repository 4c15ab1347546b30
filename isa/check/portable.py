"""Rules of the portable subset: streams that every implementation of VTA executes alike.

docs/vta_isa.md, section 9, with the reasons in its section 6: the functional simulator, the HLS
design, the Chisel cores and the OpenCL kernel disagree outside it.  Each rule is a row of a table;
rules 10 and 11 in part, and 7 for scratchpads, are those of the static checker itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..config import Config, named
from ..fields import layout, uop_layout
from ..instructions import Alu, Dwc, Gemm, Instruction, Load, StepInstruction, Store
from ..opcodes import AluOpcode, MemoryType, Module, Opcode
from ..token_queues import token_queue
from ..uop_buffer import Words, uop_indices
from .findings import AddFinding, FindingKind
from .footprints import DecodedWord, Space, Touched
from .token_order import Clock

__all__ = ["PortableRules"]

_UOPS = 2048  # micro-ops of the Chisel cores
_SHIFTS = range(-16, 16)  # the HLS design reads five bits of a shift
_LOADS = (MemoryType.UOP, MemoryType.WGT, MemoryType.INP, MemoryType.ACC)
_OPERATIONS = (AluOpcode.MIN, AluOpcode.MAX, AluOpcode.ADD, AluOpcode.SHR)
_PADDED = ("y_pad_0", "y_pad_1", "x_pad_0", "x_pad_1")
_PIPELINE = 2  # steps back whose destination the runtime of VTA refuses to reuse

Indices = NDArray[np.int64]


class _FieldRule(NamedTuple):
    """A rule about the fields of one instruction; ``broken`` returns "" where it holds."""

    number: int
    broken: Callable[[Instruction], str]
    fix: str


class _StepRule(NamedTuple):
    """A rule about the tiles of every step, ``dst`` and ``src`` in order."""

    number: int
    broken: Callable[[StepInstruction, Indices, Indices], str]
    fix: str


def _shift(instruction: Instruction) -> str:
    if isinstance(instruction, Alu) and instruction.alu_opcode == AluOpcode.SHR \
            and instruction.use_imm and instruction.imm not in _SHIFTS:
        return f"a shift by {instruction.imm} is outside -16 .. 15"
    return ""


def _operation(instruction: Instruction) -> str:
    if isinstance(instruction, Alu) and instruction.alu_opcode not in _OPERATIONS:
        return f"ALU operation {instruction.alu_opcode} is not MIN, MAX, ADD or SHR"
    if isinstance(instruction, Load) and instruction.memory_type not in _LOADS:
        return f"LOAD of memory type {instruction.memory_type} is not UOP, WGT, INP or ACC"
    if isinstance(instruction, Dwc):
        return "DWC is an extension"
    if isinstance(instruction, Gemm) and instruction.overwrite:
        return "overwrite is an extension"
    return ""


def _trip_counts(instruction: Instruction) -> str:
    if not isinstance(instruction, (Gemm, Dwc, Alu)):
        return ""
    if not instruction.iter_out or not instruction.iter_in:
        return "a trip count of 0 is 2^14 on the Chisel cores"
    if instruction.uop_bgn >= instruction.uop_end:
        return "an empty range of micro-ops wraps on the Chisel cores"
    return ""


def _size(instruction: Instruction) -> str:
    if not isinstance(instruction, (Load, Store)):
        return ""
    if not instruction.x_size and _pads(instruction):
        return "padding without data is written by some and not by others"
    if instruction.x_size and not instruction.y_size:
        return "a move of no rows never ends on the Chisel cores"
    return ""


def _padding(instruction: Instruction) -> str:
    if isinstance(instruction, Store) and instruction.x_size:
        if _pads(instruction):
            return "a STORE has padding"
        if instruction.memory_type != MemoryType.OUT:
            return f"a STORE of memory type {instruction.memory_type} is not one of OUT"
    if isinstance(instruction, Load) and instruction.x_size:
        if _pads(instruction) and instruction.memory_type != MemoryType.INP:
            return "only loads of INP are padded by every implementation"
        if instruction.memory_type == MemoryType.UOP and instruction.y_size != 1:
            return "micro-ops are loaded as one row by some"
    return ""


def _pads(instruction: Load | Store) -> bool:
    return any(getattr(instruction, name) for name in _PADDED)


def _micro_ops(instruction: Instruction) -> str:
    end = 0
    if isinstance(instruction, (Gemm, Dwc, Alu)):
        end = instruction.uop_end
    elif isinstance(instruction, Load) and instruction.memory_type == MemoryType.UOP:
        end = instruction.sram_base + instruction.x_size
    return f"micro-op {end - 1} is past the {_UOPS} of the Chisel cores" if end > _UOPS else ""


_FIELD_RULES = (
    _FieldRule(2, _shift, "shift in several steps"),
    _FieldRule(3, _operation, "use the operations of VTA that all cores have"),
    _FieldRule(4, _trip_counts, "leave the instruction out, or clear its work with x_size = 0"),
    _FieldRule(5, _size, "clear the padding, or move at least one row"),
    _FieldRule(6, _padding, "write zeros by a GEMM reset, or load them; one row of micro-ops"),
    _FieldRule(7, _micro_ops, f"use the first {_UOPS} micro-ops"),
)


def _same_tile(steps: StepInstruction, dst: Indices, src: Indices) -> str:
    if isinstance(steps, Alu) and steps.use_imm and (dst != src).any():
        at = int(np.argmax(dst != src))
        return (f"step {at} reads dst ACC[{dst[at]}] on some and src ACC[{src[at]}] on the Chisel "
                "cores")
    return ""


def _reused(steps: StepInstruction, dst: Indices, src: Indices) -> str:
    if not isinstance(steps, Alu):
        return ""
    for back in range(1, _PIPELINE + 1):
        again = dst[back:] == dst[:-back]
        if again.any():
            at = int(np.argmax(again)) + back
            return f"step {at} writes ACC[{dst[at]}] {back} steps after another does"
    if not steps.use_imm:
        stale = src[1:] == dst[:-1]
        if stale.any():
            at = int(np.argmax(stale)) + 1
            return f"step {at} reads ACC[{src[at]}], which the step before writes"
    return ""


_STEP_RULES = (
    _StepRule(1, _same_tile, "give src the indices and factors of dst"),
    _StepRule(8, _reused, "order the steps so that others are between, or split the instruction"),
)


class PortableRules:
    """The rules on one stream, fed in an order that its tokens allow; findings go to ``add``."""

    def __init__(self, config: Config, space: Space, add: AddFinding):
        self._config, self._space, self._add = config, space, add
        self._fresh = 0  # tiles whose OUT counterpart every implementation has written
        self._latest: dict[Module, int] = {}
        self._seen: dict[tuple[StepInstruction, bytes], list[tuple[int, str, str]]] = {}

    def configuration(self) -> None:
        """Report a configuration whose instructions have other fields than VTA's."""
        config, vta = self._config, named("base")
        same = all(layout(code, config) == layout(code, vta)
                   for code in (Opcode.LOAD, Opcode.STORE, Opcode.GEMM, Opcode.ALU))
        if config.batch == 1 and same and uop_layout(config) == uop_layout(vta) \
                and config.tile_bytes(MemoryType.WGT) == vta.tile_bytes(MemoryType.WGT):
            return
        self._report(0, 12, f"{config.name} is not VTA's published configuration",
                     "choose the configuration base")

    def fields(self, index: int, decoded: DecodedWord) -> None:
        """Check the fields of an instruction; every instruction has to be given."""
        self._latest[decoded.module] = index
        for number, broken, fix in _FIELD_RULES:
            text = broken(decoded.instruction)
            if text:
                self._report(index, number, text, fix)

    def steps(self, index: int, steps: StepInstruction, uops: Words) -> None:
        """Check the tiles of every step of an instruction, given its micro-ops."""
        key = (steps, uops.tobytes())
        if key not in self._seen:
            self._seen[key] = _broken_steps(steps, uops, self._config)
        for number, text, fix in self._seen[key]:
            self._report(index, number, text, fix)

    def touched(self, index: int, decoded: DecodedWord, touched: Touched) -> None:
        """Follow which tiles hold in OUT what they hold in ACC, and check those of a STORE."""
        if decoded.module == Module.STORE:
            stale = touched.reads & ~self._fresh
            if stale:
                self._report(
                    index, 9, f"it stores {self._space.text(stale)}, last written by a LOAD or a "
                    "GEMM reset, which OUT follows on some only",
                    "let an ALU step (a shift by 0) or a GEMM write them before")
        elif decoded.steps and not (
                isinstance(decoded.instruction, Gemm) and decoded.instruction.reset):
            self._fresh |= touched.writes
        else:
            self._fresh &= ~touched.writes

    def finish(self, index: int, clock: Clock) -> None:
        """Check that FINISH comes after the last LOAD and STORE, given what has completed then."""
        for module in (Module.LOAD, Module.STORE):
            last = self._latest.get(module, -1)
            if last > clock[module]:
                queue = token_queue(module, Module.COMPUTE)
                self._report(
                    index, 11, f"it does not wait for instruction {last} of "
                    f"{module.name.lower()}, so the host is told of the end before that",
                    f"set {queue.push} on instruction {last} and {queue.pop} here, or on an "
                    "earlier instruction of compute")

    def _report(self, index: int, number: int, text: str, fix: str) -> None:
        self._add(FindingKind.PORTABLE, index, f"rule {number}: {text}", fix)


def _broken_steps(
    steps: StepInstruction, uops: Words, config: Config
) -> list[tuple[int, str, str]]:
    outer = np.arange(steps.iter_out)[:, None, None]
    inner = np.arange(steps.iter_in)[None, :, None]

    def indices(name: str, out: int, into: int) -> Indices:
        return (uop_indices(uops, name, config) + outer * out + inner * into).ravel()

    dst = indices("dst", steps.dst_factor_out, steps.dst_factor_in)
    src = indices("src", steps.src_factor_out, steps.src_factor_in)
    return [(number, text, fix) for number, broken, fix in _STEP_RULES
            if (text := broken(steps, dst, src))]

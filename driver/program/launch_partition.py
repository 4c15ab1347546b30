"""A launch divided into its layers, each a launch that can run alone.

The layers of a launch are the annotations of its instructions.  A layer keeps its instructions, in
order, with the tokens that pass between them; tokens from and to other layers are dropped, as those
layers have ended or not begun.  Micro-ops that an earlier layer left on chip are loaded first.  The
static checker examines the result: layers that share more than that are not separated.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...isa.check.footprints import DecodedWord, Footprints, Touched
from ...isa.check.index_sets import span
from ...isa.check.memory_map import Intervals, MemoryMap, Rows
from ...isa.check.static_checker import CheckResult, StreamChecker
from ...isa.fields import layout
from ...isa.instructions import Alu, Finish, Gemm, Load, encode, words
from ...isa.legality import footprint
from ...isa.opcodes import INSTRUCTION_BYTES, Opcode
from ...isa.token_queues import TOKEN_QUEUES, TokenQueue
from .program import LaunchStep, Program
from .program_check import launch_bases

__all__ = ["LaunchLayer", "Ranges", "split", "whole"]

Ranges = tuple[tuple[int, int], ...]
"""Byte ranges ``(start, end)`` from the program's base, disjoint and ascending."""

_GAP = 4096  # bytes between loaded rows that are copied rather than spared
_TOKENS = 0x78  # the four flags of an instruction word


@dataclass(frozen=True)
class LaunchLayer:
    """A part of a launch that can run alone.

    Attributes
    ----------
    name : str
        The annotation, or the launch's name if it is not divided.
    code : bytes
        The stream, FINISH included.
    indices : tuple of int
        For each instruction its position in the launch, -1 for added ones.
    reads, writes : Ranges
        Memory it loads besides constants, and memory it stores.
    whole : str
        Why the launch was not divided, ``""`` when it was (or has one layer).
    """

    name: str
    code: bytes
    indices: tuple[int, ...]
    reads: Ranges
    writes: Ranges
    whole: str = ""

    @property
    def count(self) -> int:
        """Instructions."""
        return len(self.indices)


def split(program: Program, step: LaunchStep) -> tuple[LaunchLayer, ...]:
    """Return the layers of a launch in the order in which they begin."""
    cutter = _Cutter(program, step)
    names = list(dict.fromkeys(note for note in step.notes[:-1] if note))
    if len(names) < 2:
        return (cutter.whole(names[0] if names else step.layer, ""),)
    layers = []
    for name in names:
        indices = [n for n, note in enumerate(step.notes[: step.count - 1]) if note == name]
        layer, problem = cutter.cut(name, indices)
        if layer is None:
            return (cutter.whole(step.layer, f"{name!r} cannot run alone: {problem}"),)
        layers.append(layer)
    rest = [n for n, note in enumerate(step.notes[: step.count - 1]) if not note]
    if any(cutter.touches(n) for n in rest):
        return (cutter.whole(step.layer, "some of its instructions have no annotation"),)
    return tuple(layers)


def whole(program: Program, step: LaunchStep) -> LaunchLayer:
    """Return a launch as one layer, its stream unchanged."""
    return _Cutter(program, step).whole(step.layer, "")


class _Cutter:
    """One launch, decoded, and the tokens between its instructions."""

    def __init__(self, program: Program, step: LaunchStep):
        self._program, self._step, config = program, step, program.config
        self._words = words(program.code(step), INSTRUCTION_BYTES, "instruction stream")
        footprints = Footprints(config)
        self._decoded: list[DecodedWord] = [footprints.decode(word) for word in self._words]
        self._checker = StreamChecker(config)
        fields = layout(Opcode.FINISH, config)
        self._bit = {name: fields[name].put(1) for name in fields if name != "opcode"}
        self._finish = encode(Finish(), config)
        self._constants = Intervals((segment.offset, segment.offset + len(segment.data))
                                    for segment in program.segments)
        self._touched: set[int] = set()
        order = self._check(program.code(step)).order
        self._partners: list[tuple[TokenQueue, int, int]] = [  # queue, who pushes, who pops
            (queue, pusher, popper)
            for queue, pushers, poppers in zip(
                TOKEN_QUEUES, order.pushed, order.popped, strict=True)
            for pusher, popper in zip(pushers, poppers, strict=False)
        ]

    def whole(self, name: str, why: str) -> LaunchLayer:
        """Return the launch as one layer."""
        return self._layer(name, self._words, range(len(self._words)), why)[0]

    def cut(self, name: str, indices: Sequence[int]) -> tuple[LaunchLayer | None, str]:
        """Return a layer of some instructions, or None and the reason why it cannot run alone."""
        mine = set(indices)
        stream = {n: self._words[n] & ~_TOKENS for n in indices}
        for queue, pusher, popper in self._partners:
            if pusher in mine and popper in mine:
                stream[pusher] |= self._bit[queue.push]
                stream[popper] |= self._bit[queue.pop]
        kept = [n for n in indices if stream[n] & _TOKENS or self._moves(n)]
        before = self._missing_micro_ops(kept)
        code = [self._words[n] & ~_TOKENS for n in before] + [stream[n] for n in kept]
        layer, check = self._layer(name, [*code, self._finish], [*before, *kept, -1], "")
        return (layer, "") if not check.errors else (None, str(check.errors[0]))

    def touches(self, index: int) -> bool:
        """Return whether an instruction of the launch does anything but pass on tokens."""
        return self._moves(index) and not self._decoded[index].loads_uops

    def _moves(self, index: int) -> bool:
        decoded = self._decoded[index]
        return bool(decoded.steps or decoded.kind is not None)

    def _missing_micro_ops(self, indices: Sequence[int]) -> list[int]:
        """Return the earlier LOADs of micro-ops that the instructions use and do not load."""
        loaded = missing = 0
        for n in indices:
            if self._decoded[n].loads_uops:
                loaded |= self._slots(n)
            elif self._decoded[n].steps:
                missing |= self._slots(n) & ~loaded
        loads = []
        for n in range(min(indices, default=0) - 1, -1, -1):
            if not missing:
                break
            if self._decoded[n].loads_uops and self._slots(n) & missing:
                missing &= ~self._slots(n)
                loads.append(n)
        return loads[::-1]

    def _slots(self, index: int) -> int:
        instruction = self._decoded[index].instruction
        if isinstance(instruction, Load):
            return span(instruction.sram_base, footprint(instruction))
        assert isinstance(instruction, (Gemm, Alu))
        return span(instruction.uop_bgn, instruction.uop_end - instruction.uop_bgn)

    def _check(self, code: bytes, rows: list[tuple[bool, Rows]] | None = None) -> CheckResult:
        def observe(index: int, touched: Touched, accessed: Rows | None) -> None:
            if rows is not None and accessed is not None:
                stores = stream[index] & 7 == Opcode.STORE
                rows.append((stores, accessed))

        stream = words(code, INSTRUCTION_BYTES, "instruction stream")
        contents = tuple(
            (segment.offset, segment.data, segment.name) for segment in self._program.segments
        )
        return self._checker.check(
            code, bases=launch_bases(self._step), observe=observe,
            memory=MemoryMap(window=(0, self._program.size), contents=contents),
        )

    def _layer(
        self, name: str, stream: Sequence[int], indices: Iterable[int], why: str
    ) -> tuple[LaunchLayer, CheckResult]:
        code = b"".join(word.to_bytes(INSTRUCTION_BYTES, "little") for word in stream)
        rows: list[tuple[bool, Rows]] = []
        check = self._check(code, rows)
        reads = [area for stores, area in rows
                 if not stores and not self._constants.holds(area.start, area.end)]
        return LaunchLayer(
            name, code, tuple(indices), _ranges(reads, _GAP),
            _ranges([area for stores, area in rows if stores], 0), why,
        ), check


def _ranges(rows: Iterable[Rows], gap: int) -> Ranges:
    """Return the bytes of rows as ranges; those nearer than ``gap`` bytes are merged."""
    parts: set[tuple[int, int]] = set()
    for area in rows:
        if area.solid or area.pitch - area.size <= gap:
            parts.add((area.start, area.end))
            continue
        parts.update(
            (area.start + n * area.pitch, area.start + n * area.pitch + area.size)
            for n in range(area.count)
        )
    merged = Intervals((start, end + gap) for start, end in parts)
    return tuple(
        (start, end - gap) for start, end in zip(merged.starts, merged.ends, strict=True)
    )

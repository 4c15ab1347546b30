"""The static checker: defects of an instruction stream, found before it is launched.

It is sound for the properties it checks: a stream without errors has the same effect on memory for
every relative speed of the engines, and ends in no error but RQT_PARAMETER (values) and BUS.
Every set of tiles and bytes is exact, so accesses that tokens order are not reported.  See
docs/check.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..asm.disassembler import format_instruction
from ..config import Config
from ..instructions import decode, words
from ..opcodes import INSTRUCTION_BYTES, ErrorCode, MemoryType, Opcode
from ..register_map import BASE_REGISTERS, POINTER_TYPES
from .findings import Finding, FindingKind
from .footprints import DecodedWord, Footprints
from .memory_map import MemoryMap
from .stream_walk import Observe, OnChipState, StreamWalk
from .token_order import TokenOrder

__all__ = ["CheckResult", "OnChipState", "MemoryMap", "StreamChecker"]

_BOUNDS = (ErrorCode.SRAM_RANGE, ErrorCode.UOP_RANGE)
LIMIT = 100
"""Maximum number of findings for one stream."""


@dataclass(frozen=True)
class CheckResult:
    """Findings in stream order.

    ``chip`` is the state of the scratchpads after a stream without errors, ``order`` the tokens
    that each instruction pushed and popped.
    """

    findings: tuple[Finding, ...]
    chip: OnChipState = field(compare=False)
    order: TokenOrder = field(compare=False, repr=False)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that refuse a launch."""
        return tuple(finding for finding in self.findings if not finding.warning)


class StreamChecker:
    """Checks streams of one configuration; decoded words are cached."""

    def __init__(self, config: Config):
        self.config = config
        self._footprints = Footprints(config)

    def check(
        self, code: bytes, *, address: int | None = None,
        bases: Mapping[MemoryType, int] | None = None, memory: MemoryMap | None = None,
        chip: OnChipState | None = None, observe: Observe | None = None, portable: bool = False,
    ) -> CheckResult:
        """Check one launch.

        Parameters
        ----------
        code : bytes
            The stream, 16 bytes per instruction.
        address : int, optional
            Address of the stream: no store may overwrite it, and it must be inside the window.
        bases : mapping, optional
            Base pointers in bytes; missing ones are 0, ACC_8BIT and LUT have ACC's, WGT_4BIT has
            WGT's.
        memory : MemoryMap, optional
            Contents of memory; default: anything, everywhere, and no micro-ops.
        chip : OnChipState, optional
            State of the scratchpads after earlier launches; default: nothing is known.
        observe : callable, optional
            See :data:`~myvta.isa.check.stream_walk.Observe`; called in an order that tokens allow.
        portable : bool
            Also report what is outside the subset that every implementation of VTA executes alike
            (:mod:`~myvta.isa.check.portable`).

        Raises
        ------
        StreamError
            The stream is not a multiple of 16 bytes.
        """
        memory, chip = memory or MemoryMap(), chip or OnChipState()
        pointers = {
            kind: (bases or {}).get(POINTER_TYPES[BASE_REGISTERS[kind]][0], 0)
            for kind in MemoryType
        }
        stream = words(code, INSTRUCTION_BYTES, "instruction stream")
        finish = next((n for n, word in enumerate(stream) if word & 7 == Opcode.FINISH), -1)
        executed = stream[: finish + 1] if finish >= 0 else stream
        decoded = [self._footprints.decode(word) for word in executed]
        report = _Report(self.config, stream)
        self._pointers(pointers, report)
        self._static(decoded, report)
        if finish < 0:
            self._no_finish(stream, report)
        walk = StreamWalk(
            self._footprints, executed, decoded, finish, pointers, memory, report.add, observe
        )
        walk.place(address)
        if portable:
            walk.judge_portability()
        chip = walk.run(chip)
        if finish >= 0 and finish + 1 < len(stream):
            report.add(
                FindingKind.UNREACHABLE, finish + 1,
                f"{len(stream) - finish - 1} instructions follow FINISH",
                "put FINISH last, or remove them",
            )
        return CheckResult(report.findings(), chip, walk.order)

    def _pointers(self, pointers: Mapping[MemoryType, int], report: _Report) -> None:
        for register, kinds in POINTER_TYPES.items():
            pointer, size = pointers[kinds[0]], self.config.alignment(kinds)
            if pointer % size:
                report.add(
                    FindingKind.ALIGNMENT, 0,
                    f"{register.name} {pointer:#x} is not a multiple of {size}",
                    f"align it to the {size} bytes of an element",
                )

    def _static(self, decoded: list[DecodedWord], report: _Report) -> None:
        for index, word in enumerate(decoded):
            if word.fault is not None:
                code, text = word.fault
                kind = FindingKind.BOUNDS if code in _BOUNDS else FindingKind.ILLEGAL
                report.add(kind, index, f"{text} ({code.name})", _FIXES[code])

    def _no_finish(self, stream: list[int], report: _Report) -> None:
        report.add(
            FindingKind.FINISH, len(stream) - 1 if stream else 0, "the stream has no FINISH",
            "end it with finish",
        )


_FIXES = {
    ErrorCode.OPCODE: "use one of the defined opcodes",
    ErrorCode.MEMORY_TYPE: "load anything but out; store out, or with forward inp or wgt",
    ErrorCode.ALU_OPCODE: "use one of the defined operations",
    ErrorCode.DEPENDENCY: "clear the flag; load has a next module only, store a previous one",
    ErrorCode.EXTENSION: "choose a configuration that has it, or avoid it",
    ErrorCode.OPERAND: "correct the immediate, the window or the padding",
    ErrorCode.SRAM_RANGE: "move fewer tiles, or start at a lower index",
    ErrorCode.UOP_RANGE: "end at the depth of the micro-op buffer",
}


class _Report:
    """Collects findings of a stream, at most :data:`LIMIT`."""

    def __init__(self, config: Config, stream: list[int]):
        self._config, self._stream = config, stream
        self._findings: dict[tuple[FindingKind, int, int | None, str], Finding] = {}

    def add(
        self, kind: FindingKind, index: int, text: str, fix: str, other: int | None = None
    ) -> bool:
        """Record a finding; False when there is no room for more."""
        key = (kind, index, other, text if kind is FindingKind.PORTABLE else "")
        if key not in self._findings and len(self._findings) < LIMIT:
            listing = ""
            if index < len(self._stream):
                listing = format_instruction(
                    decode(self._stream[index], self._config), self._config
                )
            self._findings[key] = Finding(kind, index, listing, text, fix, other)
        return len(self._findings) < LIMIT

    def findings(self) -> tuple[Finding, ...]:
        """Return the findings in stream order."""
        return tuple(sorted(
            self._findings.values(), key=lambda finding: (finding.index, finding.other or 0)
        ))

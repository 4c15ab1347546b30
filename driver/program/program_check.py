"""The static checker before launches: the memory that a program or a stream works on.

Verdicts are kept: of a Program with it, of a runtime's streams in its :class:`LaunchChecker`, so a
launch that is repeated is not checked again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ...isa.check.findings import Finding
from ...isa.check.memory_map import MemoryMap, MemoryRegion
from ...isa.check.static_checker import CheckResult, StreamChecker
from ...isa.check.stream_walk import OnChipState
from ...isa.config import Config
from ...isa.opcodes import MemoryType
from ..errors import CheckError
from ..stream.instruction_stream import InstructionStream
from .program import LaunchStep, Program

__all__ = [
    "LaunchCheck", "LaunchChecker", "check_program", "launch_bases", "memory_map",
    "require_program",
]

_KEPT = 64  # verdicts of a runtime
_ATTRIBUTE = "_launch_checks"


@dataclass(frozen=True)
class LaunchCheck:
    """The checker's findings in one launch of a program; ``step`` counts all steps from 0."""

    step: int
    layer: str
    notes: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings for which a launch is refused."""
        return tuple(finding for finding in self.findings if not finding.warning)


def launch_bases(step: LaunchStep, base: int = 0) -> dict[MemoryType, int]:
    """Return the base pointers of a launch of a program at address ``base``."""
    return dict.fromkeys(MemoryType, base) | {MemoryType.UOP: base + step.uops}


def check_program(program: Program, *, portable: bool = False) -> tuple[LaunchCheck, ...]:
    """Check every launch of a program, once: a second call returns the same verdicts.

    A launch may read constants, its declared inputs and what it has stored itself; micro-ops and
    tiles that it uses it must load itself, so that it can run alone.  It may not store over
    constants, over its inputs outside its own outputs, or over inputs of later steps.

    ``portable``: also report what implementations of VTA execute differently.
    """
    kept: dict[bool, tuple[LaunchCheck, ...]] = vars(program).setdefault(_ATTRIBUTE, {})
    checks = kept.get(portable)
    if checks is None:
        checker = StreamChecker(program.config)
        checks = tuple(
            LaunchCheck(number, step.layer, step.notes, checker.check(
                program.code(step), address=step.code, bases=launch_bases(step),
                memory=memory_map(program, step, needed), portable=portable,
            ).findings)
            for number, step, needed in _launches(program)
        )
        kept[portable] = checks
    return checks


def require_program(program: Program) -> None:
    """Check a program; CheckError when a launch of it is refused."""
    for verdict in check_program(program):
        if verdict.errors:
            raise CheckError(
                f"program {program.name!r}, {verdict.layer!r}", verdict.findings, verdict.notes
            )


def memory_map(program: Program, step: LaunchStep, needed: set[str]) -> MemoryMap:
    """Return memory as a launch of a program at base 0 finds it.

    ``needed``: tensors that later steps, or the caller, read and this launch does not produce.
    """
    inputs = [_region(program, name) for name in step.inputs]
    outputs = [_region(program, name) for name in step.outputs]
    kept = [_region(program, name) for name in sorted(needed)
            if program.tensor(name).offset is not None]
    for region in inputs:
        kept += _without(region, outputs)
    return MemoryMap(
        window=(0, program.size),
        contents=tuple((part.offset, part.data, part.name) for part in program.segments),
        inputs=tuple(inputs), kept=tuple(kept),
    )


def _launches(program: Program) -> Iterator[tuple[int, LaunchStep, set[str]]]:
    """Yield every launch with its number and the tensors needed later that it does not produce."""
    needed = set(program.outputs)
    backwards = []
    for number, step in reversed(list(enumerate(program.steps))):
        needed = needed - set(step.outputs)
        if isinstance(step, LaunchStep):
            backwards.append((number, step, needed))
        needed = needed | set(step.inputs)
    yield from reversed(backwards)


def _region(program: Program, name: str) -> MemoryRegion:
    tensor = program.tensor(name)
    start = tensor.offset or 0
    return MemoryRegion(start, start + tensor.nbytes(program.config), f"tensor {name!r}")


def _without(region: MemoryRegion, holes: list[MemoryRegion]) -> list[MemoryRegion]:
    """Return a region minus other regions."""
    parts, start = [], region.start
    for hole in sorted(holes, key=lambda region: region.start):
        if hole.end <= start or hole.start >= region.end:
            continue
        if start < hole.start:
            parts.append(MemoryRegion(start, hole.start, region.name))
        start = hole.end
    if start < region.end:
        parts.append(MemoryRegion(start, region.end, region.name))
    return parts


class LaunchChecker:
    """Checks streams before they are launched; the latest verdicts are remembered."""

    def __init__(self, config: Config):
        self._checker = StreamChecker(config)
        self._verdicts: OrderedDict[tuple[object, ...], CheckResult] = OrderedDict()

    def require(
        self, stream: InstructionStream, address: int, bases: Mapping[MemoryType, int],
        window: tuple[int, int], chip: OnChipState,
    ) -> CheckResult:
        """Return the verdict on a stream at an address; CheckError when it is refused.

        ``chip`` is the state that earlier launches left; any byte of memory may hold data.
        """
        key = (stream.code, stream.uops, address, tuple(sorted(bases.items())), chip)
        verdict = self._verdicts.get(key)
        if verdict is None:
            contents = ((bases[MemoryType.UOP], stream.uops, "the micro-ops"),)
            verdict = self._checker.check(
                stream.code, address=address, bases=bases, chip=chip,
                memory=MemoryMap(window=window, contents=contents if stream.uops else ()),
            )
            self._verdicts[key] = verdict
            if len(self._verdicts) > _KEPT:
                self._verdicts.popitem(last=False)
        if verdict.errors:
            raise CheckError("stream", verdict.findings, stream.notes)
        return verdict

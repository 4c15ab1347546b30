"""The result of a validation, as values, JSON and JUnit XML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from xml.etree import ElementTree

__all__ = ["Instruction", "LayerResult", "Mismatch", "ValidationReport"]


@dataclass(frozen=True)
class Instruction:
    """An instruction of a launch: its position there and its text."""

    index: int
    text: str


@dataclass(frozen=True)
class Mismatch:
    """The first wrong byte of a layer, and its origin.

    Attributes
    ----------
    tensor : str
        ``""`` for memory outside the tensors.
    index : tuple of int or None
        Of the wrong element; None for a byte of padding, or of no tensor.
    expected, got : int
        The element's values, or the byte's.
    address : int
        Byte from the program's base.
    count : int
        Wrong bytes in all.
    store, compute : Instruction or None
        The STORE that wrote the byte last, and the last instruction that wrote the tile it took.
    cycle : int or None
        Device cycles from launch to the end of that STORE; None where the target counts no cycles.
    wave : str
        Waves around that cycle: a file, or the options that record them; ``""`` without simulator.
    """

    tensor: str
    index: tuple[int, ...] | None
    expected: int
    got: int
    address: int
    count: int
    store: Instruction | None = None
    compute: Instruction | None = None
    cycle: int | None = None
    wave: str = ""

    def __str__(self) -> str:
        at = "" if self.index is None else f"[{', '.join(map(str, self.index))}]"
        lines = [
            f"{self.tensor or 'memory'}{at}: expected {self.expected}, got {self.got} "
            f"(byte {self.address:#x}; {self.count} bytes differ)"
        ]
        for what, instruction in (("stored", self.store), ("computed", self.compute)):
            if instruction is not None:
                lines.append(f"{what} by instruction {instruction.index}: {instruction.text}")
        if self.cycle is not None:
            lines.append(f"in memory at cycle {self.cycle}")
        if self.wave:
            lines.append(f"waves: {self.wave}")
        return "\n".join(lines)


@dataclass(frozen=True)
class LayerResult:
    """One layer, alone, or one step of the chained run.

    ``error`` is the reason why it was not compared; without error and mismatch it agreed.
    """

    mode: str  # "alone" or "chained"
    layer: str
    cycles: int = 0
    seconds: float = 0.0
    bytes: int = 0  # compared
    mismatch: Mismatch | None = None
    error: str = ""
    remark: str = ""

    @property
    def passed(self) -> bool:
        """Whether every bit agreed."""
        return self.mismatch is None and not self.error

    @property
    def text(self) -> str:
        """The error or mismatch as text, ``""`` when it passed."""
        return self.error or str(self.mismatch or "")


@dataclass(frozen=True)
class ValidationReport:
    """A whole validation."""

    program: str
    config: str
    target: str
    results: tuple[LayerResult, ...] = field(default=())

    @property
    def passed(self) -> bool:
        """Whether every layer agreed, and there was one."""
        return bool(self.results) and all(result.passed for result in self.results)

    def to_json(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        return {
            "program": self.program, "config": self.config, "target": self.target,
            "passed": self.passed,
            "results": [{**asdict(result), "passed": result.passed} for result in self.results],
        }

    def to_junit(self) -> str:
        """Return JUnit XML: a test suite for each mode, a test case for each layer."""
        root = ElementTree.Element("testsuites", name=f"myvta validate {self.program}")
        for mode in dict.fromkeys(result.mode for result in self.results):
            self._suite(root, mode, [result for result in self.results if result.mode == mode])
        ElementTree.indent(root)
        return ElementTree.tostring(root, "unicode", xml_declaration=True) + "\n"

    def _suite(self, root: ElementTree.Element, mode: str, results: Sequence[LayerResult]) -> None:
        suite = ElementTree.SubElement(
            root, "testsuite", name=mode, hostname=_printable(self.target),
            tests=str(len(results)), errors=str(sum(bool(result.error) for result in results)),
            failures=str(sum(result.mismatch is not None for result in results)),
            time=f"{sum(result.seconds for result in results):.3f}",
        )
        for result in results:
            case = ElementTree.SubElement(
                suite, "testcase", classname=f"{_printable(self.program)}.{mode}",
                name=_printable(result.layer), time=f"{result.seconds:.3f}",
            )
            if not result.passed:
                kind = "error" if result.error else "failure"
                first, _, rest = _printable(result.text).partition("\n")
                ElementTree.SubElement(case, kind, message=first).text = rest


def _printable(text: str) -> str:
    """Return text without the characters that XML has no place for."""
    return "".join(c if c in "\n\t" or c >= " " and not 0xD800 <= ord(c) < 0xE000
                   and ord(c) not in (0xFFFE, 0xFFFF) else "?" for c in text)

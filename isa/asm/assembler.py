"""Text to binary: programs in the readable form (docs/assembly.md).

All problems of a text are reported at once, each with file, line, field, value and range.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field as dataclass_field
from pathlib import Path

from ..config import NAMED, Config, ConfigError, load_config
from ..fields import uop_layout
from ..instructions import Uop, encode_uop
from ..opcodes import INSTRUCTION_BYTES, UOP_BYTES
from .operand_text import FORMATS, MEMORY_TYPES, DramBuffer
from .statement import Problems, Scope, number, statement_word

__all__ = ["AssemblyError", "AssembledProgram", "assemble", "assemble_file"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*\Z")
_DIRECTIVES = (".config", ".buffer", ".uops", ".word")
_ADDRESSES = 1 << 32  # dram_base is 32 bits wide


class AssemblyError(ValueError):
    """A text that is not a program; ``problems`` lists every reason as (line, text)."""

    def __init__(self, source: str, problems: list[tuple[int, str]]):
        self.source = source
        self.problems = sorted(problems, key=lambda problem: problem[0])
        super().__init__("\n".join(f"{source}:{line}: {text}" for line, text in self.problems))


@dataclass(frozen=True)
class AssembledProgram:
    """An assembled text.

    Attributes
    ----------
    config
        Configuration it was assembled for.
    stream
        Instructions as the device fetches them, 16 bytes each.
    uops
        Micro-op image in memory order, 4 bytes each.
    buffers
        Names the text gave to memory.
    lines
        Source line of each instruction.
    """

    config: Config
    stream: bytes
    uops: bytes
    buffers: tuple[DramBuffer, ...]
    lines: tuple[int, ...]


def assemble(
    text: str, config: Config | None = None, *, source: str = "<text>"
) -> AssembledProgram:
    """Assemble a text.

    Parameters
    ----------
    text
        The program.
    config
        Configuration for a text without ``.config``; a ``.config`` must name the same one.
    source
        File name for messages; a ``.config`` path is relative to its folder.

    Raises
    ------
    AssemblyError
        Lists all problems, each with file and line.
    """
    lines = [
        (row, line.split(";", 1)[0].strip())
        for row, line in enumerate(text.splitlines(), start=1)
    ]
    problems: Problems = []
    chosen = _find_config(lines, config, source, problems)
    if chosen is None:
        raise AssemblyError(source, problems)
    reader = _Reader(chosen, problems)
    reader.read(lines)
    if problems:
        raise AssemblyError(source, problems)
    return AssembledProgram(
        config=chosen,
        stream=b"".join(word.to_bytes(INSTRUCTION_BYTES, "little") for word in reader.stream),
        uops=b"".join(word.to_bytes(UOP_BYTES, "little") for word in reader.uops),
        buffers=tuple(reader.scope.buffers.values()),
        lines=tuple(reader.rows),
    )


def assemble_file(path: str | Path, config: Config | None = None) -> AssembledProgram:
    """Assemble a file.

    Raises
    ------
    AssemblyError
        Lists all problems, each with file and line.
    OSError
        The file cannot be read.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        reason = f"not a text: byte {error.start} is not UTF-8 (a binary is read by `myvta dis`)"
        raise AssemblyError(str(path), [(1, reason)]) from None
    return assemble(text, config, source=str(path))


def _find_config(
    lines: list[tuple[int, str]], config: Config | None, source: str, problems: Problems
) -> Config | None:
    """Return the configuration of ``.config``, which must not occur twice."""
    chosen = None
    for row, line in lines:
        words = line.split(None, 1)
        if not words or words[0] != ".config":
            continue
        if len(words) < 2:
            problems.append((row, ".config needs the name of a configuration or its file"))
        elif chosen is not None:
            problems.append((row, "duplicate .config; a text is for one configuration"))
        else:
            chosen = _load_config(words[1], source, row, problems)
            if chosen and config and chosen.canonical != config.canonical:
                problems.append((
                    row,
                    f"the text is for configuration {chosen.name}, but {config.name} was requested",
                ))
    if chosen is None and config is None and not problems:
        problems.append((1, "no configuration: add `.config NAME` or name one with the text"))
    return chosen or config


def _load_config(name: str, source: str, row: int, problems: Problems) -> Config | None:
    try:
        return load_config(name if name in NAMED else Path(source).parent / name)
    except ConfigError as error:
        problems += [(row, f".config: {problem}") for problem in error.problems]
        return None


@dataclass
class _Reader:
    """Reads line by line; names must be defined before they are used."""

    config: Config
    problems: Problems
    scope: Scope = dataclass_field(default_factory=Scope)
    stream: list[int] = dataclass_field(default_factory=list)
    rows: list[int] = dataclass_field(default_factory=list)
    uops: list[int] = dataclass_field(default_factory=list)
    section: str | None = None  # name of the open .uops section ("" without one)

    def read(self, lines: list[tuple[int, str]]) -> None:
        for row, line in lines:
            if not line:
                continue
            problems = self._statement(line)
            self.problems += [(row, text) for text in problems]
            if len(self.rows) < len(self.stream):
                self.rows.append(row)

    def _statement(self, line: str) -> list[str]:
        words = line.split()
        if words[0][0].isdigit():
            return self._uop(line)
        self._close_section()
        if words[0] in FORMATS:
            word, problems = statement_word(words, self.config, self.scope)
            self.stream.append(word)
            return problems
        if words[0] == ".word":
            return self._word(words[1:])
        if words[0] == ".buffer":
            return self._buffer(words[1:])
        if words[0] == ".uops":
            return self._open_section(words[1:])
        if words[0] == ".config":
            return []
        known = ", ".join((*FORMATS, *_DIRECTIVES))
        return [f"unknown word {words[0]!r}; a line starts with one of {known}"]

    def _word(self, words: list[str]) -> list[str]:
        value = number(words[0]) if len(words) == 1 else None
        self.stream.append(value or 0)
        if value is None or not 0 <= value < 1 << 8 * INSTRUCTION_BYTES:
            return [f".word needs one number of 128 bits, not {' '.join(words)!r}"]
        return []

    def _buffer(self, words: list[str]) -> list[str]:
        if len(words) not in (3, 4):
            return [".buffer needs a name, a memory type, an element address and an optional count"]
        name, kind, address, count = words[0], words[1], number(words[2]), None
        problems = []
        if not _NAME.match(name):
            problems.append(f"buffer name {name!r} must be letters, digits, _ and . after a letter")
        if name in self.scope.buffers:
            problems.append(f"duplicate buffer {name!r}")
        if kind not in MEMORY_TYPES:
            problems.append(f"unknown memory type {kind!r}; known: {', '.join(MEMORY_TYPES)}")
        if address is None or not 0 <= address < _ADDRESSES:
            problems.append(f"buffer address must be 0..{_ADDRESSES - 1}, not {words[2]}")
        if len(words) == 4:
            count = number(words[3])
            if count is None or not 0 < count <= _ADDRESSES:
                problems.append(f"buffer count must be 1..{_ADDRESSES}, not {words[3]}")
        if not problems and address is not None:
            self.scope.buffers[name] = DramBuffer(name, MEMORY_TYPES[kind], address, count)
        return problems

    def _open_section(self, words: list[str]) -> list[str]:
        self.section = ""
        if not words:
            return []
        if len(words) > 1 or not _NAME.match(words[0]):
            return [f".uops takes one name of letters, digits, _ and ., not {' '.join(words)!r}"]
        if words[0] in self.scope.uops:
            return [f"duplicate .uops section {words[0]!r}"]
        self.section = words[0]
        self.scope.uops[self.section] = (len(self.uops), len(self.uops))
        return []

    def _close_section(self) -> None:
        if self.section:
            self.scope.uops[self.section] = (self.scope.uops[self.section][0], len(self.uops))
        self.section = None

    def _uop(self, line: str) -> list[str]:
        if self.section is None:
            return [f"a line of numbers is a micro-op and belongs under .uops: {line!r}"]
        values = [number(part.strip()) for part in line.split(",")]
        self.uops.append(0)
        if None in values or len(values) not in (1, 3):
            return [f"a micro-op is dst,src,wgt or one raw word, not {line!r}"]
        numbers = [value for value in values if value is not None]
        if len(numbers) == 1:
            if not 0 <= numbers[0] < 1 << 8 * UOP_BYTES:
                return [f"a raw micro-op is one number of 32 bits, not {line}"]
            self.uops[-1] = numbers[0]
            return []
        problems = [
            f"micro-op {field.name} must be {field.minimum}..{field.maximum}, not {value}"
            for field, value in zip(uop_layout(self.config).values(), numbers, strict=True)
            if not field.minimum <= value <= field.maximum
        ]
        if not problems:
            self.uops[-1] = encode_uop(Uop(*numbers), self.config)
        return problems

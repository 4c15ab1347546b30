"""One instruction line: from its words to a 128-bit word, with every problem of the line."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field as dataclass_field

from ..alu_operations import RQT_TABLE
from ..config import Config
from ..fields import WITH_OVERWRITE, BitField, layout
from ..geometry import MEMORY_TYPE_EXTENSIONS
from ..instructions import FORWARD_TYPES
from ..opcodes import LUT_TABLES, AluOpcode, MemoryType, Opcode, RqtFlag
from ..token_queues import TOKEN_FLAGS
from .operand_text import (
    ALU_OPCODES,
    FORMATS,
    MEMORY_TYPES,
    REDUCTIONS,
    RQT_FLAGS,
    DramBuffer,
    OperandSyntax,
    StatementSyntax,
)

__all__ = ["Problems", "Scope", "number", "statement_word"]

Problems = list[tuple[int, str]]

_SUBJECTS: dict[str, dict[str, int]] = {
    "memory_type": {**MEMORY_TYPES}, "alu_opcode": {**ALU_OPCODES},
}
_OPTIONS = {
    "zero_point": BitField("zero_point", 0, 8, signed=True),
    "table": BitField("table", RQT_TABLE, (LUT_TABLES - 1).bit_length()),
}
"""Parts of RQT's immediate."""
_WINDOW_SHAPE = ("window_rows", "window_columns")


@dataclass
class Scope:
    """Names a line may use: buffers, and ranges of named ``.uops`` sections."""

    buffers: dict[str, DramBuffer] = dataclass_field(default_factory=dict)
    uops: dict[str, tuple[int, int]] = dataclass_field(default_factory=dict)


def number(text: str) -> int | None:
    """Parse a decimal, 0x, 0o or 0b number; None for other text."""
    try:
        return int(text, 0)
    except ValueError:
        return None


def statement_word(words: list[str], config: Config, scope: Scope) -> tuple[int, list[str]]:
    """Return the instruction word of a line split at blanks, and its problems."""
    return _Line(words[0], FORMATS[words[0]], config, scope).read(words[1:])


class _Line:
    """An instruction line being parsed."""

    def __init__(self, mnemonic: str, form: StatementSyntax, config: Config, scope: Scope):
        self.mnemonic, self.form, self.config, self.scope = mnemonic, form, config, scope
        self.opcode: Opcode = form.cls.opcode
        self.layout = layout(self.opcode, config)
        self.values: dict[str, int] = {}
        self.flags: list[str] = []
        self.names: set[str] = set()  # operands present in the line
        self.problems: list[str] = []

    def read(self, words: list[str]) -> tuple[int, list[str]]:
        if self.form.subject:
            words = self._subject(words)
        operands = [word.partition("=") for word in words]
        for name, times in Counter(name for name, _, _ in operands).items():
            if times > 1:
                self._problem(f"{name} occurs {times} times")
        for name, equals, value in operands:
            if equals:
                self._operand(name, value)
            else:
                self._flag(name)
        self.names = {name for name, equals, _ in operands if equals}
        for operand in self.form.operands:
            if operand.required and operand.name not in self.names:
                self._problem(f"needs {operand.name}={operand.shape}")
        self._complete()
        return (0 if self.problems else self._word()), self.problems

    def _problem(self, text: str) -> None:
        self.problems.append(f"{self.mnemonic}: {text}")

    def _subject(self, words: list[str]) -> list[str]:
        table = _SUBJECTS[self.form.subject]
        subject = self.form.subject.replace("_", " ").replace("alu", "ALU")
        if not words or "=" in words[0]:
            self._problem(f"needs its {subject} first: one of {', '.join(table)}")
            return words
        if words[0] in table:
            self.values[self.form.subject] = table[words[0]]
            if words[0] in REDUCTIONS:
                self.values["imm"] = REDUCTIONS[words[0]]
        else:
            self._problem(f"unknown {subject} {words[0]!r}; known: {', '.join(table)}")
        return words[1:]

    def _flag(self, name: str) -> None:
        operand = self.form.operand(name)
        if name in TOKEN_FLAGS or name in self.form.flags:
            self.flags.append(name)
        elif operand:
            self._problem(f"{name} needs a value: {name}={operand.shape}")
        else:
            flags = ", ".join((*self.form.flags, *TOKEN_FLAGS))
            self._problem(f"unknown flag {name!r}; known: {flags}")

    def _operand(self, name: str, text: str) -> None:
        operand = self.form.operand(name)
        if operand is None:
            known = ", ".join(operand.name for operand in self.form.operands) or "none"
            self._problem(f"unknown operand {name!r}; known: {known}")
            return
        values = self._named(operand, text) or self._numbers(operand, text)
        for field_name, value in zip(operand.fields, values, strict=False):
            self.values[field_name] = value
            if name == "window":
                continue
            field = _OPTIONS.get(field_name) or self.layout[field_name]
            if not field.minimum <= value <= field.maximum:
                label = field_name if field_name == name else f"{name} ({field_name})"
                self._problem(f"{label} must be {field.minimum}..{field.maximum}, not {value}")

    def _numbers(self, operand: OperandSyntax, text: str) -> list[int]:
        parts = text.split(operand.separator) if operand.separator else [text]
        values = [value for value in map(number, parts) if value is not None]
        if len(values) != len(parts) or len(values) != len(operand.fields):
            shape = operand.shape if len(operand.fields) > 1 else "a number"
            if operand.name == "uops":
                shape += " or the name of a .uops section above this line"
            self._problem(f"{operand.name} must be {shape}, not {text!r}")
            return []
        return values

    def _named(self, operand: OperandSyntax, text: str) -> list[int]:
        """Return the values of a named range of micro-ops or of an address in a buffer."""
        if operand.name == "uops" and text in self.scope.uops:
            return list(self.scope.uops[text])
        if operand.name != "dram" or not text.startswith("@"):
            return []
        name, plus, rest = text[1:].partition("+")
        buffer, offset = self.scope.buffers.get(name), number(rest) if plus else 0
        if buffer is None:
            known = ", ".join(self.scope.buffers) or "none"
            self._problem(f"dram: no buffer named {name!r} above this line; known: {known}")
            return [0]
        kind = MemoryType(self.values.get("memory_type", buffer.memory_type))
        if buffer.memory_type != kind:
            held = buffer.memory_type.name.lower()
            self._problem(f"dram: buffer {name!r} holds {held}, not {kind.name.lower()}")
        end = buffer.count or self.layout["dram_base"].maximum + 1 - buffer.address
        if offset is None or not 0 <= offset < end:
            self._problem(f"dram: offset in buffer {name!r} must be 0..{end - 1}, not {rest}")
            return [0]
        return [buffer.address + offset]

    def _complete(self) -> None:
        """Set the fields that follow from the text."""
        if "x_size" in self.values:
            self.values.setdefault("x_stride", self.values["x_size"])
        if self.form.subject == "memory_type":
            self._complete_memory()
        if self.opcode in WITH_OVERWRITE and "overwrite" in self.flags:
            self._need("overwrite", "overwrite")
        if self.opcode == Opcode.DWC and self._need("depthwise", "dwc"):
            self._complete_window()
        if self.opcode == Opcode.ALU:
            self._complete_alu()

    def _need(self, extension: str, use: str) -> bool:
        """Return whether the configuration has an extension; else note the problem."""
        present = bool(getattr(self.config, extension))
        if not present:
            own = "" if use == extension else f": that is extension {extension}"
            self._problem(f"configuration {self.config.name} has no {use}{own}")
        return present

    def _complete_memory(self) -> None:
        kind = self.values.get("memory_type")
        if kind is None:
            return
        kind = MemoryType(kind)
        if kind in MEMORY_TYPE_EXTENSIONS and self.opcode == Opcode.LOAD:
            self._need(MEMORY_TYPE_EXTENSIONS[kind], f"load of {kind.name}")
        if self.opcode != Opcode.STORE:
            return
        forwards = kind in FORWARD_TYPES
        if forwards and self.values.get("x_size"):
            self._need("forward", f"store to {kind.name}")
        wrong, right = ("dram", "to") if forwards else ("to", "dram")
        if wrong in self.names:
            self._problem(f"{wrong} is not for store {kind.name.lower()}: give {right}")

    def _complete_window(self) -> None:
        shape = [self.values.pop(name) for name in _WINDOW_SHAPE if name in self.values]
        if len(shape) != len(_WINDOW_SHAPE):  # that is a problem already
            return
        try:
            self.values["window"] = self.config.window_code(*shape)
        except ValueError as error:
            self._problem(str(error))

    def _complete_alu(self) -> None:
        point, table = self.values.pop("zero_point", 0), self.values.pop("table", 0)
        options = [flag for flag in self.flags if flag in RQT_FLAGS]
        options += [name for name in ("zero_point", "lut") if name in self.names]
        opcode = self.values.get("alu_opcode")
        if opcode == AluOpcode.RED:
            self._need("reduce", "red")
            if "imm" in self.names:
                self._problem("imm is not for red: its name says what it computes")
        if opcode != AluOpcode.RQT:
            if options:
                self._problem(f"{', '.join(options)} is only valid for rqt")
        elif not self._need("requantize", "rqt"):
            return
        elif not self.names & {"zero_point", "imm"}:
            self._problem("rqt needs zero_point=<zero_point>")
        elif options and "imm" in self.names:
            self._problem(f"imm already contains {', '.join(options)}: use one of the two")
        elif options:
            bits = sum(RQT_FLAGS[name] for name in options if name in RQT_FLAGS)
            if "lut" in self.names and self._need("lookup", "rqt with lut"):
                bits |= 1 << RqtFlag.LOOKUP | table << RQT_TABLE
            self.values["imm"] = point & 0xFF | bits
        if "imm" in self.values and opcode != AluOpcode.RED:
            self.values["use_imm"] = 1

    def _word(self) -> int:
        flags = {name: 1 for name in self.flags if name in self.layout}
        defaults = self.form.cls(**self.values, **flags)
        return self.layout.pack(
            {"opcode": int(self.opcode)}
            | {name: int(getattr(defaults, name)) for name in self.layout if name != "opcode"}
        )

"""Binary to text: one instruction per line, byte-exact when assembled again (docs/assembly.md)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..alu_operations import ALU_OPERATIONS
from ..config import NAMED, Config
from ..fields import layout, uop_layout
from ..instructions import (
    Alu,
    Gemm,
    Instruction,
    Load,
    Store,
    Undefined,
    Uop,
    decode,
    decode_uop,
    encode_uop,
    words,
)
from ..opcodes import INSTRUCTION_BYTES, UOP_BYTES, AluOpcode, MemoryType
from ..token_queues import TOKEN_FLAGS
from .operand_text import FORMATS, RQT_FLAGS, DramBuffer, OperandSyntax

__all__ = ["disassemble", "format_instruction", "format_word"]

_COMMENT_COLUMN = 64


def format_instruction(
    instruction: Instruction, config: Config, buffers: Iterable[DramBuffer] = ()
) -> str:
    """Return the text of an instruction, for a listing or a message.

    It can be assembled again unless the instruction is undefined (type, opcode or extension).
    Addresses inside one of the buffers are written with its name.
    """
    if isinstance(instruction, Undefined):
        return f".word 0x{instruction.word:032x}"
    mnemonic = instruction.opcode.name.lower()
    form = FORMATS[mnemonic]
    parts = [mnemonic]
    if isinstance(instruction, (Load, Store)):
        parts.append(_name(MemoryType, instruction.memory_type, "type"))
        parts += _memory_operands(instruction, buffers)
    elif isinstance(instruction, Alu):
        parts.append(_name(AluOpcode, instruction.alu_opcode, "opcode"))
        parts += _step_operands(instruction, form.operands[:4])
        parts += _immediate(instruction)
    elif isinstance(instruction, Gemm):
        parts += _step_operands(instruction, form.operands)
        parts += [flag for flag in form.flags if getattr(instruction, flag)]
    parts += [token for token in TOKEN_FLAGS if getattr(instruction, token)]
    return " ".join(parts)


def format_word(word: int, config: Config, buffers: Iterable[DramBuffer] = ()) -> str:
    """Return the line that assembles to exactly this 128-bit word.

    A word without a text form is a ``.word`` with the decoded instruction as its comment.
    """
    instruction = decode(word, config)
    reasons = _undefined(instruction, word, config)
    if not reasons:
        return format_instruction(instruction, config, buffers)
    reading = [] if isinstance(instruction, Undefined) else [
        format_instruction(instruction, config, buffers)
    ]
    return f".word 0x{word:032x} ; {'; '.join(reading + reasons)}"


def disassemble(
    stream: bytes, config: Config, *, uops: bytes = b"", buffers: Sequence[DramBuffer] = ()
) -> str:
    """Return the program text of a stream and, if given, of its micro-op image.

    Assembling the text with the same configuration returns the same bytes, whatever they encode.

    Raises
    ------
    StreamError
        The stream is not a multiple of 16 bytes, or the image not a multiple of 4.
    """
    lines = [_header(config)]
    for buffer in buffers:
        count = "" if buffer.count is None else f" {buffer.count}"
        kind = buffer.memory_type.name.lower()
        lines.append(f".buffer {buffer.name} {kind} 0x{buffer.address:x}{count}")
    if uops:
        lines += ["", ".uops"]
        for index, word in enumerate(words(uops, UOP_BYTES, "micro-op image")):
            lines.append(_numbered(f"    {_format_uop(word, config)}", index))
    lines.append("")
    for index, word in enumerate(words(stream, INSTRUCTION_BYTES, "instruction stream")):
        lines.append(_numbered(format_word(word, config, buffers), index))
    return "\n".join(lines) + "\n"


def _header(config: Config) -> str:
    known = NAMED.get(config.name)
    return f".config {config.name}" if known else f"; for configuration {config.canonical}"


def _numbered(line: str, index: int) -> str:
    return f"{line:<{_COMMENT_COLUMN}} ; {index}"


def _name(kinds: type[MemoryType] | type[AluOpcode], value: int, prefix: str) -> str:
    try:
        return kinds(value).name.lower()
    except ValueError:
        return f"{prefix}{value}"


def _memory_operands(instruction: Load | Store, buffers: Iterable[DramBuffer]) -> list[str]:
    idle = instruction.x_size == 0  # a no-op: only values other than the defaults are written
    pads = (
        instruction.y_pad_0, instruction.y_pad_1, instruction.x_pad_0, instruction.x_pad_1,
    )
    parts = []
    if not idle or instruction.sram_base:
        parts.append(f"sram={instruction.sram_base}")
    if not idle or instruction.dram_base:
        parts.append(f"dram={_address(instruction, buffers)}")
    if not idle or instruction.y_size != 1:
        parts.append(f"rows={instruction.y_size}")
    parts.append(f"cols={instruction.x_size}")
    if instruction.x_stride != instruction.x_size:
        parts.append(f"stride={instruction.x_stride}")
    if any(pads):
        parts.append("pad=" + ",".join(map(str, pads)))
    return parts


def _address(instruction: Load | Store, buffers: Iterable[DramBuffer]) -> str:
    for buffer in buffers:
        offset = instruction.dram_base - buffer.address
        inside = offset >= 0 and (buffer.count is None or offset < buffer.count)
        if inside and buffer.memory_type == instruction.memory_type:
            return f"@{buffer.name}+{offset}" if offset else f"@{buffer.name}"
    return f"0x{instruction.dram_base:x}"


def _step_operands(instruction: Gemm | Alu, operands: Sequence[OperandSyntax]) -> list[str]:
    parts = []
    for operand in operands:
        values = [getattr(instruction, field) for field in operand.fields]
        usual = [1, 1] if operand.name == "loop" else [0, 0]
        if operand.required or values != usual:
            parts.append(f"{operand.name}={operand.separator.join(map(str, values))}")
    return parts


def _immediate(instruction: Alu) -> list[str]:
    if not instruction.use_imm:
        return []
    if instruction.alu_opcode != AluOpcode.RQT or _reserved_immediate(instruction):
        return [f"imm={instruction.imm}"]
    point = (instruction.imm & 0xFF ^ 0x80) - 0x80
    flags = [name for name, bit in RQT_FLAGS.items() if instruction.imm & bit]
    return [f"zero_point={point}", *flags]


def _reserved_immediate(instruction: Alu) -> bool:
    """Return whether a bit above the defined ones of the operation's immediate is set."""
    bits = ALU_OPERATIONS[instruction.alu_opcode].immediate_bits
    return bool((instruction.imm & 0xFFFF) >> bits)


def _format_uop(word: int, config: Config) -> str:
    uop: Uop = decode_uop(word, config)
    if encode_uop(uop, config) == word:
        return f"{uop.dst},{uop.src},{uop.wgt}"
    stray = word & ~uop_layout(config).mask
    return f"0x{word:08x} ; {uop.dst},{uop.src},{uop.wgt}; bits of no field set: 0x{stray:x}"


def _undefined(instruction: Instruction, word: int, config: Config) -> list[str]:
    """Return the reasons why a word has no text form."""
    if isinstance(instruction, Undefined):
        return [f"opcode {instruction.opcode} is undefined"]
    reasons = []
    stray = word & ~layout(instruction.opcode, config).mask
    if stray:
        reasons.append(f"bits of no field set: 0x{stray:x}")
    if isinstance(instruction, (Load, Store)) and instruction.memory_type > max(MemoryType):
        reasons.append(f"memory type {instruction.memory_type} is undefined")
    if isinstance(instruction, Gemm) and instruction.overwrite and not config.overwrite:
        reasons.append("this configuration has no overwrite")
    if isinstance(instruction, Alu):
        reasons += _undefined_alu(instruction, config)
    return reasons


def _undefined_alu(instruction: Alu, config: Config) -> list[str]:
    operation = ALU_OPERATIONS.get(instruction.alu_opcode)
    if operation is None:
        reasons = [f"ALU opcode {instruction.alu_opcode} is undefined"]
        return reasons + _unused_immediate(instruction)
    name = operation.opcode.name.lower()
    reasons = [] if operation.supported(config) else [f"this configuration has no {name}"]
    if not operation.needs_immediate:
        return reasons + _unused_immediate(instruction)
    return reasons if instruction.use_imm else [*reasons, f"{name} without its immediate"]


def _unused_immediate(instruction: Alu) -> list[str]:
    unused = instruction.imm and not instruction.use_imm
    return [f"unused imm={instruction.imm}"] if unused else []


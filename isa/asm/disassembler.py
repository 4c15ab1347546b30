"""Binary to text: one instruction per line, byte-exact when assembled again (docs/assembly.md)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..alu_operations import ALU_OPERATIONS, RQT_TABLE, immediate_fault
from ..config import NAMED, Config
from ..fields import layout, uop_layout
from ..instructions import (
    Alu,
    Dwc,
    Gemm,
    Instruction,
    Load,
    StepInstruction,
    Store,
    Undefined,
    Uop,
    decode,
    decode_uop,
    encode_uop,
    words,
)
from ..opcodes import INSTRUCTION_BYTES, UOP_BYTES, AluOpcode, MemoryType, RqtFlag
from ..token_queues import TOKEN_FLAGS
from .operand_text import (
    FORMATS,
    MEMORY_TYPES,
    REDUCTIONS,
    RQT_FLAGS,
    DramBuffer,
    OperandSyntax,
)

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
        parts.append(_MEMORY_NAMES[MemoryType(instruction.memory_type)])
        parts += _memory_operands(instruction, buffers)
    elif isinstance(instruction, Alu):
        parts.append(_operation(instruction))
        parts += _step_operands(instruction, form.operands[:4])
        parts += _immediate(instruction, config)
    elif isinstance(instruction, (Gemm, Dwc)):
        parts += _step_operands(instruction, form.operands[:5])
        if isinstance(instruction, Dwc):
            parts.append(f"window={_window(instruction, config)}")
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


_MEMORY_NAMES = {kind: name for name, kind in MEMORY_TYPES.items()}
_REDUCTION_NAMES: dict[int, str] = {kind: name for name, kind in REDUCTIONS.items()}


def _operation(instruction: Alu) -> str:
    """Return the name of an operation, RED's with its reduction."""
    try:
        name = AluOpcode(instruction.alu_opcode).name.lower()
    except ValueError:
        return f"opcode{instruction.alu_opcode}"
    if instruction.alu_opcode != AluOpcode.RED:
        return name
    return _REDUCTION_NAMES.get(instruction.imm, f"{name} imm={instruction.imm}")


def _window(instruction: Dwc, config: Config) -> str:
    """Return rows and columns of a window, or its code where that is none."""
    if instruction.window >= config.taps:
        return str(instruction.window)
    return "{}x{}".format(*config.window_shape(instruction.window))


def _memory_operands(instruction: Load | Store, buffers: Iterable[DramBuffer]) -> list[str]:
    idle = instruction.x_size == 0  # a no-op: only values other than the defaults are written
    pads = (
        instruction.y_pad_0, instruction.y_pad_1, instruction.x_pad_0, instruction.x_pad_1,
    )
    parts = []
    if not idle or instruction.sram_base:
        parts.append(f"sram={instruction.sram_base}")
    if isinstance(instruction, Store) and instruction.forwards:
        parts.append(f"to={instruction.dram_base}")
    elif not idle or instruction.dram_base:
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


def _step_operands(instruction: StepInstruction, operands: Sequence[OperandSyntax]) -> list[str]:
    parts = []
    for operand in operands:
        values = [getattr(instruction, field) for field in operand.fields]
        usual = [1, 1] if operand.name == "loop" else [0] * len(values)
        if operand.required or values != usual:
            parts.append(f"{operand.name}={operand.separator.join(map(str, values))}")
    return parts


def _immediate(instruction: Alu, config: Config) -> list[str]:
    if not instruction.use_imm:
        return []
    operation = ALU_OPERATIONS.get(instruction.alu_opcode)
    if instruction.alu_opcode != AluOpcode.RQT or operation is None or immediate_fault(
        operation, instruction.imm, config
    ):
        return [f"imm={instruction.imm}"]
    point = (instruction.imm & 0xFF ^ 0x80) - 0x80
    parts = [f"zero_point={point}"]
    if instruction.imm >> RqtFlag.LOOKUP & 1:
        parts.append(f"lut={instruction.imm >> RQT_TABLE & 3}")
    return parts + [name for name, bit in RQT_FLAGS.items() if instruction.imm & bit]


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
    if isinstance(instruction, (Load, Store)):
        reasons += _undefined_memory(instruction, config)
    if isinstance(instruction, (Gemm, Dwc)) and instruction.overwrite and not config.overwrite:
        reasons.append("this configuration has no overwrite")
    if isinstance(instruction, Dwc):
        if not config.depthwise:
            reasons.append("this configuration has no depthwise")
        elif instruction.window >= config.taps:
            reasons.append(f"window {instruction.window} is undefined")
    if isinstance(instruction, Alu):
        reasons += _undefined_alu(instruction, config)
    return reasons


def _undefined_memory(instruction: Load | Store, config: Config) -> list[str]:
    kind = MemoryType(instruction.memory_type)
    if isinstance(instruction, Load):
        missing = kind not in config.memory_types
    else:
        missing = instruction.forwards and instruction.x_size > 0 and not config.forward
    use = "load of" if isinstance(instruction, Load) else "store to"
    return [f"this configuration has no {use} {kind.name}"] if missing else []


def _undefined_alu(instruction: Alu, config: Config) -> list[str]:
    operation = ALU_OPERATIONS.get(instruction.alu_opcode)
    if operation is None:
        reasons = [f"ALU opcode {instruction.alu_opcode} is undefined"]
        return reasons + _unused_immediate(instruction)
    name = operation.opcode.name.lower()
    reasons = [] if operation.supported(config) else [f"this configuration has no {name}"]
    if not operation.has_options:
        return reasons + _unused_immediate(instruction)
    if instruction.use_imm != operation.needs_immediate:
        return [*reasons, f"{name} needs use_imm = {operation.needs_immediate:d}"]
    if operation.needs_tensor and (fault := immediate_fault(operation, instruction.imm, config)):
        reasons.append(fault)
    return reasons


def _unused_immediate(instruction: Alu) -> list[str]:
    unused = instruction.imm and not instruction.use_imm
    return [f"unused imm={instruction.imm}"] if unused else []


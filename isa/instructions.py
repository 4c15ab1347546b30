"""Instructions as values, and their 128-bit words.

Attribute names are field names (:mod:`myvta.isa.fields`); encoding and decoding go through the
tables, so there is no second description of the format.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .config import Config
from .fields import layout, uop_layout
from .opcodes import INSTRUCTION_BYTES, AluOpcode, MemoryType, Module, Opcode

__all__ = [
    "Alu", "Dwc", "EncodeError", "FORWARD_TYPES", "Finish", "Gemm", "Instruction", "Load",
    "StepInstruction", "Store", "StreamLengthError", "Undefined", "Uop", "decode", "decode_stream",
    "decode_uop", "encode", "encode_stream", "encode_uop", "route", "words",
]

FORWARD_TYPES = (MemoryType.WGT, MemoryType.INP)
"""Memory types of STORE that stay on chip (extension ``forward``)."""


class EncodeError(ValueError):
    """A value that does not fit its field; the message names field, value and range."""


class StreamLengthError(ValueError):
    """Bytes of a length that no stream can have."""


@dataclass(frozen=True, kw_only=True)
class _Tokens:
    pop_prev: int = 0
    pop_next: int = 0
    push_prev: int = 0
    push_next: int = 0


@dataclass(frozen=True, kw_only=True)
class _Memory(_Tokens):
    memory_type: int
    sram_base: int = 0
    dram_base: int = 0
    y_size: int = 1
    x_size: int = 0
    x_stride: int = 0
    y_pad_0: int = 0
    y_pad_1: int = 0
    x_pad_0: int = 0
    x_pad_1: int = 0


@dataclass(frozen=True, kw_only=True)
class Load(_Memory):
    """LOAD: DRAM to scratchpad, 2-D with zero padding (vta_isa.md 4.1)."""

    opcode: ClassVar[Opcode] = Opcode.LOAD

    @property
    def padded_shape(self) -> tuple[int, int]:
        """Rows and columns of scratchpad tiles written, data and padding; ``x_size = 0``: none.
        """
        if not self.x_size:
            return 0, 0
        return (
            self.y_pad_0 + self.y_size + self.y_pad_1, self.x_pad_0 + self.x_size + self.x_pad_1,
        )


@dataclass(frozen=True, kw_only=True)
class Store(_Memory):
    """STORE: OUT tiles to DRAM, 2-D (vta_isa.md 4.2), or on chip to INP or WGT (``forward``).

    Forward: ``dram_base`` is the first INP tile, or the first row of WGT tiles.
    """

    opcode: ClassVar[Opcode] = Opcode.STORE
    memory_type: int = MemoryType.OUT

    @property
    def forwards(self) -> bool:
        """Whether it copies on chip: its type is INP or WGT."""
        return self.memory_type in FORWARD_TYPES


@dataclass(frozen=True, kw_only=True)
class _Steps(_Tokens):
    uop_bgn: int = 0
    uop_end: int = 1
    iter_out: int = 1
    iter_in: int = 1
    dst_factor_out: int = 0
    dst_factor_in: int = 0
    src_factor_out: int = 0
    src_factor_in: int = 0


@dataclass(frozen=True, kw_only=True)
class Gemm(_Steps):
    """GEMM: one tile product per step (vta_isa.md 4.3); ``overwrite`` is an extension (0.1)."""

    opcode: ClassVar[Opcode] = Opcode.GEMM
    reset: int = 0
    wgt_factor_out: int = 0
    wgt_factor_in: int = 0
    overwrite: int = 0


@dataclass(frozen=True, kw_only=True)
class Dwc(_Steps):
    """DWC: the taps of a depthwise window per step (extension; docs/device.md).

    The window is ``rows - 1`` and ``columns - 1`` of :meth:`~.geometry.Geometry.window_code`; rows
    are ``row_pitch`` INP tiles apart, and the weight index takes no factor.
    """

    opcode: ClassVar[Opcode] = Opcode.DWC
    reset: int = 0
    row_pitch: int = 0
    window: int = 0
    overwrite: int = 0


@dataclass(frozen=True, kw_only=True)
class Alu(_Steps):
    """ALU: one tile operation per step (vta_isa.md 4.4, RQT: 0.1)."""

    opcode: ClassVar[Opcode] = Opcode.ALU
    alu_opcode: int = AluOpcode.ADD
    use_imm: int = 0
    imm: int = 0


@dataclass(frozen=True, kw_only=True)
class Finish(_Tokens):
    """FINISH: the launch ends when everything before it has completed (vta_isa.md 4.6; rule D22
    of docs/device.md)."""

    opcode: ClassVar[Opcode] = Opcode.FINISH


@dataclass(frozen=True)
class Undefined:
    """A word whose opcode is 6 or 7; it executes as an error (undefined encoding: rule D23)."""

    word: int

    @property
    def opcode(self) -> int:
        """The undefined opcode."""
        return self.word & 7


StepInstruction = Gemm | Dwc | Alu
"""Instructions of steps: micro-ops in two loops."""

Instruction = Load | Store | StepInstruction | Finish | Undefined
_CLASSES = {cls.opcode: cls for cls in (Load, Store, Gemm, Dwc, Alu, Finish)}


@dataclass(frozen=True)
class Uop:
    """Micro-op: tile indices before the loop offsets are added (vta_isa.md 2.6)."""

    dst: int = 0
    src: int = 0
    wgt: int = 0


def route(instruction: Instruction) -> Module:
    """Return the engine that executes an instruction (vta_isa.md 3.1).

    Everything except STORE and LOAD of INP, WGT or WGT_4BIT goes to compute, including malformed
    words.
    """
    if isinstance(instruction, Store):
        return Module.STORE
    if isinstance(instruction, Load) and instruction.memory_type in (
        MemoryType.INP, MemoryType.WGT, MemoryType.WGT_4BIT,
    ):
        return Module.LOAD
    return Module.COMPUTE


def encode(instruction: Instruction, config: Config) -> int:
    """Return the 128-bit word; raises EncodeError naming the first field that does not fit."""
    if isinstance(instruction, Undefined):
        return instruction.word
    values = {"opcode": int(instruction.opcode)}
    values.update((name, int(value)) for name, value in vars(instruction).items())
    try:
        return layout(instruction.opcode, config).pack(values)
    except ValueError as error:
        raise EncodeError(f"{instruction.opcode.name} {error}") from None


def decode(word: int, config: Config) -> Instruction:
    """Return the instruction in a 128-bit word; bits outside every field are ignored."""
    try:
        opcode = Opcode(word & 7)
    except ValueError:
        return Undefined(word)
    values = layout(opcode, config).unpack(word)
    del values["opcode"]
    return _CLASSES[opcode](**values)


def encode_stream(instructions: list[Instruction], config: Config) -> bytes:
    """Return a stream as the device fetches it: 16 bytes each, little endian."""
    return b"".join(
        encode(instruction, config).to_bytes(INSTRUCTION_BYTES, "little")
        for instruction in instructions
    )


def words(data: bytes, size: int, name: str) -> list[int]:
    """Split bytes into little-endian words of ``size`` bytes; ``name`` describes them in the error.

    Raises
    ------
    StreamError
        The length is not a multiple of the size.
    """
    if len(data) % size:
        raise StreamLengthError(
            f"the {name} has {len(data)} bytes, which is not a multiple of {size}: it is truncated "
            "or something else"
        )
    return [int.from_bytes(data[at : at + size], "little") for at in range(0, len(data), size)]


def decode_stream(data: bytes, config: Config) -> list[Instruction]:
    """Return the instructions of a binary stream.

    Raises
    ------
    StreamError
        The length is not a multiple of 16 bytes.
    """
    return [decode(word, config) for word in words(data, INSTRUCTION_BYTES, "instruction stream")]


def encode_uop(uop: Uop, config: Config) -> int:
    """Return the 32-bit micro-op; raises EncodeError naming the field that does not fit."""
    try:
        return uop_layout(config).pack(vars(uop))
    except ValueError as error:
        raise EncodeError(f"micro-op {error}") from None


def decode_uop(word: int, config: Config) -> Uop:
    """Return the micro-op in a 32-bit word."""
    return Uop(**uop_layout(config).unpack(word))

"""Enumerations and fixed constants of the ISA (vta_isa.md sections 0, 2 and 3)."""

from __future__ import annotations

from enum import IntEnum

__all__ = [
    "ADDRESS_BITS", "AluOpcode", "ERROR_TEXT", "ErrorCode", "INSTRUCTION_BYTES", "LUT_ENTRIES",
    "LUT_TABLES", "MemoryType", "Module", "Opcode", "QUEUE_DEPTH", "Reduction", "RqtFlag",
    "TOKEN_CAPACITY", "UOP_BYTES", "WINDOW_GRANULE",
]

INSTRUCTION_BYTES = 16
UOP_BYTES = 4
ADDRESS_BITS = 32  # byte addresses of the memory port
QUEUE_DEPTH = 512  # instructions in each module queue (as in HLS and Chisel, section 3.3)
TOKEN_CAPACITY = 1023  # tokens in each of the four dependency queues; a full one back-pressures
LUT_TABLES = 4  # lookup tables on chip
LUT_ENTRIES = 256  # signed 16-bit entries of a table
WINDOW_GRANULE = 4096  # granularity of the memory window in bytes


class Opcode(IntEnum):
    """Bits 2:0 of an instruction; 6 and 7 are undefined, DWC is an extension."""

    LOAD = 0
    STORE = 1
    GEMM = 2
    FINISH = 3
    ALU = 4
    DWC = 5


class MemoryType(IntEnum):
    """Bits 9:7 of LOAD and STORE; LUT and WGT_4BIT are extensions.

    OUT is STORE's type; with the extension ``forward`` INP and WGT are too.
    """

    UOP = 0
    WGT = 1
    INP = 2
    ACC = 3
    OUT = 4
    ACC_8BIT = 5
    LUT = 6
    WGT_4BIT = 7


class AluOpcode(IntEnum):
    """ALU operation; RQT (section 0.1) and RED are extensions, 5 is undefined."""

    MIN = 0
    MAX = 1
    ADD = 2
    SHR = 3
    MUL = 4
    RED = 6
    RQT = 7


class RqtFlag(IntEnum):
    """Bit positions in RQT's immediate above the 8-bit signed zero point (section 0.1)."""

    RELU = 8  # lower clamp bound: the zero point instead of the minimum output value
    AWAY = 9  # round half away from zero instead of half up
    BYPASS = 10  # skip the multiplier: q = p
    LOOKUP = 11  # replace the result by an entry of the table that bits 13:12 select (extension)


class Reduction(IntEnum):
    """Bits 1:0 of RED's immediate; 3 is undefined."""

    SUM = 0
    MAX = 1
    MIN = 2


class Module(IntEnum):
    """The three engines an instruction is routed to (section 3.1)."""

    LOAD = 0
    COMPUTE = 1
    STORE = 2


class ErrorCode(IntEnum):
    """Values of register ERROR_CODE after a launch that ended in error.

    ERROR_INDEX then holds the position of the faulty instruction in the stream.
    """

    NONE = 0
    OPCODE = 1
    MEMORY_TYPE = 2
    ALU_OPCODE = 3
    DEPENDENCY = 4
    EXTENSION = 5
    OPERAND = 6
    SRAM_RANGE = 7
    UOP_RANGE = 8
    STEP_INDEX = 9
    RQT_PARAMETER = 10
    WINDOW = 11
    BUS = 12
    ALIGNMENT = 13
    DEADLOCK = 14
    NO_FINISH = 15
    RESET = 16
    WATCHDOG = 17


ERROR_TEXT: dict[ErrorCode, str] = {
    ErrorCode.NONE: "no error",
    ErrorCode.OPCODE: "undefined opcode",
    ErrorCode.MEMORY_TYPE: "a memory type that cannot be loaded, or cannot be stored",
    ErrorCode.ALU_OPCODE: "undefined ALU opcode",
    ErrorCode.DEPENDENCY: "a dependency flag on a side the module does not have",
    ErrorCode.EXTENSION: "an extension on a configuration without it",
    ErrorCode.OPERAND: "an operand out of range: RQT's or RED's immediate, DWC's window, "
    "padding of STORE",
    ErrorCode.SRAM_RANGE: "LOAD or STORE reaches past the end of its scratchpad",
    ErrorCode.UOP_RANGE: "GEMM or ALU reads micro-ops past the end of the buffer",
    ErrorCode.STEP_INDEX: "a GEMM or ALU step indexes past the end of a scratchpad",
    ErrorCode.RQT_PARAMETER: "multiplier or shift tile holds a value out of range",
    ErrorCode.WINDOW: "a memory access outside the memory window or past 2^32",
    ErrorCode.BUS: "the memory answered SLVERR or DECERR",
    ErrorCode.ALIGNMENT: "a base pointer is not a multiple of its element size (index 0)",
    ErrorCode.DEADLOCK: "nothing can proceed; the index is the earliest instruction that waits",
    ErrorCode.NO_FINISH: "the stream ended without FINISH; the index is the instruction count",
    ErrorCode.RESET: "the host ended the launch; the index is the earliest instruction in progress",
    ErrorCode.WATCHDOG: "too many cycles; the index is the earliest instruction in progress",
}
"""Meaning of each code, for messages and documentation."""

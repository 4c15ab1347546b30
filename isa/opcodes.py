"""Enumerations and fixed constants of the ISA (vta_isa.md sections 0, 2 and 3)."""

from __future__ import annotations

from enum import IntEnum

__all__ = [
    "ADDRESS_BITS", "AluOpcode", "ErrorCode", "INSTRUCTION_BYTES", "MemoryType", "Module",
    "Opcode", "QUEUE_DEPTH", "RqtFlag", "TOKEN_CAPACITY", "UOP_BYTES", "WINDOW_GRANULE",
]

INSTRUCTION_BYTES = 16
UOP_BYTES = 4
ADDRESS_BITS = 32  # byte addresses of the memory port
QUEUE_DEPTH = 512  # instructions each module queue holds (HLS and Chisel alike, section 3.3)
TOKEN_CAPACITY = 1023  # tokens each of the four dependency queues holds; a full one back-pressures
WINDOW_GRANULE = 4096  # the memory window opens and closes in units of this many bytes


class Opcode(IntEnum):
    """Bits 2:0 of an instruction; 5..7 are undefined."""

    LOAD = 0
    STORE = 1
    GEMM = 2
    FINISH = 3
    ALU = 4


class MemoryType(IntEnum):
    """Bits 9:7 of LOAD and STORE; 6 and 7 are undefined, OUT is STORE's only one."""

    UOP = 0
    WGT = 1
    INP = 2
    ACC = 3
    OUT = 4
    ACC_8BIT = 5


class AluOpcode(IntEnum):
    """ALU operation; RQT is ours (section 0.1), 5 and 6 are undefined."""

    MIN = 0
    MAX = 1
    ADD = 2
    SHR = 3
    MUL = 4
    RQT = 7


class RqtFlag(IntEnum):
    """Bit positions in RQT's immediate above the 8-bit signed zero point (section 0.1)."""

    RELU = 8  # clamp from below at the zero point instead of the least output value
    AWAY = 9  # round half away from zero instead of half up
    BYPASS = 10  # skip the multiplier: q = p


class Module(IntEnum):
    """The three engines an instruction is routed to (section 3.1)."""

    LOAD = 0
    COMPUTE = 1
    STORE = 2


class ErrorCode(IntEnum):
    """What register ERROR_CODE says after a launch that ended in error.

    ERROR_INDEX then holds the position in the stream of the instruction the code speaks of.
    """

    NONE = 0
    OPCODE = 1  # undefined opcode
    MEMORY_TYPE = 2  # undefined memory type, LOAD OUT, or STORE of anything else
    ALU_OPCODE = 3  # undefined ALU opcode
    DEPENDENCY = 4  # a dependency flag on a side the module does not have
    EXTENSION = 5  # overwrite or RQT on a configuration without it
    OPERAND = 6  # RQT without immediate or with imm[15:11] set; STORE with padding
    SRAM_RANGE = 7  # LOAD or STORE reaches past the end of its scratchpad
    UOP_RANGE = 8  # GEMM or ALU reads micro-ops past the end of the buffer
    STEP_INDEX = 9  # a GEMM or ALU step indexes past the end of a scratchpad
    RQT_PARAMETER = 10  # multiplier or shift tile holds a value out of range
    WINDOW = 11  # a memory access outside the memory window or past 2^32
    BUS = 12  # the memory answered SLVERR or DECERR
    ALIGNMENT = 13  # a base pointer is not a multiple of its element size (index 0)
    DEADLOCK = 14  # nothing can proceed; the index is the earliest instruction that waits
    NO_FINISH = 15  # the stream ended without FINISH; the index is the instruction count

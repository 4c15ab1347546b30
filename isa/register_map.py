"""Register map: every register, once (vta_isa.md section 7.1; those from 0x40 are extensions).

RTL, model, driver and docs read :data:`REGISTERS`.  All registers are 32 bits wide at multiples of
4; unmapped offsets read 0 and ignore writes.  While a launch is running every write except to
INTERRUPT_ENABLE, INTERRUPT_STATUS and RESET is ignored.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag

from .config import Config
from .extensions import EXTENSIONS
from .geometry import COUNTER_SETS
from .opcodes import MemoryType

__all__ = [
    "BASE_REGISTERS", "COUNTERS", "FEATURE_COUNTERS", "FEATURE_TAPS", "Feature", "IDENTITY",
    "PERFORMANCE", "POINTER_TYPES", "REGISTERS", "Reg", "Register", "Status", "VERSION",
    "reset_values",
]

IDENTITY = int.from_bytes(b"MVTA", "little")
VERSION = 0x0001_0000  # major.minor of the register map, 16 bits each


class Status(IntFlag):
    """Bits of CONTROL (offset 0)."""

    LAUNCH = 1  # written 1 by the host; cleared when the launch ends
    FINISH = 2  # the launch has ended, successfully or not
    ERROR = 4  # it ended in error: see ERROR_CODE and ERROR_INDEX
    TOKENS_LEFT = 8  # warning: a dependency queue was not empty at FINISH
    DRAINING = 16  # bursts of an ended launch are unanswered; the next launch waits for them,
    # and stores among them may still reach memory


class Feature(IntFlag):
    """Bits of FEATURES: the extensions of :data:`.extensions.EXTENSIONS`."""

    OVERWRITE = 1
    REQUANTIZE = 2
    LOOKUP = 4
    REDUCE = 8
    DEPTHWISE = 16
    FORWARD = 32
    WEIGHTS4 = 64


FEATURE_TAPS = 8
"""Lowest of eight bits of FEATURES: taps of a window of DWC per lane and step, 0 without it."""

FEATURE_COUNTERS = 16
"""Lowest of two bits of FEATURES: position of the counters in :data:`.geometry.COUNTER_SETS`."""


class Reg(IntEnum):
    """Register offsets in bytes."""

    CONTROL = 0x00
    CYCLES = 0x04
    INSN_COUNT = 0x08
    INSN_BASE = 0x0C
    UOP_BASE = 0x10
    INP_BASE = 0x14
    WGT_BASE = 0x18
    ACC_BASE = 0x1C
    OUT_BASE = 0x20
    ACC_WRITES = 0x24
    IDENTITY = 0x40
    VERSION = 0x44
    FEATURES = 0x48
    FINGERPRINT = 0x4C
    ERROR_CODE = 0x50
    ERROR_INDEX = 0x54
    WINDOW_BASE = 0x58
    WINDOW_LIMIT = 0x5C
    INTERRUPT_ENABLE = 0x60
    INTERRUPT_STATUS = 0x64
    ERROR_ADDRESS = 0x68
    RESET = 0x6C
    WATCHDOG = 0x70
    WINDOW_LOCK = 0x74
    INSTRUCTIONS = 0x80
    GEMM_STEPS = 0x84
    ALU_STEPS = 0x88
    UOP_BYTES = 0x8C
    WGT_BYTES = 0x90
    INP_BYTES = 0x94
    ACC_BYTES = 0x98
    ACC_8BIT_BYTES = 0x9C
    OUT_BYTES = 0xA0
    LUT_BYTES = 0xA4
    WGT_4BIT_BYTES = 0xA8
    DWC_STEPS = 0xAC
    FETCH_BUSY = 0xC0
    FETCH_QUEUE = 0xC4
    FETCH_READ = 0xC8
    FETCH_DONE = 0xCC
    LOAD_BUSY = 0xD0
    LOAD_TOKEN = 0xD4
    LOAD_READ = 0xD8
    LOAD_EMPTY = 0xDC
    COMPUTE_BUSY = 0xE0
    COMPUTE_TOKEN = 0xE4
    COMPUTE_READ = 0xE8
    COMPUTE_EMPTY = 0xEC
    STORE_BUSY = 0xF0
    STORE_TOKEN = 0xF4
    STORE_WRITE = 0xF8
    STORE_EMPTY = 0xFC
    READ_BURSTS = 0x100
    WRITE_BURSTS = 0x104


@dataclass(frozen=True)
class Register:
    """One register.

    ``access`` is ``rw``, ``ro``, ``wo`` (reads 0), ``w1c`` (write 1 to clear) or ``w1s`` (write 1
    to set; only the reset wire clears).  ``extension``: attribute of the configuration without
    which it always reads 0.
    """

    offset: Reg
    access: str
    reset: int
    text: str
    extension: str = ""

    def exists(self, config: Config) -> bool:
        """Return whether a device of a configuration has it; the others read 0."""
        if self.offset in COUNTERS and not config.has_counters:
            return False
        if self.offset in _CAUSES and not config.has_performance:
            return False
        return not self.extension or bool(getattr(config, self.extension))


REGISTERS: dict[Reg, Register] = {
    row[0]: Register(*row)
    for row in (
        (Reg.CONTROL, "rw", 0, "bit 0 launch, 1 finish, 2 error, 3 tokens left over, 4 draining"),
        (Reg.CYCLES, "ro", 0, "clock cycles from launch to its end"),
        (Reg.INSN_COUNT, "rw", 0, "instructions in the stream"),
        (Reg.INSN_BASE, "rw", 0, "byte address of the stream, a multiple of 16"),
        (Reg.UOP_BASE, "rw", 0, "base pointer of UOP, a multiple of its element bytes"),
        (Reg.INP_BASE, "rw", 0, "base pointer of INP, a multiple of its element bytes"),
        (Reg.WGT_BASE, "rw", 0, "base pointer of WGT and WGT_4BIT, a multiple of WGT's bytes"),
        (Reg.ACC_BASE, "rw", 0, "base pointer of ACC, ACC_8BIT and LUT, a multiple of ACC's bytes "
         "and with lookup of 512"),
        (Reg.OUT_BASE, "rw", 0, "base pointer of OUT, a multiple of its element bytes"),
        (Reg.ACC_WRITES, "ro", 0, "accumulator tiles written by GEMM and ALU in the launch"),
        (Reg.IDENTITY, "ro", IDENTITY, "the letters MVTA"),
        (Reg.VERSION, "ro", VERSION, "version of this map, major in the upper half"),
        (Reg.FEATURES, "ro", 0, "extensions: " + ", ".join(
            f"bit {extension.bit} {extension.name}" for extension in EXTENSIONS)
         + "; bits 15:8 taps of DWC per lane and step; bits 17:16 counters: "
         + ", ".join(f"{code} {name}" for code, name in enumerate(COUNTER_SETS))),
        (Reg.FINGERPRINT, "ro", 0, "CRC-32 of the configuration's canonical name"),
        (Reg.ERROR_CODE, "ro", 0, "reason why the launch ended in error (isa.opcodes.ErrorCode)"),
        (Reg.ERROR_INDEX, "ro", 0, "position in the stream of the instruction at fault"),
        (Reg.WINDOW_BASE, "rw", 0xFFFF_F000, "first byte the device may touch, multiple of 4096"),
        (Reg.WINDOW_LIMIT, "rw", 0x0000_0FFF, "last byte the device may touch; low 12 bits are 1"),
        (Reg.INTERRUPT_ENABLE, "rw", 0, "bit 0: raise the interrupt wire when a launch ends"),
        (Reg.INTERRUPT_STATUS, "w1c", 0, "bit 0: a launch has ended since it was last cleared"),
        (Reg.ERROR_ADDRESS, "ro", 0, "burst refused or failed, for WINDOW and BUS, else 0"),
        (Reg.RESET, "wo", 0, "bit 0: end the running launch with RESET; no effect without one"),
        (Reg.WATCHDOG, "rw", 0, "more cycles than this end a launch with WATCHDOG; 0: no limit"),
        (Reg.WINDOW_LOCK, "w1s", 0, "bit 0: WINDOW_BASE and WINDOW_LIMIT ignore writes"),
        (Reg.INSTRUCTIONS, "ro", 0, "instructions completed in the launch, FINISH included"),
        (Reg.GEMM_STEPS, "ro", 0, "GEMM steps that multiplied (reset steps are not counted)"),
        (Reg.ALU_STEPS, "ro", 0, "ALU steps"),
        (Reg.UOP_BYTES, "ro", 0, "bytes of UOP read from memory (useful bytes, no padding)"),
        (Reg.WGT_BYTES, "ro", 0, "bytes of WGT read from memory"),
        (Reg.INP_BYTES, "ro", 0, "bytes of INP read from memory"),
        (Reg.ACC_BYTES, "ro", 0, "bytes of ACC read from memory"),
        (Reg.ACC_8BIT_BYTES, "ro", 0, "bytes of ACC_8BIT read from memory"),
        (Reg.OUT_BYTES, "ro", 0, "bytes of OUT written to memory"),
        (Reg.LUT_BYTES, "ro", 0, "bytes of LUT read from memory", "lookup"),
        (Reg.WGT_4BIT_BYTES, "ro", 0, "bytes of WGT_4BIT read from memory", "weights4"),
        (Reg.DWC_STEPS, "ro", 0, "DWC steps that multiplied (reset steps are not counted)",
         "depthwise"),
        (Reg.FETCH_BUSY, "ro", 0, "cycles in which fetch dispatches an instruction to its queue"),
        (Reg.FETCH_QUEUE, "ro", 0, "cycles in which the next instruction's queue is full"),
        (Reg.FETCH_READ, "ro", 0, "cycles in which memory has not delivered the next instruction"),
        (Reg.FETCH_DONE, "ro", 0, "cycles after the last instruction was dispatched"),
        (Reg.LOAD_BUSY, "ro", 0, "cycles of load in none of the next three"),
        (Reg.LOAD_TOKEN, "ro", 0, "cycles in which load's next instruction lacks a token or room "
         "for one, and none is in progress"),
        (Reg.LOAD_READ, "ro", 0, "cycles in which memory has not delivered load's next beat, and "
         "no padding is written"),
        (Reg.LOAD_EMPTY, "ro", 0, "cycles in which load has no instruction"),
        (Reg.COMPUTE_BUSY, "ro", 0, "cycles of compute in none of the next three"),
        (Reg.COMPUTE_TOKEN, "ro", 0, "cycles in which compute's next instruction lacks a token or "
         "room for one, or is a FINISH that waits for load and store, and none is in progress"),
        (Reg.COMPUTE_READ, "ro", 0, "cycles in which memory has not delivered compute's next beat, "
         "no padding is written and no step is in progress"),
        (Reg.COMPUTE_EMPTY, "ro", 0, "cycles in which compute has no instruction"),
        (Reg.STORE_BUSY, "ro", 0, "cycles of store in none of the next three"),
        (Reg.STORE_TOKEN, "ro", 0, "cycles in which store's next instruction lacks a token or room "
         "for one, and none is in progress"),
        (Reg.STORE_WRITE, "ro", 0, "cycles in which memory does not accept store's next beat, or "
         "all beats were accepted and only responses are awaited"),
        (Reg.STORE_EMPTY, "ro", 0, "cycles in which store has no instruction"),
        (Reg.READ_BURSTS, "ro", 0, "read bursts that memory has accepted"),
        (Reg.WRITE_BURSTS, "ro", 0, "write bursts that memory has accepted"),
    )
}
"""The map in offset order.  Counters start at 0 at launch and hold until the next one."""

BASE_REGISTERS: dict[MemoryType, Reg] = {
    MemoryType.UOP: Reg.UOP_BASE,
    MemoryType.WGT: Reg.WGT_BASE,
    MemoryType.INP: Reg.INP_BASE,
    MemoryType.ACC: Reg.ACC_BASE,
    MemoryType.OUT: Reg.OUT_BASE,
    MemoryType.ACC_8BIT: Reg.ACC_BASE,
    MemoryType.LUT: Reg.ACC_BASE,
    MemoryType.WGT_4BIT: Reg.WGT_BASE,
}
"""Base pointer of each memory type: byte address = base + dram_base * element bytes (rule D21 of
docs/device.md)."""

POINTER_TYPES: dict[Reg, tuple[MemoryType, ...]] = {
    register: tuple(kind for kind in MemoryType if BASE_REGISTERS[kind] == register)
    for register in dict.fromkeys(BASE_REGISTERS.values())
}
"""The memory types that each base pointer serves: it is a multiple of the largest element."""

COUNTERS = (
    Reg.ACC_WRITES, Reg.INSTRUCTIONS, Reg.GEMM_STEPS, Reg.ALU_STEPS, Reg.UOP_BYTES, Reg.WGT_BYTES,
    Reg.INP_BYTES, Reg.ACC_BYTES, Reg.ACC_8BIT_BYTES, Reg.OUT_BYTES, Reg.LUT_BYTES,
    Reg.WGT_4BIT_BYTES, Reg.DWC_STEPS,
)
"""Architectural counters: after a launch that finished, the same on every device (mod 2^32)."""

PERFORMANCE = {
    "fetch": (Reg.FETCH_BUSY, Reg.FETCH_QUEUE, Reg.FETCH_READ, Reg.FETCH_DONE),
    "load": (Reg.LOAD_BUSY, Reg.LOAD_TOKEN, Reg.LOAD_READ, Reg.LOAD_EMPTY),
    "compute": (Reg.COMPUTE_BUSY, Reg.COMPUTE_TOKEN, Reg.COMPUTE_READ, Reg.COMPUTE_EMPTY),
    "store": (Reg.STORE_BUSY, Reg.STORE_TOKEN, Reg.STORE_WRITE, Reg.STORE_EMPTY),
    "memory": (Reg.READ_BURSTS, Reg.WRITE_BURSTS),
}
"""Performance counters of the hardware, by cause (mod 2^32; 0 on the model).

Every cycle that CYCLES counts is counted once for each of fetch, load, compute and store, as busy
or under the cause of waiting.  The four counters of an engine therefore add up to CYCLES.
"""

_CAUSES = frozenset(register for registers in PERFORMANCE.values() for register in registers)


def reset_values(config: Config) -> dict[Reg, int]:
    """Return the value of each register after reset on a device of this configuration."""
    values = {offset: register.reset for offset, register in REGISTERS.items()}
    counters = tuple(COUNTER_SETS).index(config.counters)
    values[Reg.FEATURES] = counters << FEATURE_COUNTERS | config.taps << FEATURE_TAPS | sum(
        1 << extension.bit for extension in EXTENSIONS if getattr(config, extension.name))
    values[Reg.FINGERPRINT] = config.fingerprint
    return values

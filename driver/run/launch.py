"""One launch: registers, bounded wait, report or typed error (docs/device.md)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ...isa.asm.disassembler import format_instruction
from ...isa.instructions import decode
from ...isa.opcodes import INSTRUCTION_BYTES, ErrorCode, MemoryType
from ...isa.register_map import COUNTERS, IDENTITY, PERFORMANCE, POINTER_TYPES, Reg, Status
from ..errors import DeviceError, TargetError, TargetTimeout
from ..target.memory_window import program_window
from ..target.protocol import Target

__all__ = ["RunReport", "launch", "read_performance"]

_ALL_ONES = 0xFFFF_FFFF  # read from a bus where nothing answers
_LONGEST_PAUSE = 1e-3  # seconds between polls; a simulated target does its work inside the poll
_LONGEST_SLEEP = 0.25  # seconds without a look where there is an interrupt
_RESET_SECONDS = 0.5  # the device needs microseconds; a simulated one works inside the polls ...
_RESET_POLLS = 8  # ... and gets at least so many


@dataclass(frozen=True)
class RunReport:
    """The cost of a launch.

    Attributes
    ----------
    cycles : int
        Device clock cycles from launch to end (register CYCLES; 0 where a target counts no cycles).
    counters : dict
        Architectural counters by register name (``isa.register_map.COUNTERS``); empty on a device
        without counters.
    warnings : tuple of str
        Conditions that are not failures, for example unconsumed tokens.
    seconds : float
        Wall time from launch to its end as the host saw it.
    """

    cycles: int
    counters: dict[str, int]
    warnings: tuple[str, ...] = ()
    seconds: float = field(default=0.0, compare=False)


def launch(
    target: Target, address: int, count: int, *,
    bases: Mapping[MemoryType, int] | None = None, timeout: float = 60.0,
    notes: Sequence[str] = (), watchdog: int | None = None,
) -> RunReport:
    """Run an instruction stream from the target's memory and wait for its end.

    A launch that does not end in time is ended by a soft reset; the target stays usable.

    Parameters
    ----------
    target : Target
    address : int
        Byte address of the stream, a multiple of 16.
    count : int
        Instructions, FINISH included.
    bases : mapping, optional
        Base pointer in bytes by memory type; missing ones are 0.  A byte address is base pointer +
        dram_base x element bytes (rule D21 of docs/device.md); ACC_8BIT shares ACC's pointer.
    timeout : float
        Longest wait in seconds of wall time.
    notes : sequence of str, optional
        Annotation of each instruction, quoted in errors.
    watchdog : int, optional
        Device clock cycles after which the device itself ends the launch, 0 for never.  The
        default follows from ``timeout`` on a target that has an attribute ``clock_hz``, so
        that no launch outlives a host that dies; elsewhere it is off.

    Raises
    ------
    DeviceError
        The launch ended in the error status.
    TargetError
        The device did not accept the memory window (it is locked), and nothing was launched; or it
        was reset, or lost its power or its design, during the launch.
    TargetTimeout
        It did not end in time, or an earlier launch is still running (a busy device ignores the
        registers, and that launch is left alone); the message holds status and counters, and
        the instruction that the soft reset interrupted.
    """
    _wait(target, timeout, "an earlier launch to end", lambda status: not status & Status.LAUNCH)
    program_window(target, "nothing was launched")
    target.write_register(Reg.INSN_COUNT, count)
    target.write_register(Reg.INSN_BASE, address)
    pointers = bases or {}
    for register in sorted(POINTER_TYPES):
        target.write_register(register, pointers.get(POINTER_TYPES[register][0], 0))
    target.write_register(Reg.WATCHDOG, _watchdog(target, timeout, watchdog))
    started = time.monotonic()
    target.write_register(Reg.CONTROL, Status.LAUNCH)
    try:
        status = _wait(target, timeout, "the launch to end", lambda status: status & Status.FINISH)
    except TargetTimeout as error:
        raise TargetTimeout(f"{error}; {_end(target, address, count, notes)}") from error
    seconds = time.monotonic() - started
    if status & Status.ERROR:
        raise _device_error(target, address, count, notes)
    warnings = []
    if status & Status.TOKENS_LEFT:
        warnings.append("dependency tokens were unconsumed at FINISH")
    return RunReport(
        target.read_register(Reg.CYCLES), _counters(target), tuple(warnings), seconds
    )


def read_performance(target: Target) -> dict[str, int]:
    """Return where the cycles of the last launch went, by register name.

    They are ``isa.register_map.PERFORMANCE``: busy and waiting cycles of each engine, bursts of
    memory; all 0 on a target that counts no cycles, empty on a device without these counters.
    """
    if not target.config.has_performance:
        return {}
    return {
        register.name: target.read_register(register)
        for registers in PERFORMANCE.values() for register in registers
    }


def _watchdog(target: Target, timeout: float, cycles: int | None) -> int:
    """Return the value for WATCHDOG: never less than the wait of the host."""
    if cycles is None:
        cycles = math.ceil(timeout * float(getattr(target, "clock_hz", 0)))
    return min(cycles, 0xFFFF_FFFF)


def _end(target: Target, address: int, count: int, notes: Sequence[str]) -> str:
    """End a launch by soft reset and describe the outcome; never raises."""
    try:
        target.write_register(Reg.RESET, 1)
        started, polls = time.monotonic(), 0
        while (status := target.read_register(Reg.CONTROL)) & Status.LAUNCH:
            polls += 1
            if polls >= _RESET_POLLS and time.monotonic() - started > _RESET_SECONDS:
                return (
                    f"it did not follow a soft reset, CONTROL reads {status:#x}: it has lost its "
                    "clock or power, or its design is broken; load the design again"
                )
            time.sleep(_LONGEST_PAUSE)
        if not status & Status.ERROR:
            return "it ended while it was being reset"
        outcome = f"a soft reset ended it: {_device_error(target, address, count, notes)}"
    except TargetError as error:
        return f"a soft reset failed: {error}"
    return outcome + ("; memory has not answered" if status & Status.DRAINING else "")


def _wait(target: Target, timeout: float, what: str, done: Callable[[int], int]) -> int:
    """Poll CONTROL until ``done`` of it, and return it.

    Between two looks the host sleeps until the interrupt, on a target that has one (a method
    ``wait_interrupt(seconds)``), or ever longer.
    """
    started = time.monotonic()
    interrupt = getattr(target, "wait_interrupt", None)
    while True:
        asked = time.monotonic()
        status = target.read_register(Reg.CONTROL)
        if status == _ALL_ONES or not (status or done(0)):
            status = _look_again(target, status, what)
        if done(status):
            return status
        now = time.monotonic()
        if now - started > timeout:
            counted = {Reg.CYCLES.name: target.read_register(Reg.CYCLES), **_counters(target)}
            raise TargetTimeout(
                f"waited {timeout:g} s for {what}; CONTROL reads {status:#x}, "
                + ", ".join(f"{name} {value}" for name, value in counted.items())
            )
        if interrupt is not None:
            interrupt(min(timeout - (now - started), _LONGEST_SLEEP))
            continue
        pause = min(_LONGEST_PAUSE, (now - started) / 16)
        if now - asked < pause:
            time.sleep(pause)


def _look_again(target: Target, status: int, what: str) -> int:
    """Return CONTROL, read again; TargetError when no working device reads so."""
    again = target.read_register(Reg.CONTROL)
    if again != status:
        return again
    identity = target.read_register(Reg.IDENTITY)
    cause = "it was reset" if identity == IDENTITY else (
        f"IDENTITY reads {identity:#010x}: it has lost its power or its design"
    )
    raise TargetError(
        f"the device is gone while the host waited for {what}: CONTROL reads {status:#x} and "
        f"{cause}; load the design again if need be, then open the target again"
    )


def _counters(target: Target) -> dict[str, int]:
    if not target.config.has_counters:
        return {}
    return {register.name: target.read_register(register) for register in COUNTERS}


def _device_error(target: Target, address: int, count: int, notes: Sequence[str]) -> DeviceError:
    code, index = target.read_register(Reg.ERROR_CODE), target.read_register(Reg.ERROR_INDEX)
    text = ""
    base, size = target.window
    at = address + index * INSTRUCTION_BYTES
    if index < count and base <= at and at + INSTRUCTION_BYTES <= base + size:
        word = int.from_bytes(target.read_memory(at, INSTRUCTION_BYTES), "little")
        text = format_instruction(decode(word, target.config), target.config)
    at_bus = code in (ErrorCode.WINDOW, ErrorCode.BUS)
    return DeviceError(
        code, index, text, notes[index] if index < len(notes) else "",
        target.read_register(Reg.ERROR_ADDRESS) if at_bus else None,
    )

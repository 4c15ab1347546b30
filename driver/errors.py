"""Every error the driver raises: one class per thing a caller can react to."""

from __future__ import annotations

from collections.abc import Sequence

from ..isa.check.findings import Finding
from ..isa.opcodes import ErrorCode

__all__ = [
    "AccessError", "AllocationError", "AssemblyMemoryError", "AuthenticationError", "BundleError",
    "BusyError", "CheckError", "DeviceError", "HostStepError", "IdentityError", "LayoutError",
    "LinkError", "OutOfMemoryError", "ProgramError", "RegisterError", "StreamError", "TargetError",
    "TargetTimeout", "UrlError", "WindowError",
]


_SHOWN = 10  # findings in the text of a CheckError


class TargetError(OSError):
    """A device, or the connection to it, failed."""


class TargetTimeout(TargetError, TimeoutError):
    """A bounded wait ran out; the message names the event and the time."""


class UrlError(TargetError, ValueError):
    """A target URL that cannot be parsed or opened; the message lists the known choices."""


class IdentityError(TargetError):
    """The device is not an accelerator of this register map, version and configuration."""


class WindowError(TargetError, ValueError):
    """A memory access outside the target's window; nothing was read or written."""


class RegisterError(TargetError, ValueError):
    """A register offset or value that no device can have; nothing was read or written."""


class AccessError(TargetError):
    """There is no such device, or this user may not open it; the message gives the remedy."""


class BusyError(TargetError):
    """Another client or program has the device or the port."""


class LinkError(TargetError):
    """The other end of the line violates the protocol."""


class AuthenticationError(TargetError):
    """A server refuses the token, or cannot prove that it knows the token."""


class DeviceError(TargetError):
    """A launch ended in the error status.

    Attributes
    ----------
    code : ErrorCode or int
        Register ERROR_CODE; a plain int when this version does not know it.
    index : int
        Register ERROR_INDEX: position in the stream.
    instruction : str
        Text of the instruction there, ``""`` when there is none.
    note : str
        The stream's annotation of that instruction, ``""`` when there is none.
    address : int or None
        Register ERROR_ADDRESS for WINDOW and BUS: the burst that was refused or failed.
    """

    def __init__(
        self, code: int, index: int, instruction: str = "", note: str = "",
        address: int | None = None,
    ):
        self.code = ErrorCode(code) if code in list(ErrorCode) else code
        self.index, self.instruction, self.note, self.address = index, instruction, note, address
        name = self.code.name if isinstance(self.code, ErrorCode) else f"unknown code {code}"
        where = f" ({note})" if note else ""
        what = f": {instruction}" if instruction else ""
        burst = "" if address is None else f", burst at {address:#010x}"
        super().__init__(f"device error {name} at instruction {index}{where}{burst}{what}")


class OutOfMemoryError(MemoryError):
    """No room in the window; ``asked``, ``free`` and ``largest`` are bytes."""

    def __init__(self, asked: int, free: int, largest: int, what: str = ""):
        self.asked, self.free, self.largest = asked, free, largest
        super().__init__(
            f"out of device memory{f' for {what}' if what else ''}: asked for {asked} bytes, "
            f"{free} free, largest piece {largest}"
        )


class AllocationError(ValueError):
    """A request no allocator can serve, or a block freed twice."""


class LayoutError(ValueError):
    """An array that does not fit a tile layout: wrong shape, size or value range."""


class StreamError(ValueError):
    """An instruction stream that cannot be built as asked."""


class ProgramError(ValueError):
    """A program that contradicts itself, or inputs that do not belong to it."""


class AssemblyMemoryError(ProgramError):
    """Buffers of an assembly text and their arrays that do not fit; ``problems`` lists each."""

    def __init__(self, name: str, problems: Sequence[str]):
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{name}: {problem}" for problem in self.problems))


class CheckError(ProgramError):
    """The static checker refuses a launch: it could deadlock, fail, or depend on timing.

    Attributes
    ----------
    findings : tuple of Finding
        Warnings included.
    """

    def __init__(self, what: str, findings: Sequence[Finding], notes: Sequence[str] = ()):
        self.findings = tuple(findings)
        errors = [finding for finding in self.findings if not finding.warning]
        lines = []
        for finding in errors[:_SHOWN]:
            note = notes[finding.index] if finding.index < len(notes) else ""
            lines.append(f"  {f'[{note}] ' if note else ''}{finding}")
        if len(errors) > _SHOWN:
            lines.append(f"  and {len(errors) - _SHOWN} more")
        super().__init__("\n".join([
            f"{what} refused by the static checker (check=False, --no-check turn it off):", *lines,
        ]))


class BundleError(ProgramError):
    """A bundle file that is truncated, altered, foreign, newer, or cannot be written."""


class HostStepError(ProgramError):
    """A host step that failed, or that no host function implements."""

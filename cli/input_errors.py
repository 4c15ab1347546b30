"""Errors of the user's input, and the line that the command prints for them."""

from __future__ import annotations

__all__ = ["REFUSALS", "InputError", "message_of"]


class InputError(Exception):
    """Input that a verb refuses; the text names the problem, the place and the remedy."""


# Raised for input that the user can correct: one line on stderr, exit status 2, no traceback.
# Types are named by text, so that no verb imports another verb's modules.
REFUSALS = (
    "builtins.OSError",  # files, devices, simulators: driver's TargetError is one
    "myvta.cli.input_errors.InputError",
    "myvta.compiler.ir.compile_errors.CompileError",
    "myvta.driver.errors.OutOfMemoryError",
    "myvta.driver.errors.ProgramError",
    "myvta.isa.asm.assembler.AssemblyError",
    "myvta.isa.config.ConfigError",
    "myvta.isa.instructions.EncodeError",
    "myvta.isa.instructions.StreamLengthError",
    "myvta.model.timing.timing_engines.TimingError",
)


def message_of(error: BaseException) -> str | None:
    """Return the text for the user, or None when the error is internal and needs its traceback."""
    names = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__}
    if names.isdisjoint(REFUSALS):
        return None
    if isinstance(error, OSError) and error.strerror:
        where = " -> ".join(str(name) for name in (error.filename, error.filename2) if name)
        return f"{where}: {error.strerror}" if where else error.strerror
    return str(error)

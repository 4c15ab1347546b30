"""The exceptions of the compiler."""

from __future__ import annotations

__all__ = ["CompileError", "HostError"]


class CompileError(ValueError):
    """A network, calibration set or configuration that cannot be compiled.

    Attributes
    ----------
    problems
        Every reason, each one sentence: the problem, its place, the remedy.
    """

    def __init__(self, *problems: str):
        self.problems = list(problems)
        super().__init__("\n".join(problems))


class HostError(CompileError):
    """A node that the evaluator of its front end cannot run."""

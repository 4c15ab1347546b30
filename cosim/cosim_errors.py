"""Errors around a simulator: missing tools, failed builds, violations of bus rules."""

from __future__ import annotations

from ..driver.errors import TargetError
from .rules import Rule

__all__ = ["BuildError", "BusViolation", "MissingTool", "SimulatorError"]


class MissingTool(TargetError):
    """A program the target needs is not installed; the message names the package."""


class BuildError(TargetError):
    """A simulator refused the design or a compiler its output; ends with the tool's last lines."""


class SimulatorError(TargetError):
    """A running simulation stopped by itself: $finish, $stop, no convergence, a lost process."""


class BusViolation(TargetError):
    """The device under test broke a rule of AXI.

    Attributes
    ----------
    rule : Rule
        Which one.
    cycle : int
        Rising clock edge, counted from the opening of the target.
    """

    def __init__(self, rule: Rule, cycle: int, text: str):
        self.rule, self.cycle = rule, cycle
        super().__init__(f"bus rule {rule.name} broken at cycle {cycle}: {text} ({rule.meaning})")

"""cosim_errors: every error of a simulator is one of a target; a violation says which rule."""

import pytest

from myvta.cosim.cosim_errors import BuildError, BusViolation, MissingTool, SimulatorError
from myvta.cosim.rules import Rule
from myvta.driver.errors import TargetError


@pytest.mark.parametrize("error", [MissingTool, BuildError, SimulatorError, BusViolation])
def test_errors_are_caught_as_target_errors(error):
    assert issubclass(error, TargetError)


def test_violation_names_rule_cycle_detail_and_the_rule_in_words():
    violation = BusViolation(Rule.LAST, 41, "WLAST is low in the last beat")
    assert (violation.rule, violation.cycle) == (Rule.LAST, 41)
    assert str(violation) == (
        "bus rule LAST broken at cycle 41: WLAST is low in the last beat (WLAST is high in the "
        "last beat of a burst and only there, A3.4.1)"
    )

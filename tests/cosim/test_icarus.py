"""Icarus's own: cycle for cycle like Verilator, one at a time, and wires without a value."""

import pytest
from copy_core import MEMORIES, Fault, copy, open_copy_core

from myvta.cosim.cosim_errors import BusViolation, SimulatorError
from myvta.cosim.rules import Rule
from myvta.driver.errors import TargetError

pytestmark = pytest.mark.icarus


@pytest.mark.verilator
@pytest.mark.parametrize("memory", MEMORIES, ids=str)
def test_a_copy_takes_the_same_cycles_as_under_verilator(memory, tmp_path):
    seen = []
    for scheme in ("icarus", "verilator"):
        with open_copy_core(scheme, tmp_path, **memory) as target:
            target.chunk = 1000  # looks at CONTROL at the same cycles
            seen.append((copy(target, 100), target.counters()))
    assert seen[0] == seen[1]


def test_valid_without_a_value_is_a_violation(tmp_path):
    with open_copy_core("icarus", tmp_path) as target, pytest.raises(BusViolation) as caught:
        copy(target, 8, fault=Fault.UNKNOWN_VALID)
    assert caught.value.rule is Rule.UNKNOWN
    assert "m_axi_arvalid has no value" in str(caught.value)


def test_a_second_target_is_refused_until_the_first_is_closed(tmp_path):
    from myhdl import _simulator

    before = len(_simulator._signals)
    for _ in range(3):
        with open_copy_core("icarus", tmp_path) as target:
            child = target._bench._vvp._child
            copy(target, 4)
            with pytest.raises(TargetError, match="MyHDL allows one; close that target first"):
                open_copy_core("icarus", tmp_path)
        assert child.returncode is not None  # reaped: no zombie
        assert len(_simulator._signals) == before


def test_a_lost_vvp_is_an_error_and_another_target_opens(tmp_path):
    target = open_copy_core("icarus", tmp_path)
    target._bench._vvp._child.kill()
    with pytest.raises(SimulatorError, match="vvp ended"):
        copy(target, 4)
    target.close()
    with open_copy_core("icarus", tmp_path) as target:
        copy(target, 4)

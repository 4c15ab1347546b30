"""Every constant of the timing model names a file of the RTL."""

from pathlib import Path

import pytest

from myvta.model.timing.timing_constants import CONSTANTS, cycles

RTL = Path(__file__).parents[4] / "rtl"


@pytest.mark.parametrize("name", CONSTANTS)
def test_every_constant_names_its_rtl(name: str) -> None:
    assert len(list(RTL.rglob(f"{CONSTANTS[name].rtl}.py"))) == 1
    assert cycles(name) == CONSTANTS[name].value > 0

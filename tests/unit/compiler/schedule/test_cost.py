"""The cost of a schedule as one number."""

from __future__ import annotations

import pytest

from myvta.compiler.schedule.cost import Cost
from myvta.isa.config import named


@pytest.mark.parametrize(("log_bus", "total"), [(6, 1025.0), (7, 1012.5)])
def test_a_beat_costs_a_sixteenth_of_a_cycle(log_bus: int, total: float) -> None:
    config = named("default").replace(log_bus_width=log_bus)
    assert Cost(1000, 3200).total(config) == total

"""The target of a compilation: defaults and refusals."""

from __future__ import annotations

import pytest

from myvta.compiler.ir.target_description import TargetDescription
from myvta.isa.config import named


def test_default_latency_and_memory_are_these() -> None:
    target = TargetDescription(named("default"))
    assert (target.memory_latency, target.memory_bytes) == (64, 64 << 20)


@pytest.mark.parametrize("name", ["memory_latency", "memory_bytes"])
def test_values_below_one_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be at least 1, not 0"):
        TargetDescription(named("default"), **{name: 0})

"""Cases of a parametrised test that `make test` runs and `make check` does not."""

from __future__ import annotations

from typing import Any

import pytest

__all__ = ["slow"]


def slow(*values: Any) -> list[Any]:
    """Mark parameter values as slow: ``parametrize("config", ["1x4x4", *slow("default")])``."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]

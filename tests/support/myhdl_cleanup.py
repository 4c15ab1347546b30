"""For folders whose tests elaborate MyHDL in their own process: a fixture and a faster lookup."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from myhdl import _simulator

from myvta.rtl.inspection import cache_inspection

__all__ = ["forget_hardware"]

cache_inspection()  # MyHDL looks through pytest's deep stack for every block it elaborates


@pytest.fixture(autouse=True)
def forget_hardware() -> Iterator[None]:
    """Remove a test's signals and blocks: MyHDL keeps all, and every simulation visits all."""
    kept = _simulator._signals, _simulator._blocks
    known = [len(items) for items in kept]
    yield
    for items, count in zip(kept, known, strict=True):
        del items[count:]

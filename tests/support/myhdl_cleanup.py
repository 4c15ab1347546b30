"""For folders whose tests elaborate or convert MyHDL: fixtures, and a faster lookup of sources."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from myhdl import _simulator

from myvta.rtl.inspection import cache_inspection

__all__ = ["find_support", "forget_hardware"]

cache_inspection()  # MyHDL looks through pytest's deep stack for every block it elaborates


@pytest.fixture(autouse=True)
def forget_hardware() -> Iterator[None]:
    """Remove a test's signals and blocks: MyHDL keeps all, and every simulation visits all."""
    kept = _simulator._signals, _simulator._blocks
    known = [len(items) for items in kept]
    yield
    for items, count in zip(kept, known, strict=True):
        del items[count:]


@pytest.fixture(autouse=True, scope="session")
def find_support() -> Iterator[None]:
    """Let the fresh process of a conversion import the modules that a test's file imports."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
        yield

"""Every backend as a target, opened once a module, and a runtime on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from myvta.driver import Runtime, Target, open_target

TARGETS = [
    "model://?config=1x4x4&mem=0:1M",
    "model://?config=1x4x4&mem=0x40000000:1M&order=1",
    "model://?config=2x8x8&mem=0x1000:1M&order=2",
    "model://?config=1x4x4_int4&mem=0:1M",
    "model://?config=default&mem=0:1M&order=3",
]
RTL = [
    pytest.param(f"{scheme}://?mem=0x1000:1M&{more}", marks=getattr(pytest.mark, scheme))
    for scheme, more in (
        ("icarus", "config=1x4x4"),
        ("verilator", "config=1x4x4&latency=20&stall=30&seed=3"),
        ("verilator", "config=2x8x8"),
    )
]


@pytest.fixture(scope="module", params=[*TARGETS, *RTL])
def target_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of each backend in turn."""
    url: str = request.param
    return url


@pytest.fixture(scope="module")
def target(target_url: str) -> Iterator[Target]:
    """Open each device once: every test writes the data it reads."""
    with open_target(target_url) as opened:
        yield opened


@pytest.fixture
def runtime(target: Target) -> Runtime:
    """Return a runtime that checks its streams."""
    return Runtime(target, serial=True)


@pytest.fixture
def unchecked(target: Target) -> Runtime:
    """Return a runtime whose errors only the device detects."""
    return Runtime(target, serial=True, check=False)

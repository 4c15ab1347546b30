"""Fixtures for tests that run one program on several backends; see :mod:`device_run`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from device_run import Device, Targets

__all__ = ["device", "targets"]


@pytest.fixture(scope="module")
def targets() -> Iterator[Targets]:
    """Simulators that the tests of a module share; closed after it, as Icarus allows only one."""
    shared = Targets()
    yield shared
    shared.close()


@pytest.fixture
def device(targets: Targets, request: pytest.FixtureRequest) -> Device:
    """Return a backend with a configuration: ``parametrize("device", EVERYWHERE, indirect=True)``.

    The parameter is (backend, name of a configuration); see :mod:`device_run`.
    """
    backend, name = request.param
    return Device(targets, backend, name)

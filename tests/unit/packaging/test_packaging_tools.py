"""A test whose tool is missing: skipped with the reason, in CI failed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS_ROOT = Path(__file__).parents[2]
TESTS = """
import pytest

@pytest.mark.icarus
def test_markers_need_their_tools():
    pass

def test_tools_are_found_by_the_name_of_a_test(require_tool):
    require_tool("ghdl")

def test_present_tools_run_the_test(require_tool):
    require_tool("bash")
"""


@pytest.mark.parametrize(("ci", "outcome"), [
    ("", "1 passed, 2 skipped"), ("false", "1 passed, 2 skipped"),
    ("true", "1 failed, 1 passed, 1 error"), ("1", "1 failed, 1 passed, 1 error"),
])
def test_missing_tool_skips_or_fails_in_ci(tmp_path, ci, outcome):
    shutil.copy(TESTS_ROOT / "conftest.py", tmp_path)
    (tmp_path / "test_some.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = icarus\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "bash").symlink_to(shutil.which("bash"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", tmp_path],
        env={
            "PATH": str(tmp_path / "bin"), "CI": ci, "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        },
        capture_output=True, text=True, timeout=60,
    )
    assert f"= {outcome} in" in done.stdout, done.stdout
    missing = "not installed, and in CI" if ci in ("true", "1") else "(`myvta doctor` says how)"
    assert done.stdout.count(missing) == 2

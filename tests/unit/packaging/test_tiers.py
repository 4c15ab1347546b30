"""The tiers: modules that `make check` may not import, and tiers selected by name."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def run_pytest(*arguments: object, cwd: Path) -> tuple[int, str]:
    """Run pytest in a fresh process; return its status and output."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *map(str, arguments)], cwd=cwd,
        capture_output=True, text=True, timeout=110, check=False,
    )
    return done.returncode, done.stdout + done.stderr


def quick_tier() -> list[str]:
    """Return the arguments that `make check` gives to pytest."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    found = re.search(r"^CHECK := ((?:.*\\\n)*.*)", text, re.M)
    assert found
    return shlex.split(found[1].replace("\\\n", " "))


def test_option_makes_the_import_of_myhdl_fail(tmp_path: Path) -> None:
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_some.py").write_text("def test_import():\n    import myhdl\n")
    assert run_pytest("--without-myhdl", cwd=tmp_path)[0] == 1
    assert run_pytest(cwd=tmp_path)[0] == 0


@pytest.mark.slow
def test_quick_tier_is_collected_without_myhdl_and_simulators() -> None:
    arguments = quick_tier()
    assert "--without-myhdl" in arguments
    status, output = run_pytest("--collect-only", "-q", *arguments, cwd=ROOT)
    assert status == 0, output[-2000:]
    folders = {line.split("/")[2] for line in output.splitlines() if "::" in line}
    assert folders == {"isa", "asm", "check", "model", "compiler", "driver"}
    assert not re.findall(r"\[(?:.*-)?(?:icarus|verilator)(?:-.*)?\]", output)


def test_pre_commit_runs_targets_of_the_makefile() -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    entries = re.findall(r"^ *entry: make (\w+)$", hooks, re.M)
    assert entries == ["lint", "check"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(re.search(rf"^{entry}:", makefile, re.M) for entry in entries)


def test_hosted_ci_runs_the_commands_of_the_tree() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert "- run: .ci/run\n" in workflow
    weekly = re.search(r"environment: \[(.*)\]", workflow)
    assert weekly
    tox = (ROOT / "tox.ini").read_text(encoding="utf-8")
    environments = set(re.findall(r"^\[testenv:(\w+)\]", tox, re.M))
    assert set(weekly[1].split(", ")) <= environments
    assert {"soak", "networks", "convert"} <= set(weekly[1].split(", "))


def test_every_tier_that_the_default_leaves_out_is_run_by_name() -> None:
    options = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    default = re.search(r'^ *-m "(not .*)"$', options, re.M)
    assert default
    left_out = set(default[1].removeprefix("not ").split(" and not "))
    assert {"slow", "soak"} <= left_out
    selected: set[str] = set()
    for file in (".ci/run", "tox.ini"):
        for expression in re.findall(r'-m (?:"([^"]+)"|(\w+))', (ROOT / file).read_text("utf-8")):
            text = re.sub(r"not \w+", "", "".join(expression))
            selected |= set(re.findall(r"\w+", text)) - {"and", "or"}
    assert left_out <= selected

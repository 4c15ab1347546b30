"""Every benchmark handles help, refused arguments and errors of the code it calls."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
SCRIPTS = ("accuracy", "asic", "check_cost", "golden", "links", "model_speed", "networks",
           "rtl_cycles", "schedules", "synthesis", "timing_model")
NEITHER = "'{}' is neither a file nor a named configuration"
REFUSED = [
    ("accuracy", ("no.onnx",), "no.onnx needs DATA.npz"),
    ("accuracy", ("no.onnx", "no.npz"), "no.npz"),
    ("synthesis", ("--xilinx", "no.json"), NEITHER.format("no.json")),
    ("synthesis", ("--ecp5", "7x7"), NEITHER.format("7x7")),
    ("synthesis", ("--seeds", "one"), "invalid int value: 'one'"),
    ("networks", ("nowhere",), "there is no network 'nowhere': choose from resnet18, "),
    ("networks", ("--config", "7x7"), NEITHER.format("7x7")),
    ("networks", ("--latency", "0"), "must be a whole number from 1 on, not '0'"),
    ("asic", ("7x7",), NEITHER.format("7x7")),
    ("check_cost", ("--config", "7x7"), NEITHER.format("7x7")),
    ("timing_model", ("--network", "nowhere"), "invalid choice: 'nowhere'"),
    ("model_speed", ("--passes", "0"), "must be a whole number from 1 on, not '0'"),
    ("rtl_cycles", ("--json", "no/folder/x.json"), "cannot write no/folder/x.json"),
    ("links", ("--json", "."), "cannot write .: name a file in a folder that exists"),
    ("schedules", ("--nothing",), "unrecognized arguments: --nothing"),
    ("golden", ("--only", "nothing"), "invalid choice: 'nothing'"),
]


def run(script: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a benchmark in a folder of its own."""
    return subprocess.run([sys.executable, FOLDER / f"{script}.py", *arguments], cwd=folder,
                          capture_output=True, text=True, check=False)


def test_every_script_is_listed() -> None:
    scripts = {path.stem for path in FOLDER.glob("*.py")
               if "__main__" in path.read_text(encoding="utf-8")}
    assert scripts == set(SCRIPTS)


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS)
def test_help_exits_with_0(script: str, tmp_path: Path) -> None:
    done = run(script, "--help", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: {script}.py ")


@pytest.mark.slow
@pytest.mark.parametrize(("script", "arguments", "text"), REFUSED)
def test_wrong_argument_is_refused_in_one_line(
    script: str, arguments: tuple[str, ...], text: str, tmp_path: Path
) -> None:
    done = run(script, *arguments, folder=tmp_path)
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert text in done.stderr.splitlines()[-1]
    assert "met:" not in done.stdout, "nothing was measured"

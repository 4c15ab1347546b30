"""`myvta profile`: its table, its files, and input that it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from compiler_networks import NetworkBuilder, compiled, save_samples

from myvta.cli.main import cli
from myvta.driver import write_bundle


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a bundle of two layers, one launch each."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    build = NetworkBuilder(1)
    build.conv(build.conv(build.input((1, 4, 6, 6)), 8), 4)
    made = compiled(build, tmp_path, "1x4x4", per_layer=True)
    save_samples(build, tmp_path / "images.npz", 2)
    return write_bundle(made.program, tmp_path / "net.vta")


def myvta(*args: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli, ["profile", *args])


@pytest.mark.verilator
def test_profile_of_the_rtl(bundle: Path) -> None:
    done = myvta("net.vta", "--report", "out", "--input", "images.npz")
    assert done.exit_code == 0, done.output
    assert "wrote out/index.html" in done.output
    assert {path.name for path in Path("out").iterdir()} == {
        "index.html", "profile.json", "trace.json", "timeline.svg", "roofline.svg", "causes.svg",
        "traffic.svg",
    }
    told = json.loads(myvta("net.vta", "--json").output)
    kept = json.loads(Path("out/profile.json").read_text())
    assert told["target"] == "verilator://"
    assert told["cycles"] == kept["cycles"] == sum(row["cycles"] for row in told["rows"])
    assert f"{told['cycles']} cycles" in done.output


@pytest.mark.slow
@pytest.mark.icarus
@pytest.mark.verilator
def test_targets_with_cycle_counters_agree(bundle: Path) -> None:
    rows = []
    for target in ("verilator://", "icarus://"):
        told = json.loads(myvta("net.vta", "--target", target, "--json").output)
        rows.append([{**row, "seconds": None} for row in told["rows"]])
    assert rows[0] == rows[1]
    assert any(row["cycles"] for row in rows[0])


def test_target_without_cycle_counters_and_empty_input_are_refused(bundle: Path) -> None:
    done = myvta("net.vta", "--target", "model://", "--report", "out")
    assert done.exit_code == 2
    assert done.stderr == (
        "error: model:// counts no cycles: use verilator://, icarus:// or a board\n")
    assert not Path("out").exists()
    np.savez("none.npz", input=np.zeros((0, 4, 6, 6), np.float32))
    assert myvta("net.vta", "--target", "model://", "--input", "none.npz").exit_code == 2

"""`myvta profile`: its table, its files, and input that it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from assembly_texts import PRODUCT
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
        "error: model:// counts no cycles: use verilator://, icarus://, a board or --predict\n")
    assert not Path("out").exists()
    np.savez("none.npz", input=np.zeros((0, 4, 6, 6), np.float32))
    assert myvta("net.vta", "--target", "model://", "--input", "none.npz").exit_code == 2


def test_prediction_of_a_bundle_needs_no_target(bundle: Path) -> None:
    done = myvta("net.vta", "--predict", "--report", "out")
    assert done.exit_code == 0, done.output
    assert {path.name for path in Path("out").iterdir()} == {
        "index.html", "profile.json", "trace.json", "roofline.svg", "traffic.svg"}
    facts = json.loads(myvta("net.vta", "--predict", "--json", "--latency", "64").output)
    kept = json.loads(Path("out/profile.json").read_text())
    assert facts["target"] is None
    assert facts["cycles"] > kept["cycles"] > 0
    assert f"{kept['cycles']} cycles" in done.output
    assert all(len(line) <= 120 for line in done.output.splitlines())


def test_prediction_of_assembly_needs_no_memory(bundle: Path) -> None:
    Path("a.s").write_text(PRODUCT)
    done = myvta("a.s", "--predict", "--report", "out")
    assert done.exit_code == 0, done.output
    assert "a.s on 1x4x4: " in done.output
    page = Path("out/index.html").read_text()
    assert page.count('<g class="bar ') == 6
    assert "a.s:10" in page


@pytest.mark.icarus
def test_profile_of_assembly_on_the_rtl_records_its_instructions(bundle: Path) -> None:
    Path("a.s").write_text(PRODUCT)
    done = myvta("a.s", "--target", "icarus://", "--report", "out")
    assert done.exit_code == 0, done.output
    page = Path("out/index.html").read_text()
    assert page.count('<g class="bar ') == 6 and "Recorded from the RTL." in page


def test_options_that_contradict_each_other_are_refused(bundle: Path) -> None:
    for arguments, message in [
        (("net.vta", "--predict", "--target", "model://"),
         "--predict runs nothing; leave --target model:// out"),
        (("net.vta", "--latency", "4"),
         "--latency is for --predict; a simulator takes verilator://?latency=64"),
        (("net.vta", "--predict", "--config", "1x4x4"),
         "net.vta is a bundle, compiled for one configuration; leave --config out"),
    ]:
        done = myvta(*arguments)
        assert (done.exit_code, done.stderr) == (2, f"error: {message}\n")


def test_a_stream_that_deadlocks_is_refused_by_the_prediction(bundle: Path) -> None:
    Path("a.s").write_text(PRODUCT.replace("cols=1 push_next", "cols=1"))
    done = myvta("a.s", "--predict")
    assert done.exit_code == 2
    assert "tokens that are never pushed" in done.stderr

"""`myvta tune`, and `myvta compile` with its result or a forced schedule."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from compiler_networks import NetworkBuilder, save, save_samples

from myvta.cli.main import cli
from myvta.compiler.schedule.conv_problem import DATAFLOWS
from myvta.driver.program.bundle import read_bundle
from myvta.isa.instructions import decode_stream
from myvta.model.timing.predict import predict

NETWORK = ("net.onnx", "--calib", "calib.npz", "--config", "1x4x4")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a folder with a network and calibration data."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    build = NetworkBuilder(2)
    build.conv(build.relu(build.conv(build.input((1, 8, 12, 12)), 12)), 9)
    save(build, tmp_path / "net.onnx")
    save_samples(build, tmp_path / "calib.npz", 2)
    return tmp_path


def myvta(*args: str) -> Result:
    """Run the command, which must succeed."""
    result = CliRunner().invoke(cli, args)
    assert result.exit_code == 0, result.output
    return result


def cycles(path: str) -> int:
    """Predict the cycles of a bundle of one launch."""
    program = read_bundle(Path(path))
    (step,) = program.launches
    (uops,) = (part.data for part in program.segments if part.offset == step.uops)
    return predict(
        decode_stream(program.code(step), program.config), uops, program.config, latency=64).cycles


def test_tuned_schedules_are_compiled(folder: Path) -> None:
    result = myvta("tune", *NETWORK, "--target", "none", "--trials", "6", "-o", "t.json")
    assert "wrote t.json; trials in t.trials.jsonl" in result.output
    content = json.loads(Path("t.json").read_text())
    assert len(content["layers"]) == 2
    assert all(layer["measured"] is None for layer in content["layers"])
    assert len(Path("t.trials.jsonl").read_text().splitlines()) == 12
    myvta("tune", *NETWORK, "--target", "none", "--trials", "8", "-o", "t.json")
    assert len(Path("t.trials.jsonl").read_text().splitlines()) == 16
    for layer in content["layers"]:  # something that compile would not choose
        layer["tiling"] |= {"oh": 1, "co": 1, "part": 1, "ci": 1, "dataflow": "input-stationary"}
    Path("bad.json").write_text(json.dumps(content))
    myvta("compile", *NETWORK, "-o", "plain.vta")
    myvta("compile", *NETWORK, "-o", "tuned.vta", "--tuned", "t.json")
    myvta("compile", *NETWORK, "-o", "bad.vta", "--tuned", "bad.json")
    assert cycles("tuned.vta") < 1.05 * cycles("plain.vta")
    assert cycles("bad.vta") > cycles("plain.vta")


def test_layers_of_every_kind_are_tuned_and_shown(folder: Path) -> None:
    build = NetworkBuilder(2)
    build.relu(build.max_pool(build.input((1, 8, 12, 12))))
    save(build, folder / "net.onnx")
    result = myvta("tune", *NETWORK, "--target", "none", "--trials", "3", "-o", "t.json")
    rows = [line.split()[:2] for line in result.stdout.splitlines()]
    assert rows[:3] == [["layer", "operator"], ["maxpool0", "MaxPool"], ["relu1", "Relu"]]
    content = json.loads(Path("t.json").read_text())
    assert content["version"] == 3
    assert [layer["problem"]["kind"] for layer in content["layers"]] == ["MaxPool", "BlockGemm"]
    for layer in content["layers"]:
        layer["tiling"] = dict.fromkeys(layer["tiling"], 1)
    Path("bad.json").write_text(json.dumps(content))
    myvta("compile", *NETWORK, "-o", "tuned.vta", "--tuned", "t.json")
    myvta("compile", *NETWORK, "-o", "bad.vta", "--tuned", "bad.json")
    assert cycles("bad.vta") > 2 * cycles("tuned.vta")


@pytest.mark.verilator
@pytest.mark.timeout(600)  # it may build a simulator
def test_best_schedules_are_measured_on_the_target(folder: Path) -> None:
    myvta("tune", *NETWORK, "--target", "verilator://?latency=64&mem=0x0:1M", "--trials", "4",
          "--verify", "2", "-o", "t.json")
    for layer in json.loads(Path("t.json").read_text())["layers"]:
        assert layer["measured"] == pytest.approx(layer["cycles"], rel=0.03)


def test_latency_hiding_can_be_switched_off(folder: Path) -> None:
    myvta("compile", *NETWORK, "-o", "on.vta")
    myvta("compile", *NETWORK, "-o", "off.vta", "--no-latency-hiding")
    assert cycles("off.vta") > 1.1 * cycles("on.vta")


def test_dataflow_can_be_forced(folder: Path) -> None:
    codes = set()
    for dataflow in DATAFLOWS:
        myvta("compile", *NETWORK, "-o", f"{dataflow}.vta", "--dataflow", dataflow)
        program = read_bundle(Path(f"{dataflow}.vta"))
        codes.add(program.code(program.launches[0]))
    assert len(codes) >= 2  # with one tile of channels two of them are the same


def test_invalid_options_are_refused(folder: Path) -> None:
    Path("t.json").write_text("{}")
    result = CliRunner().invoke(cli, ["compile", *NETWORK, "--tuned", "t.json"])
    assert result.exit_code == 2
    assert "`myvta tune` writes them" in result.stderr

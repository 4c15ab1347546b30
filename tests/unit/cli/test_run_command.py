"""`myvta run`: outputs, cycles, files, and input that it refuses."""

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
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a folder with the bundle of a small classifier and images."""
    monkeypatch.chdir(tmp_path)
    build = NetworkBuilder(3)
    x = build.flatten(build.relu(build.conv(build.input((1, 3, 4, 4)), 6)))
    program = compiled(build, tmp_path, "1x4x4", x).program
    write_bundle(program, tmp_path / "net.vta")
    save_samples(build, tmp_path / "images.npz", 3)
    return tmp_path


def run(*arguments: str) -> Result:
    """Run a bundle."""
    return CliRunner().invoke(cli, ["run", *arguments])


def refused(*arguments: str) -> str:
    """Run a command that must be refused in one line; return the line."""
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("error: ") and "Traceback" not in result.stderr
    return result.stderr


def test_outputs_are_printed_and_written(folder: Path) -> None:
    result = run("net.vta", "--input", "images.npz", "--output", "out.npz")
    assert result.exit_code == 0, result.output
    assert "float32 [3, 96]" in result.output
    assert "3 images in 3 launches on model://" in result.output
    assert result.output.endswith("wrote out.npz\n")
    facts = json.loads(run("net.vta", "--input", "images.npz", "--json").output)
    with np.load("out.npz") as arrays:
        assert list(arrays.files) == list(facts["outputs"])
        for name, value in facts["outputs"].items():
            np.testing.assert_allclose(arrays[name], np.array(value), rtol=1e-6)
    assert (facts["images"], facts["images_per_run"], len(facts["launches"])) == (3, 1, 3)


def test_layers_option_writes_the_integers_of_each_layer(folder: Path) -> None:
    assert run("net.vta", "--input", "images.npz", "--output", "o.npz", "--layers").exit_code == 0
    with np.load("o.npz") as arrays:
        integers = [name for name in arrays.files if name.endswith(".q")]
        assert integers
        assert all(arrays[name].dtype == np.int8 for name in integers)


def test_wrong_input_bundle_and_target_are_refused(folder: Path) -> None:
    np.savez("wrong.npz", input=np.zeros((4, 1, 99, 99)))
    images = ("net.vta", "--input", "images.npz")
    assert "wrong.npz: 'input' must have shape [images, " in refused(
        "net.vta", "--input", "wrong.npz")
    assert "no.npz: No such file or directory" in refused("net.vta", "--input", "no.npz")
    assert "net.vta needs images: --input DATA.npz" in refused("net.vta")
    assert "net.vta is a bundle, compiled for one" in refused(*images, "--config", "1x4x4")
    assert "no.vta" in refused("no.vta", "--input", "images.npz")
    assert "images.npz refused: " in refused("images.npz", "--input", "images.npz")
    Path("half.vta").write_bytes(Path("net.vta").read_bytes()[:1000])
    assert "half.vta refused: truncated" in refused("half.vta", "--input", "images.npz")
    assert "nowhere" in refused(*images, "--target", "nowhere://")
    assert "1x8x8" in refused(*images, "--target", "model://?config=1x8x8")

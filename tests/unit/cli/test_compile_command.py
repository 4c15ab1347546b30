"""`myvta compile` and `myvta run`: output, files and refusals."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result
from compiler_networks import NetworkBuilder, random_network, save, save_samples
from qdq_models import hand_made

from myvta.cli.main import VERBS, cli
from myvta.compiler.compile import compile_model
from myvta.compiler.frontend.onnx import saturation
from myvta.compiler.reference.reference_evaluator import evaluate


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a folder with a network, calibration data and images."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    build = random_network(6)
    save(build, tmp_path / "net.onnx")
    save_samples(build, tmp_path / "calib.npz", 4)
    save_samples(build, tmp_path / "images.npz", 3)
    return tmp_path


def myvta(*args: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli, args)


def refused(*args: str) -> str:
    """Run the command, which must refuse in one line; return it."""
    before = sorted(Path().iterdir())
    result = myvta(*args)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    assert sorted(Path().iterdir()) == before, "something was left behind"
    assert result.stderr.startswith("error: ")
    return result.stderr.removeprefix("error: ").rstrip("\n")


def test_compile_and_run_are_verbs() -> None:
    assert {"compile", "run"} <= set(VERBS)


def test_compiled_bundle_runs(folder: Path) -> None:
    result = myvta("compile", "net.onnx", "--calib", "calib.npz", "--config", "1x4x4")
    assert result.exit_code == 0, result.output
    assert "wrote net.vta" in result.output
    assert "conv0" in result.output
    (entry,) = [line for line in result.output.splitlines() if "(input)" in line]
    assert re.search(r"^input +\(input\) +host +> 0\.\d+ +0.00 % +\d+\.\d dB", entry)
    ran = myvta("run", "net.vta", "--input", "images.npz", "--output", "out.npz", "--layers")
    assert ran.exit_code == 0, ran.output
    assert "3 images in 3 launches on model://" in ran.output
    with np.load("calib.npz") as calibration:
        made = compile_model("net.onnx", dict(calibration), "1x4x4")
    with np.load("images.npz") as images:
        wanted = evaluate(made.quantized, dict(images))
    with np.load("out.npz") as found:
        layers = [name for name in found.files if name.endswith(".q")]
        assert len(layers) > 2
        for name in layers:
            want = wanted[name[:-2]]
            np.testing.assert_array_equal(found[name].reshape(want.shape), want)


def test_json_reports_of_compile_and_run_agree(folder: Path) -> None:
    result = myvta("compile", "net.onnx", "--calib", "calib.npz", "-o", "a.vta", "--json")
    report = json.loads(result.output)
    assert report["output"] == "a.vta"
    assert report["config"] == "default"
    assert {node["where"] for node in report["nodes"]} == {"accelerator"}
    ran = json.loads(myvta("run", "a.vta", "--input", "images.npz", "--json").output)
    assert ran["images"] == 3
    assert len(ran["launches"]) == 3
    assert ran["launches"][0]["counters"]["GEMM_STEPS"] == sum(
        node["costs"]["gemm_steps"] for node in report["nodes"]
    )
    assert list(ran["outputs"]) == ["gemm5"] or len(ran["outputs"]) == 1


@pytest.mark.parametrize(("fuse", "count"), [("on", 1), ("off", 0)])
def test_fuse_computes_a_layer_in_its_convolution(folder: Path, fuse: str, count: int) -> None:
    build = NetworkBuilder(1)
    x = build.conv(build.input((1, 6, 5, 5)), 7)
    build.node("LeakyRelu", [x], build.shapes[x], alpha=0.25)
    save(build, folder / "net.onnx")
    save_samples(build, folder / "calib.npz", 4)
    result = myvta(
        "compile", "net.onnx", "--calib", "calib.npz", "--config", "1x4x4", "--fuse", fuse,
        "--json")
    assert result.exit_code == 0, result.output
    reasons = [node["reason"] for node in json.loads(result.output)["nodes"]]
    assert sum(reason.endswith("; computed in conv0") for reason in reasons) == count


def test_compare_prints_maxima_of_float_and_integer_outputs(folder: Path) -> None:
    compile_it = ("compile", "net.onnx", "--calib", "calib.npz", "--compare")
    result = myvta(*compile_it)
    assert result.exit_code == 0, result.output
    assert "maxima, float against integer; the same argmax in " in result.output
    assert " of 4 images; " in result.output
    (output,) = json.loads(myvta(*compile_it, "--json").output)["compared"]
    assert len(output["images"]) == len(output["float"]) == len(output["integer"]) == 4
    row = output["images"][3]
    assert row["value"] == np.max(output["integer"][3])
    assert f"{row['value']:.6g}" in result.output


def test_forced_calibration_and_scales_are_used(folder: Path) -> None:
    compile_it = ("compile", "net.onnx", "--calib", "calib.npz", "--json")
    forced = json.loads(myvta(
        *compile_it, "--calibration", "kl", "--scales", "power-of-two", "--equalize", "off").output)
    assert (forced["method"], forced["scales"]) == ("kl", "power-of-two")
    assert not forced["equalized"]
    assert list(forced["tried"]) == ["kl"]
    for node in forced["nodes"]:
        if node["weight_scale"]:
            assert node["weight_scale"][0] == node["weight_scale"][1]
    free = json.loads(myvta(*compile_it).output)
    assert {"error", "minmax", "percentile", "kl"} <= set(free["tried"])
    for option in ("--scales", "--equalize"):
        assert f"Invalid value for '{option}'" in refused(*compile_it[:4], option, "some")


def test_pre_quantized_model_reports_its_deviation(folder: Path) -> None:
    onnx.save(hand_made(), "q.onnx")
    np.savez("q.npz", x=np.random.default_rng(1).normal(0, 2, (5, 2, 3, 3)))
    result = myvta("compile", "q.onnx", "--calib", "q.npz")
    assert result.exit_code == 0, result.output
    assert "pre-quantized model: on its own integers a layer is at most " in result.output
    assert "out: argmax as the model's in 5 of 5 images" in result.output
    report = json.loads(myvta("compile", "q.onnx", "--calib", "q.npz", "--json").output)
    assert report["method"] == "qdq"
    assert report["nodes"][0]["deviation"][0] <= 1
    assert report["same_argmax"] == {"out": [5, 5]}
    assert "its scales need 8-bit operands and RQT, and base has not both" in refused(
        "compile", "q.onnx", "--calib", "q.npz", "--config", "base")


@pytest.mark.parametrize("saturates", [True, False])
def test_qdq_report_mentions_saturation_of_onnxruntime(
    folder: Path, monkeypatch: pytest.MonkeyPatch, saturates: bool
) -> None:
    monkeypatch.setattr(saturation, "pairs_saturate", lambda: saturates)
    onnx.save(hand_made("uint8"), "q.onnx")
    np.savez("q.npz", x=np.random.default_rng(1).normal(0, 2, (5, 2, 3, 3)))
    result = myvta("compile", "q.onnx", "--calib", "q.npz")
    assert result.exit_code == 0, result.output
    assert ("session.x64quantprecision to 1" in result.output) == saturates
    report = json.loads(myvta("compile", "q.onnx", "--calib", "q.npz", "--json").output)
    assert bool(report["deviation_note"]) == saturates


def test_host_nodes_are_listed_with_their_reason(folder: Path) -> None:
    build = NetworkBuilder()
    build.node("Softmax", [build.conv(build.input((1, 2, 4, 4)), 3)], (1, 3, 4, 4), axis=1)
    save(build, folder / "s.onnx")
    save_samples(build, Path("s.npz"), 2)
    result = myvta("compile", "s.onnx", "--calib", "s.npz")
    assert "on the host: softmax1 (Softmax): no lowering for Softmax" in result.output


def test_shape_fixes_dynamic_sizes(folder: Path) -> None:
    build = NetworkBuilder()
    build.conv(build.input(("n", 2, "h", 4)), 3)
    save(build, folder / "d.onnx")
    np.savez("d.npz", input=np.ones((2, 2, 6, 4), np.float32))
    assert "has a dynamic shape [n, 2, h, 4]" in refused("compile", "d.onnx", "--calib", "d.npz")
    result = myvta("compile", "d.onnx", "--calib", "d.npz", "--shape", "input=1,2,6,4")
    assert result.exit_code == 0, result.output


def test_unreadable_or_invalid_networks_are_refused(folder: Path) -> None:
    assert refused("compile", "no.onnx", "--calib", "calib.npz") == (
        "cannot read no.onnx: No such file or directory"
    )
    Path("text.onnx").write_text("not a network")
    assert refused("compile", "text.onnx", "--calib", "calib.npz").startswith(
        "text.onnx: not an ONNX file"
    )
    build = NetworkBuilder()
    x = build.input((1, 2))
    build.node("Gemm", [x, build.constant(np.full((2, 3), np.nan))], (1, 3))
    save(build, folder / "nan.onnx")
    assert refused("compile", "nan.onnx", "--calib", "calib.npz") == (
        "nan.onnx: weight 'w0' holds 6 NaN or infinite values of 6: export the model again"
    )


def test_unsuitable_calibration_data_is_refused(folder: Path) -> None:
    np.savez("wrong.npz", input=np.zeros((4, 1, 99, 99)))
    assert "wrong.npz: 'input' must have shape [images, " in refused(
        "compile", "net.onnx", "--calib", "wrong.npz")
    assert refused("compile", "net.onnx", "--calib", "no.npz") == (
        "cannot read no.npz: No such file or directory"
    )
    assert "net.onnx: not an npz file" in refused("compile", "net.onnx", "--calib", "net.onnx")
    assert "Missing option '--calib'" in refused("compile", "net.onnx")


def test_invalid_options_are_refused(folder: Path) -> None:
    compile_it = ("compile", "net.onnx", "--calib", "calib.npz")
    assert "neither a file nor a named configuration" in refused(*compile_it, "--config", "7x7")
    assert "out of device memory" in refused(*compile_it, "--memory", "8K")
    assert refused(*compile_it, "--memory", "much") == (
        "--memory much: give it as a number of bytes, 64M or 1G"
    )
    assert refused(*compile_it, "--shape", "1,2") == "--shape 1,2: give it as NAME=1,1,8,8"
    assert "Invalid value for '--calibration'" in refused(*compile_it, "--calibration", "guess")


def test_unwritable_outputs_are_refused(folder: Path) -> None:
    assert refused("compile", "net.onnx", "--calib", "calib.npz", "-o", "no/folder/net.vta") == (
        "cannot write no/folder/net.vta: No such file or directory"
    )
    assert refused("compile", "net.onnx", "--calib", "calib.npz", "-o", "calib.npz/x.vta") == (
        "cannot write calib.npz/x.vta: Not a directory"
    )
    assert myvta("compile", "net.onnx", "--calib", "calib.npz").exit_code == 0
    assert "cannot write calib.npz/out.npz" in refused(
        "run", "net.vta", "--input", "images.npz", "--output", "calib.npz/out.npz")

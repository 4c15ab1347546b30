"""`myvta demo` as a user meets it: figures, files, exit status, and refusals in one line."""

from __future__ import annotations

import dataclasses
import json

import pytest
from click.testing import CliRunner

from myvta.cli import demo_command as verb, main
from myvta.cli.demo_report import Report
from myvta.cli.demo_run import Backend, load_digits
from myvta.cosim.cosim_errors import MissingTool
from myvta.driver.target.open_target import open_target
from myvta.isa.config import named

FEW = 12


@pytest.fixture(autouse=True)
def few_images(monkeypatch):
    """Let the demo have few images; the whole set is for the user, and for the RTL's own test."""
    digits = load_digits()
    few = dataclasses.replace(digits, images=digits.images[:FEW], labels=digits.labels[:FEW])
    monkeypatch.setattr(verb, "load_digits", lambda: few)
    monkeypatch.setattr(main, "VERBS", tuple({*main.VERBS, "demo"}))


def run(*arguments: str):
    return CliRunner().invoke(main.cli, ["demo", *arguments])


def run_in(folder, *arguments: str):
    return run("--target", "model://", "--output", str(folder), *arguments)


def test_model_classifies_every_image_as_the_reference(tmp_path):
    result = run_in(tmp_path / "demo")
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "demo" / "report.json").read_text())
    assert report["float_accuracy"] >= 0.98
    assert report["float_accuracy"] - report["int8_accuracy"] <= 0.005
    assert (report["model_images"], report["model_mismatches"]) == (FEW, 0)
    assert (report["rtl_images"], report["rtl_mismatches"]) == (0, None)
    assert (report["backend"], report["config"]) == ("model", "default")
    assert report["tensors"] == 7
    assert "model = reference in all" in result.stdout
    assert (tmp_path / "demo" / "contact_sheet.png").read_bytes()[:4] == b"\x89PNG"
    assert len(list((tmp_path / "demo").iterdir())) == 2
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_json_is_the_report_alone(tmp_path):
    result = run_in(tmp_path, "--json")
    assert result.exit_code == 0, result.output
    assert result.stdout == (tmp_path / "report.json").read_text()


@pytest.mark.parametrize("config", ["base", "2x8x8"])
def test_demo_runs_on_other_configurations(tmp_path, config):
    result = run_in(tmp_path, "--json", "--config", config)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["config"] == config
    assert report["model_mismatches"] == 0
    assert report["float_accuracy"] - report["int8_accuracy"] <= 0.005


def test_one_wrong_bit_is_found_and_exits_with_1(tmp_path, monkeypatch):
    asked = []

    def evaluate(graph, inputs):
        tensors = original(graph, inputs)
        asked.append(inputs)
        if len(asked) == 5:
            name = next(name for name, value in tensors.items() if value.ndim == 4
                        and value.shape[1] == 32)
            tensors[name] = tensors[name].copy()
            tensors[name][0, 31, 3, 3] ^= 1
        return tensors

    original = verb.evaluate
    monkeypatch.setattr(verb, "evaluate", evaluate)
    result = run_in(tmp_path)
    assert result.exit_code == 1, result.output
    assert f"DIFFERENT: 1 of {FEW} images on the model, 0 of 0 on the RTL" in result.stdout
    assert json.loads((tmp_path / "report.json").read_text())["model_mismatches"] == 1


def test_rtl_is_compared_with_the_model_too(tmp_path, monkeypatch):
    """A second model replaces the RTL; its device memory is disturbed in one image."""
    stand_in = open_target("model://")
    launches = []

    def read_memory(address: int, size: int) -> bytes:
        data = bytearray(original(address, size))
        launches.append(size)
        if len(launches) == 3:
            data[0] ^= 1
        return bytes(data)

    original = stand_in.read_memory
    monkeypatch.setattr(stand_in, "read_memory", read_memory)
    monkeypatch.setattr(verb, "open_backend", lambda url, config: Backend("icarus", stand_in, "so"))
    result = run("--output", str(tmp_path), "--images", "4")
    assert result.exit_code == 1, result.output
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["rtl_images"], report["rtl_mismatches"]) == (4, 1)
    assert (report["model_mismatches"], report["backend"]) == (0, "icarus")
    assert "note: so\n" in result.stderr
    assert f"0 of {FEW} images on the model, 1 of 4 on the RTL" in result.stdout


def refused(result) -> str:
    """Return the one line of a refusal."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    lines = [line for line in result.stderr.splitlines() if not line.endswith(" ...")]
    assert len(lines) == 1, result.stderr
    return lines[0]


def test_unknown_configuration_is_refused(tmp_path):
    line = refused(run_in(tmp_path / "demo", "--config", "1x7x7"))
    assert "'1x7x7' is neither a file nor a named configuration" in line
    assert not (tmp_path / "demo").exists()


def test_too_many_images_are_refused(tmp_path):
    line = refused(run_in(tmp_path / "demo", "--images", "13"))
    assert line == f"error: there are {FEW} held-out images, not 13"


def test_unwritable_folder_is_refused_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr(verb, "demo", lambda *arguments, **options: pytest.fail("worked"))
    (tmp_path / "file").write_text("")
    line = refused(run_in(tmp_path / "file" / "demo"))
    assert line.startswith(f"error: cannot write to {tmp_path}/file/demo: ")


@pytest.mark.parametrize("url", ["verilog://", "model://?speed=9"])
def test_invalid_target_is_refused(tmp_path, url):
    refused(run("--target", url, "--output", str(tmp_path / "demo")))
    assert not (tmp_path / "demo").exists()


def test_requested_simulator_must_be_installed(tmp_path, monkeypatch):
    def miss(url: str, config: object):
        raise MissingTool("iverilog is not on PATH; install it")

    monkeypatch.setattr("myvta.cli.demo_run.open_target", miss)
    line = refused(run("--target", "icarus://", "--output", str(tmp_path / "demo")))
    assert line == "error: iverilog is not on PATH; install it"
    assert not (tmp_path / "demo").exists()


def test_picture_needs_matplotlib(tmp_path, monkeypatch):
    def missing(*arguments: object) -> bytes:
        raise ImportError("no matplotlib")

    monkeypatch.setattr(verb, "draw_sheet", missing)
    result = run_in(tmp_path)
    assert result.exit_code == 0, result.output
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
    assert "note: no contact_sheet.png, because matplotlib is not installed" in result.stderr


def test_images_reach_the_network_as_trained():
    inputs = load_digits().inputs
    assert inputs.shape == (360, 1, 8, 8)
    assert (inputs.min(), inputs.max()) == (0, 1)


@pytest.mark.parametrize(("on_rtl", "title"), [
    (360, "360 handwritten digits, classified by myvta's RTL"),
    (2, "360 handwritten digits, classified by myvta's model, 2 of them by its RTL"),
    (0, "360 handwritten digits, classified by myvta's model"),
])
def test_title_counts_the_images_that_ran_on_the_rtl(on_rtl, title):
    report = Report(
        float_accuracy=1.0, int8_accuracy=0.9972, rtl_accuracy=1.0 if on_rtl else None,
        rtl_images=on_rtl, rtl_mismatches=0 if on_rtl else None, model_images=360,
        model_mismatches=0, tensors=10, cycles_per_image=8213.0 if on_rtl else None,
        mac_utilization=0.215 if on_rtl else None, simulated_cycles_per_second=None,
        wall_seconds=1.0, backend="verilator", config="default",
    )
    found, figures = verb._headline(report, named("default"))
    assert found == title
    assert figures[:2] == [("99.7%", "right in int8; 100.0% in float"),
                           ("0 of 360", "differ in any bit of 10 tensors")]
    assert figures[2:] == ([("8,213", "cycles per image, RTL under verilator"),
                            ("21.5%", "of 256 MACs busy")] if on_rtl else [])

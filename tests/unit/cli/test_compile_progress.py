"""`myvta compile -v`, `--dump-after` and `--stop-after`."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from compiler_networks import NetworkBuilder, save, save_samples
from rich.console import Console

from myvta.cli.compile_progress import PassLog
from myvta.cli.main import cli
from myvta.compiler.compile import PASSES

NAMES = [item.name for item in PASSES]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a folder with a network whose Add is fused, and calibration data."""
    monkeypatch.chdir(tmp_path)
    build = NetworkBuilder(2)
    build.add(build.conv(build.input((1, 6, 6, 6)), 6), "input")
    save(build, tmp_path / "net.onnx")
    save_samples(build, tmp_path / "calib.npz", 2)
    return tmp_path


def compile_network(*options: str) -> Result:
    """Run the command on the network."""
    return CliRunner().invoke(
        cli, ["compile", "net.onnx", "--calib", "calib.npz", "--config", "1x4x4", *options])


def test_verbose_prints_a_line_for_each_pass_on_stderr() -> None:
    result = compile_network("-v")
    assert result.exit_code == 0, result.output
    lines = result.stderr.splitlines()
    assert [line.split()[0] for line in lines] == NAMES
    assert all(line.split()[2] == "s" and float(line.split()[1]) >= 0 for line in lines)
    assert "wrote net.vta" in result.stdout
    assert not compile_network().stderr


def test_terminal_has_a_progress_bar() -> None:
    out = StringIO()
    console = Console(file=out, force_terminal=True, width=100)
    with PassLog(2, (), console) as log:
        for item in PASSES[:2]:
            log.started(item)
            log.finished(item, None, 0.5)
    assert "2/2" in out.getvalue()
    assert "0.50 s" in out.getvalue()


@pytest.mark.parametrize("name", NAMES)
def test_every_pass_can_be_dumped(name: str) -> None:
    text = compile_network("--dump-after", name, "--stop-after", name)
    assert text.exit_code == 0, text.output
    header, *rows = text.stdout.splitlines()
    assert header == f"# after {name}"
    data = json.loads(compile_network(
        "--dump-after", name, "--stop-after", name, "--json").stdout)
    assert list(data) == ["dumps"]
    assert len(rows) == len(data["dumps"][name]) > 0
    assert all(
        text.startswith(f"{row['name']}: {row['op']}")
        for text, row in zip(rows, data["dumps"][name], strict=True))
    assert not Path("net.vta").exists()


def test_dump_of_a_whole_compilation_comes_with_the_report() -> None:
    result = compile_network("--dump-after", "fuse", "--dump-after", "schedule")
    assert result.stdout.index("# after fuse") < result.stdout.index("# after schedule")
    assert 'layers=["Conv conv0","Add add1"]' in result.stdout
    assert "wrote net.vta" in result.stdout
    data = json.loads(compile_network("--dump-after", "fuse", "--json").stdout)
    assert data["output"] == "net.vta"
    assert [row["op"] for row in data["dumps"]["fuse"]] == ["FusionGroup"]


def test_unknown_pass_is_refused_with_the_list() -> None:
    for option in ("--dump-after", "--stop-after"):
        result = compile_network(option, "fusion")
        assert result.exit_code == 2
        assert all(f"'{name}'" in result.stderr for name in NAMES)


def test_dump_after_the_last_pass_is_refused() -> None:
    result = compile_network("--dump-after", "fuse", "--stop-after", "pack")
    assert result.exit_code == 2
    assert result.stderr == "error: --dump-after fuse: --stop-after pack ends before it\n"

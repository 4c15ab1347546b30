"""vpi: the testbench as text, and the steps around Icarus with stand-ins for its programs."""

import re
import sysconfig
from pathlib import Path

import pytest

from myvta.cosim import vpi
from myvta.cosim.cosim_errors import BuildError, MissingTool
from myvta.cosim.ports import ports
from myvta.cosim.vpi import compile_design, vpi_module

ICARUS = ("iverilog", "vvp", "iverilog-vpi")


@pytest.fixture
def icarus(tmp_path, monkeypatch):
    """Put stand-ins on PATH; return a function that gives iverilog's text when it compiles."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("MYVTA_CACHE", str(tmp_path / "cache"))
    (tmp_path / "bin").mkdir()

    def say(text):
        for name in ICARUS:
            path = tmp_path / "bin" / name
            path.write_text(
                f"#!/bin/sh\necho $* >>{tmp_path}/calls\n"
                f"case \"$1\" in -V) echo Icarus 11;; -g2005) echo '{text}'; echo x >design.vvp;; "
                "esac\n")
            path.chmod(0o755)

    say("")
    return say


@pytest.mark.parametrize("bus_width", [64, 256])
def test_testbench_connects_every_port_by_its_name_and_width(bus_width):
    text = vpi.testbench(bus_width)
    table = ports(bus_width)
    declared = re.findall(r"^    (wire|reg) \[(\d+):0\] (\w+);$", text, re.M)
    assert declared == [
        ("wire" if port.driven else "reg", str(port.width - 1), port.name) for port in table]
    assert re.findall(r"\.(\w+)\((\w+)\)", text) == [(port.name, port.name) for port in table]
    for task, driven in (("from_myhdl", False), ("to_myhdl", True)):
        (names,) = re.findall(rf"\${task}\((.*)\);", text)
        assert names.split(", ") == [port.name for port in table if port.driven == driven]


def test_a_design_is_compiled_once_and_again_for_another_width(icarus, tmp_path):
    first = compile_design("module myvta_core; endmodule", 64)
    assert compile_design("module myvta_core; endmodule", 64) == first
    assert compile_design("module myvta_core; endmodule", 128) != first
    assert compile_design("module myvta_core; wire a; endmodule", 64) != first
    assert (tmp_path / "calls").read_text().count("-g2005 -s dut_myvta_core") == 3


def test_a_port_of_another_width_is_refused_by_its_name(icarus):
    icarus("x.v:9: warning: Port 41 (m_axi_rdata) of myvta_core expects 128 bits, got 64.")
    with pytest.raises(BuildError, match=(
        r"the design's port m_axi_rdata has 128 bits, the configuration says 64; bus=64, 128 or "
        "256 sets the width of the memory port"
    )):
        compile_design("module myvta_core; endmodule", 64)


def test_a_module_is_not_built_without_a_c_compiler(icarus):  # iverilog-vpi exits with 0
    with pytest.raises(MissingTool, match=r"calls \(cc\) is not installed; .*apt install gcc"):
        vpi_module()


def test_missing_sources_of_myhdl_are_named_with_a_remedy(icarus, tmp_path, monkeypatch):
    monkeypatch.setattr(vpi.metadata, "files", lambda name: None)
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(MissingTool, match=(
        r"MyHDL's co-simulation source myhdl\.c is not installed; install it with: pip install "
        "--force-reinstall --no-binary myhdl myhdl"
    )):
        vpi_module()


@pytest.mark.icarus
def test_the_module_is_built_from_myhdl_s_own_sources():
    module = vpi_module()
    assert module.name == "myhdl.vpi" and module.stat().st_size > 1000
    assert vpi_module() == module
    assert {path.name for path in Path(module).parent.iterdir()} >= {"myhdl.c", "myhdl_table.c"}

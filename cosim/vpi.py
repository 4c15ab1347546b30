"""Compile a design for Icarus: MyHDL's VPI module, and the core inside a testbench that uses it."""

from __future__ import annotations

import re
import shutil
import sysconfig
from importlib import metadata
from pathlib import Path

from .build_cache import cached
from .cosim_errors import BuildError, MissingTool
from .design import TOP
from .ports import ports
from .tools import find_icarus, run_tool, tool_version

__all__ = ["compile_design", "testbench", "vpi_module"]

_SOURCES = ("myhdl.c", "myhdl_table.c")
_FOLDER = "share/myhdl/cosimulation/icarus"


def vpi_module() -> Path:
    """Return ``myhdl.vpi``, built from the sources in MyHDL's own package.

    Raises
    ------
    MissingTool
        Icarus Verilog, its compiler or MyHDL's sources are not installed.
    """
    iverilog, _, builder = find_icarus()
    sources = [_source(name) for name in _SOURCES]
    parts = [tool_version(iverilog, "-V"), *(source.read_text("utf-8") for source in sources)]

    def build(folder: Path) -> None:
        for source in sources:
            shutil.copy(source, folder)
        run_tool([builder, *_SOURCES], folder=folder)
        if not (folder / "myhdl.vpi").exists():  # iverilog-vpi prints nothing and exits with 0
            raise MissingTool(
                "the C compiler that iverilog-vpi calls (cc) is not installed; "
                "install it with: apt install gcc"
            )

    return cached("icarus-vpi", parts, build) / "myhdl.vpi"


def _source(name: str) -> Path:
    for file in metadata.files("myhdl") or ():
        if file.as_posix().endswith(f"{_FOLDER}/{name}"):
            path = Path(str(file.locate())).resolve()
            if path.exists():
                return path
    path = Path(sysconfig.get_path("data")) / _FOLDER / name
    if path.exists():
        return path
    raise MissingTool(
        f"MyHDL's co-simulation source {name} is not installed; "
        "install it with: pip install --force-reinstall --no-binary myhdl myhdl"
    )


def compile_design(design: str, bus_width: int) -> Path:
    """Return the compiled simulation of a design, for ``vvp``.

    Raises
    ------
    MissingTool
        Icarus Verilog is not installed.
    BuildError
        It refuses the design.
    """
    iverilog, _, _ = find_icarus()
    bench = testbench(bus_width)

    def build(folder: Path) -> None:
        (folder / f"{TOP}.v").write_text(design, encoding="utf-8")
        (folder / "testbench.v").write_text(bench, encoding="utf-8")
        _check_ports(run_tool(
            [iverilog, "-g2005", "-s", f"dut_{TOP}", "-o", "design.vvp", f"{TOP}.v",
             "testbench.v"], folder=folder,
        ))

    parts = [design, bench, tool_version(iverilog, "-V"), Path(__file__).read_text("utf-8")]
    return cached("icarus", parts, build) / "design.vvp"


def _check_ports(output: str) -> None:
    """Refuse a port whose width differs from that of its signal, of which Icarus only warns."""
    match = re.search(rf"Port \d+ \((\w+)\) of {TOP} expects (\d+) bits, got (\d+)", output)
    if match:
        raise BuildError(
            f"the design's port {match[1]} has {match[2]} bits, the configuration says "
            f"{match[3]}; bus=64, 128 or 256 sets the width of the memory port"
        )


def testbench(bus_width: int) -> str:
    """Return the module between MyHDL and the core: one reg or wire for each port.

    Waves are selected at run time: ``+wave=FILE +wave_from=CYCLE +wave_cycles=N``.
    """
    table = ports(bus_width)
    lines = ["`timescale 1ns/1ps", f"module dut_{TOP};"]
    for port in table:
        kind = "wire" if port.driven else "reg"
        lines.append(f"    {kind} [{port.width - 1}:0] {port.name};")
    inputs = ", ".join(port.name for port in table if not port.driven)
    outputs = ", ".join(port.name for port in table if port.driven)
    lines += [
        "    reg [8*4096-1:0] wave;",
        "    reg [63:0] wave_from, wave_cycles;",
        "    initial begin",
        f"        $from_myhdl({inputs});",
        f"        $to_myhdl({outputs});",
        "    end",
        "    initial if ($value$plusargs(\"wave=%s\", wave)) begin",
        "        if (!$value$plusargs(\"wave_from=%d\", wave_from)) wave_from = 0;",
        "        if (!$value$plusargs(\"wave_cycles=%d\", wave_cycles)) wave_cycles = 1;",
        "        $dumpfile(wave);",
        "        #(wave_from * 10 + 4);",
        f"        $dumpvars(0, dut_{TOP});",
        "        #(wave_cycles * 10);",
        "        $dumpoff;",
        "        $dumpflush;",
        "    end",
        f"    {TOP} dut (",
        ",\n".join(f"        .{port.name}({port.name})" for port in table),
        "    );",
        "endmodule",
        "",
    ]
    return "\n".join(lines)

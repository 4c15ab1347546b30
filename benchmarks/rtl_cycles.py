"""Cycles of the RTL for each of its promises: steps, gaps, transfers, fetch (docs/rtl.md).

Every figure comes from the default configuration under Verilator, those of DWC also from one with
16 taps; each is exact and repeats.  A case is isolated by the difference of two launches
(:mod:`cycle_cases`).  Two figures are not differences:

* load, GEMM and store at once: steps started per cycle of a whole launch of 32 rounds, from an idle
  device to the last response;
* instruction fetch: cycles in which compute has no instruction (COMPUTE_EMPTY) in a launch of 512
  GEMMs of 4 steps, beyond those of a launch of FINISH alone.

Without ``--all``: 64-bit memory port, latency 64, where loads are also measured at latency 1.
``--all`` reports 64, 128 and 256 bits at latency 1, 16 and 64 and with 20 % random stalls on every
channel; marks are those of the 64-bit port without stalls, and only they decide the exit status.
"""

from __future__ import annotations

from importlib.metadata import version

import cycle_cases
import depthwise_cases
import marks

from myvta.driver.target.open_target import open_target
from myvta.driver.target.protocol import Target
from myvta.isa.config import named
from myvta.isa.instructions import Gemm

MEMORIES = ("latency=64", "latency=1", "latency=16", "latency=64&stall=20")
BUSES = (64, 128, 256)
UTILIZATION = 0.97
_FETCHED = 512


def open_device(bus: int, memory: str) -> Target:
    """Open the default configuration with a memory port of ``bus`` bits."""
    return open_target(f"verilator://?config=default&mem=0x0:16M&bus={bus}&{memory}")


def utilization(target: Target) -> float:
    """Return GEMM steps per cycle of the double-buffered program."""
    cycles, counters = cycle_cases.run(target, cycle_cases.overlapped())
    return counters["GEMM_STEPS"] / cycles


def cycles_without_instruction(target: Target) -> int:
    """Return for how many cycles fetch keeps compute waiting once it has begun."""
    _, alone = cycle_cases.run(target, [])
    _, full = cycle_cases.run(target, [Gemm(uop_end=4)] * _FETCHED)
    return full["COMPUTE_EMPTY"] - alone["COMPUTE_EMPTY"]


def figures(target: Target, latency: int) -> list[marks.Mark]:
    """Measure everything on one device; every figure with the mark it has without stalls."""
    out = [
        marks.Mark(case.name, cycle_cases.measure(target, case), case.bound(latency), "cycles",
                   at_least=False)
        for case in cycle_cases.cases(target.config)
    ]
    out.append(marks.Mark("GEMM steps per cycle, load and store beside", utilization(target),
                          UTILIZATION, "steps"))
    out.append(marks.Mark(f"fetch, {_FETCHED} GEMMs of 4 steps, compute without instruction",
                          cycles_without_instruction(target), 0, "cycles", at_least=False))
    return out


def depthwise_figures() -> list[marks.Mark]:
    """Measure DWC."""
    out = []
    for name in depthwise_cases.CONFIGURATIONS:
        config = named(name)
        with open_target("verilator://?mem=0x0:16M&latency=1", config) as target:
            out += [
                marks.Mark(f"{case.name}, {name}", cycle_cases.measure(target, case),
                           case.bound(1), "cycles", at_least=False)
                for case in depthwise_cases.depthwise_cases(config)
            ]
    return out


def table(columns: dict[str, list[marks.Mark]], bus: int) -> None:
    """Print one table for a bus width: a column for each memory."""
    first, rows = next(iter(columns)), []
    for row, mark in enumerate(columns[first]):
        values = [column[row].value for column in columns.values()]
        text = [f"{value:.4f}" if mark.unit == "steps" else f"{value:.0f}" for value in values]
        rows.append((mark.name, f"{mark.mark:g}", *text))
    titles = [
        memory.removeprefix("latency=").replace("&stall=20", ", stalls") for memory in columns]
    marks.show_table(
        f"cycles by memory latency, {bus}-bit memory port; bound at {first}",
        ("case", "bound", *titles), rows)


def main() -> int:
    """Run the benchmark; returns the exit status."""
    parser = marks.parser("cycles of the RTL against its contracts")
    parser.add_argument("--all", action="store_true", help="other bus widths, latencies, stalls")
    options = parser.parse_args()
    buses = BUSES if options.all else BUSES[:1]
    memories = MEMORIES if options.all else MEMORIES[:2]
    required: list[marks.Mark] = []
    values: dict[str, dict[str, dict[str, float]]] = {}
    for bus in buses:
        columns = {}
        for memory in memories:
            latency = int(memory.removeprefix("latency=").split("&")[0])
            with open_device(bus, memory) as target:
                columns[memory] = figures(target, latency)
            if bus == 64 and "stall" not in memory:
                required += [
                    marks.Mark(f"{mark.name}, {memory}", mark.value, mark.mark, mark.unit,
                               mark.at_least)
                    for mark in columns[memory]
                ]
        table(columns, bus)
        values[str(bus)] = {
            memory: {mark.name: mark.value for mark in column} for memory, column in columns.items()
        }
    required += depthwise_figures()
    versions = {name: version(name) for name in ("myhdl", "verilator")}
    return marks.conclude(required, values, versions=versions, file=options.json)


if __name__ == "__main__":
    marks.execute(main)

"""Start and end of every instruction in the simulated core, recorded into a file.

A process appended to the converted core prints them, in either simulator; the file is named by the
plusarg ``+events=FILE``.  A line is ``launch``, ``start ENGINE INDEX CYCLE`` or ``end ENGINE
CYCLE``, with ENGINE the number of a :class:`~myvta.isa.opcodes.Module` and CYCLE as register CYCLES
counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..isa.opcodes import Module

__all__ = ["LaunchEvents", "add_event_log", "read_events"]

Nets = Mapping[str, str]
_CONTROL = "control0"
_ENGINES = {  # instance whose head of the queue starts, and the condition in its signals
    Module.LOAD: ("load0", ("sink.valid", "sink.ready")),
    Module.COMPUTE: ("compute0.compute_issue0", ("leaves",)),
    Module.STORE: ("store0", ("sink.valid", "sink.ready")),
}


@dataclass
class LaunchEvents:
    """Cycles after the launch in which instructions start and end, by position in the stream."""

    start: dict[int, int] = field(default_factory=dict)
    end: dict[int, int] = field(default_factory=dict)


def add_event_log(design: str, blocks: Mapping[str, Mapping[str, Nets]]) -> str:
    """Return the core's Verilog with the process.

    Parameters
    ----------
    design
        Verilog whose last module is the core.
    blocks
        Nets by instance and signal: ``blocks`` of its ``.map.json``.
    """
    control = blocks[_CONTROL]["nets"]
    cycle = control["results.cycles"]
    lines = [
        "",
        "integer events;",
        "reg [8*4096-1:0] events_name;",
        "initial begin",
        "    events = 0;",
        '    if ($value$plusargs("events=%s", events_name)) events = $fopen(events_name, "w");',
        "end",
        f"always @(posedge {control['clock']}) if (events != 0) begin",
        f"    if ({control['launch.start']} && !{control['launch.busy']})"
        ' $fdisplay(events, "launch");',
    ]
    for engine, (instance, condition) in _ENGINES.items():
        nets = blocks[instance]["nets"]
        starts = " && ".join(nets[name] for name in condition)
        lines += [
            f"    if ({starts})",
            f'        $fdisplay(events, "start {engine:d} %0d %0d", {nets["status.index"]}, '
            f"{cycle});",
            f"    if ({nets['status.completed']})",
            f'        $fdisplay(events, "end {engine:d} %0d", {cycle});',
        ]
    lines += ["    $fflush(events);", "end", ""]
    body, end, rest = design.rpartition("endmodule")
    return body + "\n".join(lines) + end + rest


def read_events(file: Path) -> list[LaunchEvents]:
    """Return the events of each launch in a recorded file.

    An engine completes its instructions in the order in which they start.
    """
    launches: list[LaunchEvents] = []
    in_flight: dict[str, list[int]] = {}
    for line in file.read_text(encoding="ascii").splitlines():
        kind, *values = line.split()
        if kind == "launch":
            launches.append(LaunchEvents())
            in_flight = {f"{engine:d}": [] for engine in Module}
        elif kind == "start":
            index, cycle = int(values[1]), int(values[2])
            launches[-1].start[index] = cycle
            in_flight[values[0]].append(index)
        else:
            launches[-1].end[in_flight[values[0]].pop(0)] = int(values[1])
    return launches

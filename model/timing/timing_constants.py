"""Overhead cycles of the RTL: the constants of the timing model, in one table.

Change a number here when its RTL file changes; ``benchmarks/timing_model.py`` compares the
predictions with the RTL.  All are clock cycles unless stated otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CONSTANTS", "Constant", "cycles"]


@dataclass(frozen=True)
class Constant:
    """One number: the RTL file it describes, and its meaning."""

    value: int
    rtl: str
    meaning: str


CONSTANTS: dict[str, Constant] = {
    "FETCH_START": Constant(2, "fetch", "from the launch to the first request"),
    "FETCH_DELIVER": Constant(3, "gearbox", "from an instruction's last beat to its dispatch"),
    "READ_AHEAD": Constant(64, "fetch", "instructions requested and not dispatched"),
    "QUEUE": Constant(1, "queue", "from dispatch to the head of a module's queue"),
    "QUEUED": Constant(513, "queue", "capacity of a queue and its output stage"),
    "PORT": Constant(3, "read_port", "from a request to its burst on the bus"),
    "BURST": Constant(16, "bundles", "beats of an aligned block: the longest burst"),
    "LOAD_CHECK": Constant(4, "load", "from a LOAD at the head to its start"),
    "FILL_CHECK": Constant(5, "compute_issue", "from a LOAD of compute at the head to its start"),
    "STORE_CHECK": Constant(5, "store", "from a STORE at the head to its start"),
    "GATHER": Constant(1, "compute_issue", "cycles for tokens, and for room for tokens"),
    "ISSUE": Constant(2, "compute_issue", "minimum cycles from an instruction to the next"),
    "REQUEST": Constant(5, "row_requests", "from the start of a walk to its first request"),
    "WALK": Constant(7, "row_requests", "from start to start of transfers, plus one per burst"),
    "LOAD_BURSTS": Constant(32, "row_requests", "maximum of outstanding bursts of load"),
    "COMMANDS": Constant(10, "loader", "LOADs in flight in one engine"),
    "COMMAND_GAP": Constant(2, "loader", "cycles without data between two LOADs"),
    "LOAD_DONE": Constant(2, "loader", "from the gap after a LOAD to its token"),
    "FILL_DONE": Constant(1, "loader", "from the gap after a LOAD of compute to its end"),
    "BUFFER": Constant(256, "compute", "beats of compute's LOADs that wait during its steps"),
    "BUFFER_DELAY": Constant(2, "read_buffer", "from the last beat on the bus to the next LOAD"),
    "DRAIN": Constant(21, "stages", "from a command's last micro-op to an idle pipeline"),
    "WRITTEN": Constant(21, "stages", "from a command's last micro-op to its token"),
    "HAZARD": Constant(17, "stages", "from a step leaving schedule to one that reads its result"),
    "LATE_READ": Constant(12, "stages", "from a GEMM leaving schedule to its read of ACC"),
    "TABLE": Constant(1, "stages", "more of the last four in a pipeline with lookup tables"),
    "PARAMETERS": Constant(3, "rqt_parameters", "cycles an RQT with a new source waits"),
    "INP_BANKS": Constant(4, "scratchpad_window", "banks of INP with depthwise (a number)"),
    "STORE_DATA": Constant(9, "store", "from the start of a STORE to its first beat on the bus"),
    "STORE_READ": Constant(2, "tile_reads", "from the last tile read to the next STORE's start"),
    "FORWARD_DATA": Constant(3, "forward_writes", "from the start of a forward to its first write"),
    "FORWARD_READ": Constant(4, "tile_reads", "from the start of a forward to the last beat ahead"),
    "FORWARD_DONE": Constant(4, "forward_writes", "from a forward's last write to its token"),
    "FORWARD_FREE": Constant(3, "forward_writes", "from the next STORE's start to that token"),
    "RESPONSE": Constant(3, "write_port", "from a response's arrival to the token it releases"),
    "FINISH": Constant(3, "control", "from everything idle to the end of CYCLES"),
}


def cycles(name: str) -> int:
    """Return a constant's value."""
    return CONSTANTS[name].value

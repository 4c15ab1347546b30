"""The cost of a program on a target, launch by launch: cycles, their causes, traffic, host time.

A launch is the unit that registers count.  A program compiled with a launch for each layer
(``myvta compile --per-layer``) therefore has a row for each layer, any other a row for each run of
neighbouring layers.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..program.program import LaunchStep, Program, ProgramStep
from .launch import RunReport, read_performance
from .program_runner import LoadedProgram

__all__ = ["Profile", "Row", "images_of", "layer_totals", "profile_program"]

ENGINES = ("fetch", "load", "compute", "store")
_TRAFFIC = ("UOP_BYTES", "WGT_BYTES", "INP_BYTES", "ACC_BYTES", "ACC_8BIT_BYTES", "OUT_BYTES")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One step of the program.

    Attributes
    ----------
    name : str
        The layer, the launch or the host step.
    layers : tuple of str
        Network nodes in it.
    where : str
        ``accelerator`` or ``host``.
    seconds : float
        Wall time; of a launch without the transfers before and after.
    cycles : int
        Device cycles; 0 on the host and on targets that count no cycles.
    macs, ideal_steps, compulsory_bytes : int
        Of its layers, as the compiler counted them (0: it left no report).
    counters, performance : dict
        By register name (``isa.register_map.COUNTERS``, ``PERFORMANCE``); empty on the host, and
        ``performance`` in a prediction and on a device without these counters.
    """

    name: str
    layers: tuple[str, ...]
    where: str
    seconds: float
    cycles: int = 0
    macs: int = 0
    ideal_steps: int = 0
    compulsory_bytes: int = 0
    counters: dict[str, int] = field(default_factory=dict)
    performance: dict[str, int] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """Bytes between memory and scratchpads, instructions excluded."""
        return sum(self.counters.get(name, 0) for name in _TRAFFIC)

    @property
    def utilization(self) -> float:
        """Share of the multipliers' cycles spent on the network's own products; 0 untimed."""
        return self.ideal_steps / self.cycles if self.cycles else 0.0


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A program's rows in order, and the device they were counted on.

    ``macs_per_step`` and ``bus_bytes`` are the device's peak in a cycle; ``images`` are
    in one run.
    """

    program: str
    config: str
    macs_per_step: int
    bus_bytes: int
    images: int
    rows: tuple[Row, ...]

    @property
    def launches(self) -> tuple[Row, ...]:
        """The rows of the accelerator."""
        return tuple(row for row in self.rows if row.where == "accelerator")

    @property
    def cycles(self) -> int:
        """Device cycles of all launches."""
        return sum(row.cycles for row in self.rows)

    @property
    def measured(self) -> bool:
        """Whether engines or host were timed too, not only launches (a prediction has no more)."""
        return self.has_causes or any(row.where == "host" for row in self.rows)

    @property
    def has_causes(self) -> bool:
        """Whether cycles were counted by cause: not in a prediction, nor where a device lacks these
        counters.
        """
        return any(row.performance for row in self.rows)

    @property
    def timed(self) -> bool:
        """Whether the target kept time."""
        return self.cycles > 0

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        rows = [
            {**asdict(row), "bytes": row.bytes, "utilization": row.utilization}
            for row in self.rows
        ]
        return {**asdict(self), "rows": rows, "cycles": self.cycles}


def profile_program(
    loaded: LoadedProgram, inputs: Mapping[str, npt.ArrayLike] | None = None, *,
    timeout: float = 600.0,
) -> Profile:
    """Run a loaded program once and return the cost of each step.

    Parameters
    ----------
    loaded : LoadedProgram
        Holds the outputs afterwards (:meth:`~.program_runner.LoadedProgram.read`).
    inputs : mapping, optional
        An array for each input; zeros unless given.  Their values do not matter.
    timeout : float
        Longest wait of one launch in seconds.

    Raises
    ------
    TargetError, ProgramError, HostStepError
        As for an ordinary run.
    """
    program, target = loaded.program, loaded.target
    if inputs is None:
        tensors = [program.tensor(name) for name in program.inputs]
        inputs = {item.name: np.zeros(item.shape, item.dtype) for item in tensors}
    rows: list[Row] = []
    last = time.monotonic()

    def seen(step: ProgramStep, report: RunReport | None, read: object) -> None:
        nonlocal last
        now = time.monotonic()
        if isinstance(step, LaunchStep) and report is not None:
            rows.append(Row(
                **layer_totals(program, step), name=step.layer, where="accelerator",
                seconds=report.seconds, cycles=report.cycles, counters=dict(report.counters),
                performance=read_performance(target),
            ))
        else:
            rows.append(Row(name=step.layer, layers=(step.layer,), where="host",
                            seconds=now - last))
        last = time.monotonic()

    loaded.run(inputs, on_step=seen, timeout=timeout)
    return Profile(
        program=program.name, config=program.config.name,
        macs_per_step=program.config.macs_per_step, bus_bytes=target.config.bus_bytes,
        images=images_of(program), rows=tuple(rows),
    )


def images_of(program: Program) -> int:
    """Return the images of one run: the first axis of the first input; 1 for raw tiles."""
    if not program.inputs:
        return 1
    first = program.tensor(program.inputs[0])
    return first.shape[0] if first.shape and first.memory_type is None else 1


def layer_totals(program: Program, step: LaunchStep) -> dict[str, Any]:
    """Return a row's ``layers`` and the sums of what the compiler counted of them."""
    nodes = {node["name"]: node for node in program.info.get("report", {}).get("nodes", ())}
    layers = tuple(dict.fromkeys(note for note in step.notes if note)) or (step.layer,)
    known = [nodes[name] for name in layers if name in nodes]
    totals = {key: sum(int(node.get(key, 0)) for node in known)
              for key in ("macs", "ideal_steps", "compulsory_bytes")}
    return {"layers": layers, **totals}

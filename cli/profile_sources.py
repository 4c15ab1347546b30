"""The sources of a profile report: the timing model, simulated RTL, or a board's counters."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..cosim.event_log import read_events
from ..driver.program.program import Program
from ..driver.run.prediction import predict_program
from ..driver.run.profile import profile_program
from ..driver.run.program_runner import LoadedProgram
from ..driver.run.timeline import Timeline, launch_instructions, launch_timeline
from ..driver.target.open_target import open_target
from ..driver.target.protocol import Target
from ..driver.target.target_url import parse_url
from .input_errors import InputError
from .profile_page import ProfileReport

__all__ = ["Loaded", "MeasuredRun", "measured_report", "predicted_report"]

_SIMULATORS = ("icarus", "verilator")


@dataclass(frozen=True)
class Loaded:
    """A program on a target, and the inputs of one run; None: zeros."""

    program: LoadedProgram
    inputs: Mapping[str, np.ndarray] | None


@dataclass(frozen=True, kw_only=True)
class MeasuredRun:
    """A run to measure.

    Attributes
    ----------
    program : Program
    load : callable
        Puts it on an open target.
    url : str
        Target.
    timeout : float
        Longest wait of one launch in seconds.
    timelines : bool
        Whether the report has timelines: a simulator then records instructions.
    """

    program: Program
    load: Callable[[Target], Loaded]
    url: str
    timeout: float
    timelines: bool


def predicted_report(program: Program, latency: int, clock_mhz: float) -> ProfileReport:
    """Return the report of the timing model.

    Raises
    ------
    TimingError
        A launch deadlocks or has no FINISH.
    """
    profile, timelines = predict_program(program, latency=latency)
    source = _model(latency)
    return ProfileReport(profile=profile, source=source, timelines=timelines,
                         timelines_source=source, clock_mhz=clock_mhz)


def measured_report(run: MeasuredRun, clock_mhz: float) -> ProfileReport:
    """Run a program once and return its report.

    Timelines are recorded from the RTL if the target is the converted core in a simulator, else
    predicted for a memory latency of 1.

    Raises
    ------
    InputError
        The target counts no cycles, or its configuration has no counters.
    TargetError, ProgramError, HostStepError
        As for an ordinary run.
    """
    parsed = parse_url(run.url)
    records = run.timelines and parsed.scheme in _SIMULATORS and not parsed.location
    with tempfile.TemporaryDirectory(prefix="myvta-profile-") as folder:
        log = Path(folder) / "events"
        mark = "&" if "?" in run.url else "?"
        url = f"{run.url}{mark}events={log}" if records else run.url
        with open_target(url, run.program.config) as target:
            if not target.config.has_counters:
                raise InputError(
                    f"{run.url} has no counters of bytes and steps (MYVTA_COUNTERS is "
                    f"{target.config.counters!r}): profile a device with 'basic' or 'all', or "
                    "--predict; myvta run shows the cycles")
            loaded = run.load(target)
            profile = profile_program(loaded.program, loaded.inputs, timeout=run.timeout)
        if not profile.timed:
            raise InputError(f"{run.url} counts no cycles: use verilator://, icarus://, a board or "
                             "--predict")
        source, timelines = "", tuple[Timeline, ...]()
        if records:
            cycles = [row.cycles for row in profile.launches]
            source, timelines = "recorded from the RTL", _recorded(run.program, log, cycles)
        elif run.timelines:
            source, timelines = _model(1), predict_program(run.program)[1]
    source_of_rows = f"measured on {run.url}"
    if not profile.has_causes:
        source_of_rows += ", which counts no cycles by cause"
    return ProfileReport(profile=profile, source=source_of_rows, timelines=timelines,
                         timelines_source=source, clock_mhz=clock_mhz)


def _model(latency: int) -> str:
    return f"predicted by the timing model for a memory latency of {latency}"


def _recorded(program: Program, log: Path, cycles: list[int]) -> tuple[Timeline, ...]:
    timelines = []
    for step, events, count in zip(program.launches, read_events(log), cycles, strict=True):
        instructions = launch_instructions(program, step)
        start, end = (np.array([table[index] for index in range(len(instructions))])
                      for table in (events.start, events.end))
        timelines.append(launch_timeline(step, instructions, program.config, start, end, count))
    return tuple(timelines)

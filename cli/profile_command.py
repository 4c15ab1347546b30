"""`myvta profile`: cycles, bytes and timeline of a program, measured or predicted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console

from ..compiler.ir.arrays import load_arrays
from ..compiler.session import Session
from ..driver.program.bundle import read_bundle
from ..driver.program.program import Program
from ..driver.run.profile import Profile
from ..driver.run.program_runner import LoadedProgram
from ..driver.target.protocol import Target
from .files import write_files
from .input_errors import InputError
from .profile_page import COLUMNS, ProfileReport, cells, page
from .profile_plots import plots_of
from .profile_sources import Loaded, MeasuredRun, measured_report, predicted_report
from .profile_trace import trace
from .program_files import is_bundle, load_assembly, require_no_config
from .text_table import Column, Kind, open_console, print_table

__all__ = ["command", "report_files"]

_TARGET = "verilator://"


def report_files(report: ProfileReport) -> dict[str, str]:
    """Return the files of a report by name: the page, its plots, the trace and the figures."""
    plots = plots_of(report.profile)
    return {
        "index.html": page(report, plots),
        **{f"{name}.svg": svg for name, svg in plots.items()},
        "trace.json": trace(report.profile, report.timelines),
        "profile.json": json.dumps(report.profile.to_json(), indent=2) + "\n",
    }


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--target", "url", metavar="URL", show_default=_TARGET,
              help="Where to run: simulated RTL, or a board.")
@click.option("--predict", is_flag=True,
              help="Run nothing: cycles and timeline of the timing model.")
@click.option("--latency", type=click.IntRange(min=1), metavar="CYCLES",
              help="With --predict: memory latency, from an address to its first beat; default: 1.")
@click.option("--input", "data", type=click.Path(path_type=Path), metavar="DATA.npz",
              help="As for myvta run; of images, the first run is used. Default: zeros.")
@click.option("--config", "config_name", metavar="NAME",
              help="Configuration for assembly without .config: a name or a vta_config.json.")
@click.option("--report", "folder", type=click.Path(path_type=Path, file_okay=False),
              metavar="FOLDER",
              help="Write index.html, its plots as SVG, trace.json for ui.perfetto.dev.")
@click.option("--clock", "clock_mhz", type=click.FloatRange(min=0, min_open=True), default=100.0,
              show_default=True, metavar="MHZ", help="Show cycles as time at this clock.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), default=600.0,
              show_default=True, help="Maximum wait for one launch, in seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    file: Path, url: str | None, predict: bool, latency: int | None, data: Path | None,
    config_name: str | None, folder: Path | None, clock_mhz: float, timeout: float, as_json: bool,
) -> None:
    """Show the cost of each launch of FILE: a compiled network (.vta) or assembly.

    Compile with --per-layer to have a row for each layer. The report has a timeline with a bar for
    each instruction.
    """
    if latency and not predict:
        raise InputError("--latency is for --predict; a simulator takes verilator://?latency=64")
    if predict and url is not None:
        raise InputError(f"--predict runs nothing; leave --target {url} out")
    program, load = _subject(file, config_name, data)
    if not program.launches:
        raise InputError(f"{file}: nothing of it runs on the accelerator")
    if predict:
        report = predicted_report(program, latency or 1, clock_mhz)
    else:
        run = MeasuredRun(program=program, load=load, url=url or _TARGET, timeout=timeout,
                          timelines=folder is not None)
        report = measured_report(run, clock_mhz)
    if folder is not None:
        write_files({folder / name: text for name, text in report_files(report).items()})
    if as_json:
        target = None if predict else url or _TARGET
        click.echo(json.dumps({"target": target, **report.profile.to_json()}, indent=2))
        return
    show(report.profile, open_console())
    if not predict and not report.profile.has_causes:
        click.echo("busy, token, memory: this device does not count them (docs/area.md, counters)")
    if folder is not None:
        click.echo(f"wrote {folder / 'index.html'}")


def _subject(
    file: Path, config_name: str | None, data: Path | None
) -> tuple[Program, Callable[[Target], Loaded]]:
    """Return the program in a file, and a function that puts it on a target."""
    if not is_bundle(file):
        assembly = load_assembly(file, config_name, data, zeros=data is None)
        return assembly.program, lambda target: Loaded(
            LoadedProgram(assembly.program, target), assembly.inputs)
    require_no_config(file, config_name)
    program = read_bundle(file)
    return program, lambda target: _load_bundle(program, target, data)


def _load_bundle(program: Program, target: Target, data: Path | None) -> Loaded:
    session = Session(program, target)
    if data is None:
        return Loaded(session.loaded, None)
    arrays = session.check(load_arrays(data), str(data))
    inputs = {name: value[: session.images] for name, value in arrays.items()}
    short = {len(value) for value in inputs.values()} - {session.images}
    if short:
        raise InputError(f"{data}: a run takes {session.images} images, not {min(short)}")
    return Loaded(session.loaded, inputs)


def show(profile: Profile, console: Console) -> None:
    """Print a row for each launch, and the sums."""
    columns = [Column(COLUMNS[0], Kind.NAME), *map(Column, COLUMNS[1:])]
    print_table(console, columns, [cells(row, profile) for row in profile.launches])
    ideal = sum(row.ideal_steps for row in profile.launches)
    console.print(
        f"{profile.program} on {profile.config}: {profile.cycles} cycles, "
        f"{100 * ideal / profile.cycles:.1f} % of MACs used, "
        f"{sum(row.bytes for row in profile.launches)} bytes moved",
        highlight=False, soft_wrap=True,
    )

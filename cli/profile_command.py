"""`myvta profile`: cycles and bytes of a compiled network, from a target's counters."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console

from ..compiler.ir.arrays import load_arrays
from ..compiler.session import Session
from ..driver.program.bundle import read_bundle
from ..driver.run.profile import Profile, profile_program
from ..driver.target.open_target import open_target
from .files import write_files
from .input_errors import InputError
from .profile_page import COLUMNS, cells, page
from .profile_plots import PLOTS, draw
from .profile_trace import trace
from .text_table import Column, Kind, open_console, print_table

__all__ = ["command", "report_files"]


def report_files(profile: Profile, target: str, clock_mhz: float) -> dict[str, str]:
    """Return the files of a report by name: the page, its plots, the trace and the figures."""
    plots = {name: draw(name, profile) for name in PLOTS}
    return {
        "index.html": page(profile, plots, target, clock_mhz),
        **{f"{name}.svg": svg for name, svg in plots.items()},
        "trace.json": trace(profile),
        "profile.json": json.dumps(profile.to_json(), indent=2) + "\n",
    }


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--target", "url", metavar="URL", default="verilator://", show_default=True,
              help="Where to run: simulated RTL, or a board.")
@click.option("--input", "data", type=click.Path(path_type=Path), metavar="DATA.npz",
              help="Images, of which the first run is used; default: zeros.")
@click.option("--report", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER",
              help="Write index.html, its plots as SVG, trace.json for ui.perfetto.dev.")
@click.option("--clock", "clock_mhz", type=click.FloatRange(min=0, min_open=True), default=100.0,
              show_default=True, metavar="MHZ", help="Show cycles as time at this clock.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), default=600.0,
              show_default=True, help="Maximum wait for one launch, in seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    bundle: Path, url: str, data: Path | None, report: Path | None, clock_mhz: float,
    timeout: float, as_json: bool,
) -> None:
    """Run the compiled network BUNDLE once and show the cost of each launch.

    Compile with --per-layer to have a row for each layer.
    """
    program = read_bundle(bundle)
    with open_target(url, program.config) as target:
        session, inputs = Session(program, target), None
        if data is not None:
            arrays = session.check(load_arrays(data), str(data))
            inputs = {name: value[: session.images] for name, value in arrays.items()}
            short = {len(value) for value in inputs.values()} - {session.images}
            if short:
                raise InputError(f"{data}: a run takes {session.images} images, not {min(short)}")
        profile = profile_program(session.loaded, inputs, timeout=timeout)
    if not profile.launches:
        raise InputError(f"{bundle}: nothing of it runs on the accelerator")
    if not profile.timed:
        raise InputError(f"{url} counts no cycles: use verilator://, icarus:// or a board")
    if report is not None:
        files = report_files(profile, url, clock_mhz)
        write_files({report / name: text for name, text in files.items()})
    if as_json:
        click.echo(json.dumps({"target": url, **profile.to_json()}, indent=2))
        return
    show(profile, open_console())
    if report is not None:
        click.echo(f"wrote {report / 'index.html'}")


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

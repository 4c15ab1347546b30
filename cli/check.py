"""`myvta check`: what is wrong with a file, before it runs."""

from __future__ import annotations

from pathlib import Path

import click

from . import check_program
from .errors import InputError

__all__ = ["command"]


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--config", "config_name", metavar="NAME",
              help="Configuration for a listing without .config: a name or a vta_config.json.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(file: Path, config_name: str | None, as_json: bool) -> None:
    """Check FILE, a bundle (.vta) or an assembly listing, without running it.

    Looks for what a launch would do wrong (docs/check.md): indices out of bounds, data races
    between the engines, deadlocks, reads of what was never written, stores over live data. Exits
    with 1 if there is any finding.
    """
    if file.suffix == ".onnx":
        raise InputError(f"{file} is a network, not a program: compile it first (myvta compile)")
    if not check_program.run(file, config_name, as_json):
        raise SystemExit(1)

"""`myvta run`: images through a bundle on any target."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import click
import numpy as np

from ..compiler.ir.arrays import load_arrays
from ..compiler.session import Session
from ..driver.program.bundle import read_bundle
from ..driver.target.open_target import open_target
from .files import write_files

__all__ = ["command"]


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--target", "url", metavar="URL", default="model://", show_default=True,
              help="Where to run: model://, verilator://, icarus://, a board.")
@click.option("--input", "data", type=click.Path(path_type=Path), required=True,
              metavar="DATA.npz", help="One array per input, [images, ...].")
@click.option("--output", type=click.Path(path_type=Path), metavar="OUT.npz",
              help="File for the outputs.")
@click.option("--layers", is_flag=True,
              help="Put every tensor into OUT.npz; NAME.q are a layer's integers.")
@click.option("--no-check", is_flag=True, help="Launch without the static checker.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), default=60.0,
              show_default=True, help="Maximum wait for one launch, in seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    bundle: Path, url: str, data: Path, output: Path | None, layers: bool, no_check: bool,
    timeout: float, as_json: bool,
) -> None:
    """Run the compiled network BUNDLE on images."""
    program = read_bundle(bundle)
    arrays = load_arrays(data)
    with open_target(url, program.config) as target:
        session = Session(program, target, check=not no_check)
        results = session.run(arrays, capture=layers, timeout=timeout, where=str(data))
    if output is not None:
        packed = io.BytesIO()
        np.savez(packed, **results)  # type: ignore[arg-type]  # names are the user's
        write_files({output: packed.getvalue()})
    outputs = {name: results[name] for name in program.outputs}
    images = len(next(iter(outputs.values())))
    cycles = sum(report.cycles for _, report in session.reports)
    if as_json:
        facts: dict[str, Any] = {
            "target": url, "images": images, "images_per_run": session.images, "cycles": cycles,
            "output": None if output is None else str(output),
            "launches": [
                {"layer": layer, "cycles": report.cycles, "counters": report.counters,
                 "warnings": list(report.warnings)}
                for layer, report in session.reports
            ],
            "outputs": {name: value.tolist() for name, value in outputs.items()},
        }
        click.echo(json.dumps(facts, indent=2))
        return
    for name, value in outputs.items():
        click.echo(f"{name}: {value.dtype} {list(value.shape)}")
        if value.ndim == 2:
            click.echo(f"  argmax: {' '.join(str(index) for index in value.argmax(1))}")
    spent = f", {cycles} cycles, {cycles / images:.0f} per image" if cycles else ""
    click.echo(f"{images} images in {len(session.reports)} launches on {url}{spent}")
    for warning in sorted({text for _, report in session.reports for text in report.warnings}):
        click.echo(f"warning: {warning}", err=True)
    if output is not None:
        click.echo(f"wrote {output}")

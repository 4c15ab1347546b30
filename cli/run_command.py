"""`myvta run`: images through a bundle, or an assembly text, on any target."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ..compiler.ir.arrays import load_arrays
from ..compiler.session import Session
from ..driver.program.bundle import read_bundle
from ..driver.target.open_target import open_target
from .files import write_arrays
from .input_errors import InputError
from .program_files import is_bundle, require_no_config
from .run_assembly import RunOptions, run_assembly

__all__ = ["command"]


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--target", "url", metavar="URL", default="model://", show_default=True,
              help="Where to run: model://, verilator://, icarus://, a board.")
@click.option("--input", "data", type=click.Path(path_type=Path), metavar="DATA.npz",
              help="Bundle: an array per input, [images, ...]. Assembly: an array per .buffer, "
              "[elements, rows, columns].")
@click.option("--output", type=click.Path(path_type=Path), metavar="OUT.npz",
              help="File for the outputs: of assembly, every .buffer of type out.")
@click.option("--layers", is_flag=True,
              help="Put every tensor of a bundle into OUT.npz; NAME.q are a layer's integers.")
@click.option("--config", "config_name", metavar="NAME",
              help="Configuration for assembly without .config: a name or a vta_config.json.")
@click.option("--no-check", is_flag=True, help="Launch without the static checker.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), default=60.0,
              show_default=True, help="Maximum wait for one launch, in seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    file: Path, url: str, data: Path | None, output: Path | None, layers: bool,
    config_name: str | None, no_check: bool, timeout: float, as_json: bool,
) -> None:
    """Run FILE: a compiled network (.vta) on images, or assembly (docs/assembly.md).

    Assembly is launched once, with memory from --input: the elements of each .buffer in memory
    order, of type inp [elements, batch, block_in], wgt [elements, block_out, block_in], acc
    and out [elements, batch, block_out].
    """
    options = RunOptions(url=url, data=data, output=output, check=not no_check, timeout=timeout,
                         as_json=as_json)
    if not is_bundle(file):
        if layers:
            raise InputError(f"--layers is for bundles; {file} is assembly")
        run_assembly(file, config_name, options)
        return
    require_no_config(file, config_name)
    if data is None:
        raise InputError(f"{file} needs images: --input DATA.npz")
    _run_bundle(file, data, layers, options)


def _run_bundle(bundle: Path, data: Path, layers: bool, options: RunOptions) -> None:
    url, output = options.url, options.output
    program = read_bundle(bundle)
    arrays = load_arrays(data)
    with open_target(url, program.config) as target:
        session = Session(program, target, check=options.check)
        results = session.run(arrays, capture=layers, timeout=options.timeout, where=str(data))
    if output is not None:
        write_arrays(output, results)
    outputs = {name: results[name] for name in program.outputs}
    images = len(next(iter(outputs.values())))
    cycles = sum(report.cycles for _, report in session.reports)
    if options.as_json:
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

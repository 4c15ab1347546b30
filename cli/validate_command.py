"""`myvta validate`: a bundle on a target, layer by layer, against the model."""

from __future__ import annotations

import json
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.markup import escape

from ..compiler.ir.arrays import check_arrays, load_arrays
from ..compiler.session import host
from ..driver.program.bundle import read_bundle
from ..driver.program.program import Program
from ..driver.target.open_target import open_target
from ..driver.validate.validate import validate
from ..driver.validate.validate_report import LayerResult
from .files import write_files

__all__ = ["command"]


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--target", "url", metavar="URL", required=True,
              help="Target to validate: verilator://, icarus://, a board.")
@click.option("--input", "data", type=click.Path(path_type=Path), metavar="DATA.npz",
              help="One array per input, [images, ...]; the first are taken. Default: random ones.")
@click.option("--junit", type=click.Path(path_type=Path), metavar="FILE",
              help="Write the results as JUnit XML.")
@click.option("--waves", metavar="FOLDER",
              help="On a simulator: record the waves of launches that differ.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), default=60.0,
              show_default=True, help="Maximum wait for one launch, in seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    bundle: Path, url: str, data: Path | None, junit: Path | None, waves: str | None,
    timeout: float, as_json: bool,
) -> None:
    """Compare every layer of BUNDLE on a target with the model, bit for bit.

    Each layer runs alone, from the model's inputs; then the network runs as compiled. For the first
    differing element of a layer: its position, the instruction that wrote it, and when. Exits with
    1 if anything differs.
    """
    program = read_bundle(bundle)
    inputs = None if data is None else _first(program, data)
    console = Console()
    with open_target(url, program.config) as target:
        report = validate(
            program, target, inputs, host=host, url=url, waves=waves, timeout=timeout,
            on_result=None if as_json else lambda result: _line(result, console),
        )
    if junit is not None:
        write_files({junit: report.to_junit()})
    if as_json:
        click.echo(json.dumps(report.to_json(), indent=2))
    else:
        wrong = sum(not result.passed for result in report.results)
        compared = sum(result.bytes for result in report.results)
        click.echo(
            f"{program.name} on {url}: {len(report.results) - wrong} of {len(report.results)} "
            f"agree, {compared} bytes compared"
        )
        if junit is not None:
            click.echo(f"wrote {junit}")
    if not report.passed:
        raise SystemExit(1)


def _first(program: Program, data: Path) -> dict[str, np.ndarray]:
    """Return the first images of a file, as many as the program takes at a time."""
    tensors = [program.tensor(name) for name in program.inputs]
    arrays = check_arrays(
        load_arrays(data), {one.name: (one.shape, one.dtype) for one in tensors}, str(data)
    )
    first = {}
    for tensor in tensors:
        images = arrays[tensor.name][: tensor.shape[0]]
        missing = tensor.shape[0] - len(images)
        first[tensor.name] = np.pad(images, [(0, missing)] + [(0, 0)] * (images.ndim - 1))
    return first


def _line(result: LayerResult, console: Console) -> None:
    mark = "[green]agrees[/]" if result.passed else (
        "[red]error[/]" if result.error else "[red]differs[/]"
    )
    spent = f", {result.cycles} cycles" if result.cycles else ""
    console.print(
        f"{mark} {result.mode:7s} {escape(result.layer)}: {result.bytes} bytes{spent}",
        highlight=False, soft_wrap=True,
    )
    for text in (result.text, result.remark):
        for line in filter(None, text.split("\n")):
            console.print(f"    {escape(line)}", highlight=False, soft_wrap=True)

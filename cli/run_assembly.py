"""`myvta run` for assembly: memory from an npz, results to one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from ..driver.run.launch import RunReport
from ..driver.run.program_runner import run_program
from ..driver.target.open_target import open_target
from ..isa.config import Config
from .files import write_arrays
from .program_files import load_assembly

__all__ = ["RunOptions", "run_assembly"]


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Options that `myvta run` has for every file."""

    url: str
    data: Path | None
    output: Path | None
    check: bool
    timeout: float
    as_json: bool


def run_assembly(file: Path, config_name: str | None, options: RunOptions) -> None:
    """Assemble, run once, write the results and print their shapes and the launch's cost."""
    assembly = load_assembly(file, config_name, options.data)
    program, url, output = assembly.program, options.url, options.output
    with open_target(url, program.config) as target:
        result = run_program(
            program, target, assembly.inputs, timeout=options.timeout, check=options.check)
    outputs = {name: assembly.elements(name, value) for name, value in result.outputs.items()}
    if output is not None:
        write_arrays(output, outputs)
    ((_, report),) = result.reports
    if options.as_json:
        click.echo(json.dumps(_facts(url, program.config, report, output) | {
            "instructions": program.launches[0].count,
            "outputs": {name: value.tolist() for name, value in outputs.items()},
        }, indent=2))
        return
    for name, value in outputs.items():
        click.echo(f"{name}: {value.dtype} {list(value.shape)}")
    spent = f", {report.cycles} cycles" if report.cycles else ""
    click.echo(
        f"{program.launches[0].count} instructions for {program.config.name} on {url}{spent}")
    for warning in report.warnings:
        click.echo(f"warning: {warning}", err=True)
    if output is not None:
        click.echo(f"wrote {output}")


def _facts(url: str, config: Config, report: RunReport, output: Path | None) -> dict[str, Any]:
    return {
        "target": url, "config": config.name, "cycles": report.cycles,
        "counters": report.counters, "warnings": list(report.warnings),
        "output": None if output is None else str(output),
    }

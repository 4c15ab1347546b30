"""`myvta check`: errors of a file, without running it."""

from __future__ import annotations

from pathlib import Path

import click

from ..compiler.frontend.front_ends import has_model_suffix
from . import check_model, check_program
from .input_errors import InputError

__all__ = ["command"]


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--config", "config_name", metavar="NAME",
              help="Configuration for a model (default: default) or for a listing without "
              ".config: a name or a vta_config.json.")
@click.option("--shape", "shapes", multiple=True, metavar="NAME=1,1,8,8",
              help="Sizes of a model's input whose shape is dynamic; may be given several times.")
@click.option("--memory", default="64M", show_default=True, metavar="BYTES",
              help="Device memory that a model may use.")
@click.option("--portable", is_flag=True,
              help="Also report what is outside the subset of instructions that every "
              "implementation of VTA executes alike (programs only).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    file: Path, config_name: str | None, shapes: tuple[str, ...], memory: str, portable: bool,
    as_json: bool,
) -> None:
    """Check FILE: an ONNX model, a bundle (.vta) or an assembly listing, without running it.

    For a model (.onnx), lists where each node will run and why, and all problems that prevent its
    compilation; exits with 1 if there is any.

    For a program, looks for errors of its launches (docs/check.md): indices out of bounds,
    data races between the engines, deadlocks, uninitialized reads, stores over live
    data. Exits with 1 if there is any finding.
    """
    if has_model_suffix(file):
        if portable:
            raise InputError(
                f"--portable checks instructions and {file} is a model: compile it for "
                "configuration base, and check the bundle")
        passed = check_model.run(file, config_name, shapes, memory, as_json)
    else:
        passed = check_program.run(file, config_name, as_json, portable)
    if not passed:
        raise SystemExit(1)

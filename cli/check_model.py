"""What will become of an ONNX model, for `myvta check`."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from ..compiler.model_check import ModelCheck, check_model
from .compile_command import parse_bytes, parse_shapes

__all__ = ["run"]

_WHERE = {"accelerator": "device", "host": "host", "folded": "-"}


def run(
    file: Path, config_name: str | None, shapes: tuple[str, ...], memory: str, as_json: bool
) -> bool:
    """Print where every node of a model will run; return whether it can be compiled."""
    found = check_model(file, config_name, parse_shapes(shapes), parse_bytes(memory))
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=2))
    else:
        _show(found, Console(markup=False, highlight=False))
    return found.compiles


def _show(found: ModelCheck, console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    for title in ("node", "operator", "shape", "on", "why"):
        table.add_column(title, overflow="fold")
    for node in found.nodes:
        shape = "x".join(str(size) for size in node.shape)
        table.add_row(node.name, node.op, shape, _WHERE[node.where], node.reason)
    if found.nodes:
        console.print(table)
        console.print(
            f"{found.model} for {found.config}: {found.count('accelerator')} nodes on the "
            f"accelerator, {found.count('host')} on the host, {found.count('folded')} folded away",
            soft_wrap=True,
        )
    for problem in found.problems:
        console.print(f"problem: {problem}", soft_wrap=True)

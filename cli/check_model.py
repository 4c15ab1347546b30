"""Where the nodes of an ONNX model will run, for `myvta check`."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path

import click
from rich.console import Console

from ..compiler.model_check import CheckedNode, ModelCheck, check_model
from .parsing import parse_bytes, parse_shapes
from .text_table import Column, Kind, open_console, print_table

__all__ = ["run"]

_COLUMNS = (
    Column("node", Kind.NAME), Column("operator", Kind.NAME), Column("shape", Kind.WORD),
    Column("on", Kind.WORD), Column("why", Kind.TEXT),
)
_FOLDED = "folded"
_WHERE = {"accelerator": "device", "host": "host", _FOLDED: "-"}


def run(
    file: Path, config_name: str | None, shapes: tuple[str, ...], memory: str, as_json: bool
) -> bool:
    """Print where every node of a model will run; return whether it can be compiled."""
    check = check_model(file, config_name, parse_shapes(shapes), parse_bytes(memory))
    if as_json:
        click.echo(json.dumps(check.to_json(), indent=2))
    else:
        _show(check, open_console())
    return check.compiles


def _show(check: ModelCheck, console: Console) -> None:
    if check.nodes:
        groups = groupby(check.nodes, _row_key)
        print_table(console, _COLUMNS, [_row(list(nodes)) for _, nodes in groups])
        console.print(
            f"{check.model} for {check.config}: {check.count('accelerator')} nodes on the "
            f"accelerator, {check.count('host')} on the host, {check.count('folded')} folded away",
            markup=False, soft_wrap=True,
        )
    for problem in check.problems:
        console.print(f"problem: {problem}", markup=False, soft_wrap=True)


def _row_key(node: CheckedNode) -> tuple[str, ...]:
    """Return the same key for neighbours that share a row: folded away for the same reason."""
    return (node.reason,) if node.where == _FOLDED else (node.reason, node.name)


def _row(nodes: list[CheckedNode]) -> list[str]:
    """Return the row of one node, or of neighbours that are folded away together."""
    last = nodes[-1]
    return [
        ", ".join(node.name for node in nodes), ", ".join(node.op for node in nodes),
        "x".join(map(str, last.shape)), _WHERE[last.where], last.reason,
    ]

"""The readable form of an intermediate representation: one row for each node or instruction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["DumpRow", "dump_json", "dump_text"]

_ELEMENTS = 8  # of an array that are printed


@dataclass(frozen=True)
class DumpRow:
    """A node: its name, operator, the tensors it reads and writes, and further facts by name."""

    name: str
    op: str
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


def dump_text(rows: Iterable[DumpRow]) -> str:
    """Return one line for each row: ``name: op inputs -> outputs key=value ...``."""
    lines = []
    for row in rows:
        tensors = [", ".join(row.inputs)] if row.inputs else []
        if row.outputs:
            tensors += ["->", ", ".join(row.outputs)]
        facts = [f"{key}={_plain_text(_plain(value))}" for key, value in row.facts.items()]
        lines.append(" ".join([f"{row.name}:", row.op, *tensors, *facts]))
    return "\n".join(lines) + "\n"


def dump_json(rows: Iterable[DumpRow]) -> list[dict[str, Any]]:
    """Return rows as plain data."""
    return [
        {
            "name": row.name, "op": row.op, "inputs": list(row.inputs),
            "outputs": list(row.outputs), **{k: _plain(v) for k, v in row.facts.items()},
        }
        for row in rows
    ]


def _plain(value: Any) -> Any:
    """Return a value for JSON; of a large array its type and shape."""
    if isinstance(value, np.ndarray):
        if value.size <= _ELEMENTS:
            return value.tolist()
        return f"{value.dtype}[{'x'.join(map(str, value.shape))}]"
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def _plain_text(value: Any) -> str:
    if isinstance(value, list):
        return f"[{','.join(map(_plain_text, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{k}:{_plain_text(v)}' for k, v in value.items())}}}"
    if isinstance(value, str):
        return f'"{value}"' if " " in value else value
    return str(value)

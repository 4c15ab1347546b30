"""Files of tuned schedules, which `myvta tune` writes and `myvta compile --tuned` reads.

JSON: the configuration (a schedule fits no other), then a shape, its tiling and its cost for each
layer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ...isa.config import Config
from ..ir.compile_errors import CompileError
from .conv_problem import DATAFLOWS, ConvShape, ConvTiling, EpilogueSpec

__all__ = ["TunedLayer", "read_tuned", "shape_of", "tiling_of", "tuned_json", "write_tuned"]

_FORMAT, _VERSION = "myvta tuned schedules", 2


@dataclass(frozen=True)
class TunedLayer:
    """A layer's best schedule; cycles as predicted, and as measured if they were."""

    shape: ConvShape
    tiling: ConvTiling
    cycles: int
    moved: int
    measured: int | None = None


def tuned_json(config: Config, layers: Iterable[TunedLayer]) -> dict[str, Any]:
    """Return a file's content as plain data."""
    return {
        "format": _FORMAT, "version": _VERSION, "config": config.canonical,
        "bus": config.bus_width, "layers": [asdict(layer) for layer in layers],
    }


def write_tuned(path: Path, config: Config, layers: Iterable[TunedLayer]) -> None:
    """Write a file."""
    path.write_text(json.dumps(tuned_json(config, layers), indent=1) + "\n")


def read_tuned(path: str | Path, config: Config) -> dict[ConvShape, ConvTiling]:
    """Return the tilings of a file by shape.

    Raises
    ------
    CompileError
        It is no such file, or for another configuration.
    """
    try:
        content = json.loads(Path(path).read_text())
        if content["format"] != _FORMAT or content["version"] != _VERSION:
            raise ValueError(f"format {content['format']!r} version {content['version']}")
        tilings = {
            shape_of(layer["shape"]): tiling_of(layer["tiling"]) for layer in content["layers"]
        }
        made_for = (content["config"], content["bus"])
    except (ValueError, KeyError, TypeError) as error:
        raise CompileError(
            f"{path}: not a file of tuned schedules ({error}); `myvta tune` writes them") from None
    if made_for != (config.canonical, config.bus_width):
        raise CompileError(
            f"{path}: tuned for {made_for[0]} with a memory port of {made_for[1]} bits, not for "
            f"{config.canonical} with {config.bus_width}: tune for it"
        )
    return tilings


def shape_of(values: Mapping[str, Any]) -> ConvShape:
    """Return a shape from plain data; ValueError for anything else."""
    shape = _tuples(values, ConvShape)
    if shape["epilogue"] is not None:
        shape["epilogue"] = EpilogueSpec(**_tuples(shape["epilogue"], EpilogueSpec))
    return ConvShape(**shape)


def tiling_of(values: Mapping[str, Any]) -> ConvTiling:
    """Return a tiling from plain data; ValueError for anything else."""
    tiling = ConvTiling(**_tuples(values, ConvTiling))
    sizes = (tiling.co, tiling.part, tiling.ci, tiling.oh, tiling.ow, tiling.kh, tiling.kw)
    if tiling.dataflow not in DATAFLOWS or not all(isinstance(n, int) and n > 0 for n in sizes):
        raise ValueError(f"no tiling: {tiling}")
    return tiling


def _tuples(values: Mapping[str, Any], kind: type[Any]) -> dict[str, Any]:
    if set(values) != {field.name for field in fields(kind)}:
        raise ValueError(f"{kind.__name__} with {', '.join(map(str, values)) or 'nothing'}")
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
    }

"""Files of tuned schedules, which `myvta tune` writes and `myvta compile --tuned` reads.

JSON: the configuration (a schedule fits no other), then a problem, its tiling and its cost for each
layer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...isa.config import Config
from ..ir.compile_errors import CompileError
from .plain_data import plain_problem, plain_tiling, problem_from, tiling_from
from .tiling_problem import Problem, Tiling

__all__ = ["TunedLayer", "read_tuned", "tuned_json", "write_tuned"]

_FORMAT, _VERSION = "myvta tuned schedules", 3


@dataclass(frozen=True)
class TunedLayer:
    """A layer's best schedule; predicted cycles, and measured ones if there are any."""

    problem: Problem
    tiling: Tiling
    cycles: int
    moved: int
    measured: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "problem": plain_problem(self.problem), "tiling": plain_tiling(self.tiling),
            "cycles": self.cycles, "moved": self.moved, "measured": self.measured,
        }


def tuned_json(config: Config, layers: Iterable[TunedLayer]) -> dict[str, Any]:
    """Return a file's content as plain data."""
    return {
        "format": _FORMAT, "version": _VERSION, "config": config.canonical,
        "bus": config.bus_width, "layers": [layer.to_json() for layer in layers],
    }


def write_tuned(path: Path, config: Config, layers: Iterable[TunedLayer]) -> None:
    """Write a file."""
    path.write_text(json.dumps(tuned_json(config, layers), indent=1) + "\n")


def read_tuned(path: str | Path, config: Config) -> dict[Problem, Tiling]:
    """Return the tilings of a file by problem.

    Raises
    ------
    CompileError
        It is another kind of file, of another version, or for another configuration.
    """
    try:
        content = json.loads(Path(path).read_text())
        if content["format"] != _FORMAT or content["version"] != _VERSION:
            raise ValueError(
                f"format {content['format']!r} version {content['version']}, not {_FORMAT!r} "
                f"version {_VERSION}")
        tilings = {}
        for layer in content["layers"]:
            problem = problem_from(layer["problem"])
            tilings[problem] = tiling_from(layer["tiling"], problem)
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

"""The log of a search over schedules: JSON lines, so that it can be interrupted and resumed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from ...isa.config import Config
from .conv_problem import ConvShape, ConvTiling
from .tuned_schedules import tiling_of

__all__ = ["Trial", "TrialLog"]


@dataclass(frozen=True)
class Trial:
    """A tiling that was tried: predicted cycles, bytes moved, and the two as one price."""

    tiling: ConvTiling
    cycles: int
    moved: int
    price: float


class TrialLog:
    """Trials as JSON lines, one file for all layers of a configuration."""

    def __init__(self, path: Path, config: Config):
        self._path, self._config = path, f"{config.canonical} {config.bus_width}"
        self._known: dict[str, list[Trial]] = {}
        written = path.read_text() if path.exists() else ""
        for line in written.splitlines():
            self._take(line)
        self._file: IO[str] = path.open("a")
        if written and not written.endswith("\n"):  # a line cut short stays alone
            self._file.write("\n")

    def __enter__(self) -> TrialLog:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def of(self, shape: ConvShape) -> list[Trial]:
        """Return the trials of a layer, of earlier runs too."""
        return self._known.setdefault(self._key(shape), [])

    def add(self, shape: ConvShape, trial: Trial) -> None:
        """Note a trial, at once."""
        self.of(shape).append(trial)
        row = {"config": self._config, "layer": self._key(shape), **asdict(trial)}
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()

    def _key(self, shape: ConvShape) -> str:
        return json.dumps(asdict(shape), sort_keys=True)

    def _take(self, line: str) -> None:
        """Read a line; one cut short by an interruption, or of another configuration, is not."""
        try:
            row = json.loads(line)
            if row.pop("config") == self._config:
                trial = Trial(tiling_of(row["tiling"]), row["cycles"], row["moved"], row["price"])
                self._known.setdefault(row["layer"], []).append(trial)
        except (ValueError, KeyError, TypeError):
            return

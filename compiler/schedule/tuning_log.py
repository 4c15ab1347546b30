"""The log of a search over schedules: JSON lines, so that it can be interrupted and resumed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from ..ir.target_description import TargetDescription
from .conv_problem import ConvShape, ConvTiling
from .cost import Cost
from .tuned_schedules import tiling_of

__all__ = ["Trial", "TrialLog"]


@dataclass(frozen=True)
class Trial:
    """A tiling that was tried, and its predicted cost: cycles and bytes moved."""

    tiling: ConvTiling
    cost: Cost


class TrialLog:
    """Trials as JSON lines, one file for all layers and targets."""

    def __init__(self, path: Path, target: TargetDescription):
        config, latency = target.config, target.memory_latency
        self._target = f"{config.canonical} {config.bus_width} latency {latency}"
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
        row = {"target": self._target, "layer": self._key(shape), **asdict(trial)}
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()

    def _key(self, shape: ConvShape) -> str:
        return json.dumps(asdict(shape), sort_keys=True)

    def _take(self, line: str) -> None:
        """Read a line; one cut short by an interruption, or of another target, is not."""
        try:
            row = json.loads(line)
            if row["target"] == self._target:
                cost = Cost(row["cost"]["cycles"], row["cost"]["moved"])
                trial = Trial(tiling_of(row["tiling"]), cost)
                self._known.setdefault(row["layer"], []).append(trial)
        except (ValueError, KeyError, TypeError):
            return

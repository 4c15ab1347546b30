"""The log of a search over schedules: JSON lines, so that it can be interrupted and resumed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from ..ir.target_description import TargetDescription
from .cost import Cost
from .plain_data import plain_problem, plain_tiling, problem_from, tiling_from
from .tiling_problem import Problem, Tiling

__all__ = ["Trial", "TrialLog"]


@dataclass(frozen=True)
class Trial:
    """A tiling that was tried, and its predicted cost: cycles and bytes moved."""

    tiling: Tiling
    cost: Cost


class TrialLog:
    """Trials as JSON lines, one file for all layers and targets."""

    def __init__(self, path: Path, target: TargetDescription):
        config, latency = target.config, target.memory_latency
        self._target = f"{config.canonical} {config.bus_width} latency {latency}"
        self._known: dict[Problem, list[Trial]] = {}
        written = path.read_text() if path.exists() else ""
        for line in written.splitlines():
            self._take(line)
        self._file: IO[str] = path.open("a")
        if written and not written.endswith("\n"):  # a truncated line is not extended
            self._file.write("\n")

    def __enter__(self) -> TrialLog:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def of(self, problem: Problem) -> list[Trial]:
        """Return the trials of a layer, including those of earlier runs."""
        return self._known.setdefault(problem, [])

    def add(self, problem: Problem, trial: Trial) -> None:
        """Append a trial at once."""
        self.of(problem).append(trial)
        row = {
            "target": self._target, "problem": plain_problem(problem),
            "tiling": plain_tiling(trial.tiling), "cost": asdict(trial.cost),
        }
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()

    def _take(self, line: str) -> None:
        """Read a line; truncated ones and those of other targets are ignored."""
        try:
            row = json.loads(line)
            if row["target"] == self._target:
                problem = problem_from(row["problem"])
                cost = Cost(row["cost"]["cycles"], row["cost"]["moved"])
                self.of(problem).append(Trial(tiling_from(row["tiling"], problem), cost))
        except (ValueError, KeyError, TypeError):
            return

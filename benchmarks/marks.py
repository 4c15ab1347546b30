"""Marks: figures a benchmark must reach, printed beside what it measured.

Every benchmark makes its figures, hands them to :func:`conclude` and exits with what that returns:

    MISSED: model speed: 2.10 G MAC/s, mark >= 3 G MAC/s

and exit status 1 for each mark not met.  ``--json FILE`` keeps the same facts for programs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["Mark", "conclude", "parser"]


@dataclass(frozen=True)
class Mark:
    """One figure and the mark it has to reach."""

    name: str
    value: float
    mark: float
    unit: str
    at_least: bool = True

    @property
    def met(self) -> bool:
        """Whether the figure reaches the mark."""
        return self.value >= self.mark if self.at_least else self.value <= self.mark

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        return f"{self.name}: {self.value:.4g} {self.unit}, mark {sign} {self.mark:g} {self.unit}"


def parser(description: str) -> argparse.ArgumentParser:
    """Return an argument parser that has ``--json FILE``."""
    out = argparse.ArgumentParser(description=description)
    out.add_argument("--json", metavar="FILE", type=Path, help="also write the figures to FILE")
    return out


def conclude(
    marks: list[Mark], figures: dict, *, versions: dict[str, str], file: Path | None
) -> int:
    """Print machine, versions, command and marks; return the exit status.

    Parameters
    ----------
    marks : list[Mark]
    figures : dict
        Everything measured, for the JSON file.
    versions : dict[str, str]
        Of the software the figures depend on.
    file : Path or None
        The ``--json`` argument.
    """
    facts = {
        "machine": f"{_processor()}, {len(os.sched_getaffinity(0))} cores, {platform.platform()}",
        "versions": {"python": platform.python_version(), **versions},
        "command": " ".join([Path(sys.executable).name, *sys.argv]),
    }
    print(f"machine: {facts['machine']}")
    print("versions: " + ", ".join(f"{name} {text}" for name, text in facts["versions"].items()))
    print(f"command: {facts['command']}")
    for mark in marks:
        print(f"{'met' if mark.met else 'MISSED'}: {mark}")
    if file is not None:
        rows = [{**asdict(mark), "met": mark.met} for mark in marks]
        file.write_text(json.dumps({**facts, "figures": figures, "marks": rows}, indent=2) + "\n")
    return 0 if all(mark.met for mark in marks) else 1


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()

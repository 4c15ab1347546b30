"""Marks: figures a benchmark must reach, printed with the measured ones.

Every benchmark hands its figures to :func:`conclude` and exits with the status that returns:

    MISSED: model speed: 2.10 G MAC/s, mark >= 3 G MAC/s

and exit status 1 if any mark is not met.  ``--json FILE`` keeps the same facts for programs.
:func:`execute` runs a benchmark: input that it refuses ends in one line on stderr, exit status 2.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

from myvta.cli.input_errors import message_of
from myvta.cli.text_table import Column, Kind, open_console, print_table
from myvta.isa.config import Config, ConfigError, load_config

__all__ = ["Mark", "conclude", "configuration", "execute", "natural", "parser", "show_table"]


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
    out.add_argument("--json", metavar="FILE", type=_writable,
                     help="also write the figures to FILE")
    return out


def configuration(text: str) -> Config:
    """Return the configuration of an argument: a name or a vta_config.json."""
    try:
        return load_config(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def natural(text: str) -> int:
    """Return the number of an argument that must be 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 on, not {text!r}")
    return int(text)


def _writable(text: str) -> Path:
    """Return a path that can be written: a benchmark takes minutes before it does."""
    path = Path(text)
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(
            f"cannot write {path}: name a file in a folder that exists")
    return path


def show_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, split: int | None = None,
) -> None:
    """Print a table within the terminal's width, in a pipe as wide as its contents.

    Parameters
    ----------
    title : str
    columns : sequence of str
        Headings; the first column holds names, which are shortened, the others numbers.
    rows : sequence of sequences of str
        A cell for each column.
    split : int, optional
        Column at which the table is divided in two on a narrow terminal.
    """
    console = open_console()
    console.print(title, style="bold", soft_wrap=True)
    name, *numbers = columns
    print_table(
        console, [Column(name, Kind.NAME), *map(Column, numbers)], rows, split=split)


def execute(main: Callable[[], int]) -> NoReturn:
    """Run a benchmark and exit: 0 all marks met, 1 one missed, 2 refused input."""
    try:
        status = main()
    except Exception as error:
        message = message_of(error)
        if message is None:
            raise
        print(f"error: {message}", file=sys.stderr)
        status = 2
    sys.exit(status)


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

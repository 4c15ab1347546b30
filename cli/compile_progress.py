"""Observes the passes of a compilation: their times on stderr, and dumps of their results."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ..compiler.pipeline.dump import DumpRow, dump_json, dump_text
from ..compiler.pipeline.passes import Pass

__all__ = ["PassLog"]


class PassLog:
    """An observer of passes; as a context manager it holds the progress bar of a terminal.

    Parameters
    ----------
    passes
        Number of passes.
    dump_after
        Names of passes whose results are kept as rows.
    console
        Receives a line for each pass, and a progress bar if it is a terminal; None: neither.
    """

    def __init__(self, passes: int, dump_after: Collection[str], console: Console | None):
        self._console, self._dump_after = console, dump_after
        self._dumps: dict[str, list[DumpRow]] = {}
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
            TimeElapsedColumn(), console=console, transient=True,
            disable=console is None or not console.is_terminal)
        self._task = self._bar.add_task("", total=passes)

    def __enter__(self) -> PassLog:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def started(self, item: Pass) -> None:
        """Show the name of the running pass."""
        self._bar.update(self._task, description=item.name)

    def finished(self, item: Pass, result: Any, seconds: float) -> None:
        """Show the duration of a pass, and keep its dump."""
        self._bar.advance(self._task)
        if self._console is not None:
            self._console.print(
                f"{item.name:12s} {seconds:7.2f} s  {item.doc}", highlight=False, soft_wrap=True)
        if item.name in self._dump_after:
            self._dumps[item.name] = item.dump(result)

    def text(self) -> str:
        """Return the dumps as text, each under the name of its pass."""
        return "".join(f"# after {name}\n{dump_text(rows)}" for name, rows in self._dumps.items())

    def to_json(self) -> dict[str, list[dict[str, Any]]]:
        """Return the dumps as plain data, by the name of the pass."""
        return {name: dump_json(rows) for name, rows in self._dumps.items()}

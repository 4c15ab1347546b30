"""Run the synthesis tools from PyPI, and read what they write."""

from __future__ import annotations

import json
import re
import subprocess
import sysconfig
from pathlib import Path

__all__ = ["ToolError", "parse_arrival", "parse_report", "parse_stat", "run"]


class ToolError(RuntimeError):
    """A tool failed; the text is the end of its log."""


def parse_stat(text: str, module: str) -> dict[str, int]:
    """Return the cells of one module from the output of ``stat -json``."""
    modules = json.loads(text)["modules"]
    return dict(modules["\\" + module]["num_cells_by_type"])


def parse_report(text: str) -> tuple[float, str]:
    """Return the clock (MHz) and the ends of its critical path from a report of nextpnr."""
    report = json.loads(text)
    if not report["fmax"]:
        raise ToolError("nextpnr reports no clock")
    path = next(
        one["path"] for one in report["critical_paths"]
        if "<async>" not in (one["from"], one["to"])
    )
    ends = [f"{end['cell']}.{end['port']}" for end in (path[0]["from"], path[-1]["to"])]
    return min(clock["achieved"] for clock in report["fmax"].values()), " -> ".join(ends)


def parse_arrival(text: str) -> float:
    """Return the latest arrival time in ns from the output of yosys's ``sta``."""
    found = re.search(r"^Latest arrival time in '\w+' is (\d+):", text, re.M)
    if found is None:
        raise ToolError(f"sta of yosys reports no arrival time: {text[-500:]}")
    return int(found[1]) / 1000


def run(tool: str, *arguments: str, folder: Path) -> tuple[int, str]:
    """Run a tool of the extra; returns its exit status and its output."""
    command = Path(sysconfig.get_path("scripts")) / tool
    if not command.exists():
        raise SystemExit(f"{tool} is not installed: pip install myvta[synthesis]")
    done = subprocess.run(
        [str(command), *arguments], cwd=folder, check=False, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    return done.returncode, done.stdout

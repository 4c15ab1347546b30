"""`myvta doctor`: installed tools, targets that work with them, commands that install the rest."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata

import click
from rich.text import Text

from ..cosim.build_cache import cache_folder
from ..cosim.tools import find_compiler, find_icarus, find_verilator, tool_version
from ..driver.errors import TargetError
from ..driver.target.identity import check_identity
from ..driver.target.open_target import open_target
from . import doctor_target
from .text_table import Column, Kind, open_console, print_table

__all__ = ["Check", "checks", "command"]

_COLUMNS = (
    Column("", Kind.WORD), Column("requirement", Kind.WORD), Column("found", Kind.TEXT),
    Column("for", Kind.TEXT),
)
_REQUIRED = ("numpy", "myhdl", "pyserial", "onnx", "click", "rich")
_OPTIONAL = (
    ("onnxruntime", "faster host operators"),
    ("matplotlib", "the contact sheet of `myvta demo`"),
)


@dataclass(frozen=True)
class Check:
    """One requirement: a package, a tool, a target."""

    name: str
    works: bool
    found: str  # version or path; the reason when it does not work
    purpose: str
    fix: str  # the command to run, "" where nothing needs to be fixed
    required: bool = False


def checks() -> list[Check]:
    """Check everything, the required first."""
    return [
        _python(),
        _package("myvta", "everything", required=True),
        *(_package(name, "everything", required=True) for name in _REQUIRED),
        _model(),
        *(_package(name, purpose, required=False) for name, purpose in _OPTIONAL),
        *_simulators(),
        _ghdl(),
        _cache(),
    ]


def _python() -> Check:
    return Check("Python", sys.version_info >= (3, 10), platform.python_version(), "everything",
                 "install Python 3.10 or newer", required=True)


def _package(name: str, purpose: str, *, required: bool) -> Check:
    fix = f"{sys.executable} -m pip install {name}"
    module = "serial" if name == "pyserial" else name
    if importlib.util.find_spec(module) is None:
        return Check(name, False, "not installed", purpose, fix, required)
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:  # imported from a checkout that is not installed
        version = "of unknown version"
    return Check(name, True, version, purpose, "", required)


def _model() -> Check:
    """Open the model and check that it identifies itself as the accelerator."""
    try:
        with open_target("model://?mem=0x0:64K") as target:
            check_identity(target)
    except TargetError as error:
        return Check("model://", False, str(error), "running without RTL",
                     "install myvta again: pip install --force-reinstall myvta", required=True)
    return Check("model://", True, "answers", "running without RTL", "", required=True)


def _tool(name: str, purpose: str, find: Callable[[], str]) -> Check:
    """Look for a tool whose finder says in its error how to install it."""
    try:
        return Check(name, True, find(), purpose, "")
    except TargetError as error:
        reason, _, fix = str(error).partition("; install it with: ")
        return Check(name, False, reason, purpose, fix)


def _simulators() -> list[Check]:
    verilator = _tool("verilator", "fast RTL", lambda: find_verilator().version)
    compiler = _tool("g++", "fast RTL", lambda: tool_version(find_compiler()))
    icarus = _tool("icarus", "RTL through MyHDL", lambda: tool_version(find_icarus()[0], "-V"))
    fast = verilator.works and compiler.works
    return [
        verilator, compiler, icarus,
        Check("verilator://", fast, "can be built" if fast else "needs verilator and g++",
              "running on the RTL, fast", ""),
        Check("icarus://", icarus.works, "can be built" if icarus.works else "needs icarus",
              "running on the RTL, event by event", ""),
    ]


def _ghdl() -> Check:
    path = shutil.which("ghdl")
    fix = "" if path else "sudo apt-get install ghdl"
    return Check("ghdl", bool(path), path or "not on PATH", "tests of the converted VHDL", fix)


def _cache() -> Check:
    folder = cache_folder()
    purpose, existing = "built simulators", folder
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    try:
        with tempfile.TemporaryFile(dir=existing):
            return Check("cache folder", True, str(folder), purpose, "")
    except OSError as error:
        return Check("cache folder", False, f"{folder}: {os.strerror(error.errno or 0)}", purpose,
                     "export MYVTA_CACHE=FOLDER, one you may write to")


@click.command()
@click.option("--target", "url", metavar="URL",
              help="Check a device instead: identity, registers, memory, a small program.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(url: str | None, as_json: bool) -> None:
    """Show the tools and targets that work here, and the commands that install the rest.

    Exits with 1 only if something required is missing: without simulators the model still works.
    With --target: whether the device at URL works, and advice if it does not. Overwritten memory
    is restored.
    """
    if url is not None:
        if not doctor_target.run(url, as_json):
            raise SystemExit(1)
        return
    results = checks()
    healthy = all(check.works for check in results if check.required)
    if as_json:
        rows = [asdict(check) for check in results]
        click.echo(json.dumps({"healthy": healthy, "checks": rows}, indent=2))
    else:
        _show(results, healthy)
    if not healthy:
        raise SystemExit(1)


def _show(results: list[Check], healthy: bool) -> None:
    console = open_console()
    rows: list[list[str | Text]] = []
    for check in results:
        mark = Text("yes", "green") if check.works else Text("no", "red" if check.required else "")
        rows.append([mark, check.name, check.found, check.purpose])
    print_table(console, _COLUMNS, rows)
    console.print()
    for check in results:
        if check.fix and not check.works:
            console.print(f"{check.name}: {check.fix}", soft_wrap=True, markup=False)
    console.print("Everything required is here." if healthy else "Something required is missing.")

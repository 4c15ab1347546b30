"""The static checker on a bundle or an assembly listing, for `myvta check`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from ..driver.program.bundle import read_bundle
from ..driver.program.program_check import check_program
from ..isa.asm.assembler import assemble_file
from ..isa.check.findings import Finding
from ..isa.check.static_checker import MemoryMap, StreamChecker
from ..isa.config import load_config
from ..isa.opcodes import MemoryType
from .input_errors import InputError
from .text_table import Column, Kind, open_console, print_table

__all__ = ["FileCheck", "Located", "check_file", "run"]

_COLUMNS = (Column("at"), Column("finding", Kind.TEXT), Column("fix", Kind.TEXT))
_ZIP = b"PK\x03\x04"
_ELSEWHERE = 1 << 40  # a listing's micro-ops: their base pointer is not the other types'


@dataclass(frozen=True)
class Located:
    """A finding and where it is: launch and note in a bundle, source line in a listing."""

    finding: Finding
    launch: str = ""
    note: str = ""
    line: int | None = None


@dataclass(frozen=True)
class FileCheck:
    """What was found in a file, and how much there was to look at."""

    config: str
    launches: int
    instructions: int
    found: tuple[Located, ...]


def check_file(file: Path, config_name: str | None = None) -> FileCheck:
    """Check a bundle or a listing.

    A listing says nothing about memory: base pointers count as 0 (that of the micro-ops as the
    place of its ``.uops``), and every byte may hold data.

    Raises
    ------
    BundleError, AssemblyError, ConfigError, OSError
        The file, or the configuration, cannot be read.
    """
    with file.open("rb") as stream:
        start = stream.read(len(_ZIP))
    if start == _ZIP or file.suffix == ".vta":
        return _bundle(file, config_name)
    program = assemble_file(file, load_config(config_name) if config_name else None)
    image = ((_ELSEWHERE, program.uops, "the micro-ops"),) if program.uops else ()
    verdict = StreamChecker(program.config).check(
        program.stream, bases={MemoryType.UOP: _ELSEWHERE}, memory=MemoryMap(contents=image),
    )
    return FileCheck(
        program.config.name, 1, len(program.lines), tuple(
            Located(it, line=program.lines[it.index] if it.index < len(program.lines) else None)
            for it in verdict.findings
        ),
    )


def _bundle(file: Path, config_name: str | None) -> FileCheck:
    program = read_bundle(file)
    if config_name and load_config(config_name).canonical != program.config.canonical:
        raise InputError(
            f"{file} is for configuration {program.config.name}; leave --config out, or compile "
            f"for {config_name}"
        )
    return FileCheck(
        program.config.name, len(program.launches), sum(it.count for it in program.launches),
        tuple(
            Located(it, verdict.layer, verdict.notes[it.index] if verdict.notes else "")
            for verdict in check_program(program) for it in verdict.findings
        ),
    )


def run(file: Path, config_name: str | None, as_json: bool) -> bool:
    """Check a file and print what was found; returns whether there was nothing."""
    verdict = check_file(file, config_name)
    if as_json:
        click.echo(json.dumps(_facts(file, verdict), indent=2))
    else:
        _show(file, verdict, open_console())
    return not verdict.found


def _facts(file: Path, verdict: FileCheck) -> dict[str, Any]:
    return {
        "file": str(file), "config": verdict.config, "launches": verdict.launches,
        "instructions": verdict.instructions, "sound": not verdict.found,
        "findings": [
            {
                "kind": it.finding.kind.name, "warning": it.finding.warning, "launch": it.launch,
                "note": it.note, "index": it.finding.index, "line": it.line,
                "instruction": it.finding.listing, "other": it.finding.other,
                "text": it.finding.text, "fix": it.finding.fix,
            }
            for it in verdict.found
        ],
    }


def _show(file: Path, verdict: FileCheck, console: Console) -> None:
    looked = f"{verdict.instructions} instructions in {verdict.launches} launches for " \
             f"{verdict.config}"
    if not verdict.found:
        console.print(f"{file}: nothing found in {looked}", highlight=False, soft_wrap=True)
        return
    rows: list[list[str | Text]] = []
    for it in verdict.found:
        finding = it.finding
        at = str(finding.index) if it.line is None else f"{finding.index}, line {it.line}"
        colour = "yellow" if finding.warning else "red"
        text = Text.assemble(
            (finding.kind.value, colour), f": {finding.text}\n", (finding.listing, "dim"),
        )
        where = ", ".join(part for part in (it.launch, it.note) if part)
        if where:
            text.append(f"\n{where}", "dim")
        rows.append([at, text, finding.fix])
    print_table(console, _COLUMNS, rows)
    errors = sum(not it.finding.warning for it in verdict.found)
    console.print(
        f"{file}: {errors} errors and {len(verdict.found) - errors} warnings in {looked}",
        highlight=False, soft_wrap=True,
    )

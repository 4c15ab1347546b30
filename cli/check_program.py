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
from .program_files import is_bundle
from .text_table import Column, Kind, open_console, print_table

__all__ = ["FileCheck", "Located", "check_file", "run"]

_COLUMNS = (Column("at"), Column("finding", Kind.TEXT), Column("fix", Kind.TEXT))
_ELSEWHERE = 1 << 40  # a listing's micro-ops: their base pointer is not the other types'


@dataclass(frozen=True)
class Located:
    """A finding and its location: launch and note in a bundle, source line in a listing."""

    finding: Finding
    launch: str = ""
    note: str = ""
    line: int | None = None


@dataclass(frozen=True)
class FileCheck:
    """The findings of a file, and the number of launches and instructions checked."""

    config: str
    launches: int
    instructions: int
    findings: tuple[Located, ...]


def check_file(
    file: Path, config_name: str | None = None, *, portable: bool = False
) -> FileCheck:
    """Check a bundle or a listing; with ``portable`` also against the portable subset of VTA.

    A listing does not describe memory: base pointers count as 0 (that of the micro-ops as the
    address of its ``.uops``), and every byte may hold data.

    Raises
    ------
    BundleError, AssemblyError, ConfigError, OSError
        The file, or the configuration, cannot be read.
    """
    if is_bundle(file):
        return _bundle(file, config_name, portable)
    program = assemble_file(file, load_config(config_name) if config_name else None)
    image = ((_ELSEWHERE, program.uops, "the micro-ops"),) if program.uops else ()
    verdict = StreamChecker(program.config).check(
        program.stream, bases={MemoryType.UOP: _ELSEWHERE}, memory=MemoryMap(contents=image),
        portable=portable,
    )
    return FileCheck(
        program.config.name, 1, len(program.lines), tuple(
            Located(finding, line=program.lines[finding.index]
                    if finding.index < len(program.lines) else None)
            for finding in verdict.findings
        ),
    )


def _bundle(file: Path, config_name: str | None, portable: bool) -> FileCheck:
    program = read_bundle(file)
    if config_name and load_config(config_name).canonical != program.config.canonical:
        raise InputError(
            f"{file} is for configuration {program.config.name}; leave --config out, or compile "
            f"for {config_name}"
        )
    return FileCheck(
        program.config.name, len(program.launches),
        sum(launch.count for launch in program.launches),
        tuple(
            Located(finding, verdict.layer,
                    verdict.notes[finding.index] if verdict.notes else "")
            for verdict in check_program(program, portable=portable)
            for finding in verdict.findings
        ),
    )


def run(file: Path, config_name: str | None, as_json: bool, portable: bool = False) -> bool:
    """Check a file and print the findings; returns whether there are none."""
    verdict = check_file(file, config_name, portable=portable)
    if as_json:
        click.echo(json.dumps(_facts(file, verdict), indent=2))
    else:
        _show(file, verdict, open_console())
    return not verdict.findings


def _facts(file: Path, verdict: FileCheck) -> dict[str, Any]:
    return {
        "file": str(file), "config": verdict.config, "launches": verdict.launches,
        "instructions": verdict.instructions, "sound": not verdict.findings,
        "findings": [
            {
                "kind": located.finding.kind.name, "warning": located.finding.warning,
                "launch": located.launch, "note": located.note, "index": located.finding.index,
                "line": located.line,
                "instruction": located.finding.listing, "other": located.finding.other,
                "text": located.finding.text, "fix": located.finding.fix,
            }
            for located in verdict.findings
        ],
    }


def _show(file: Path, verdict: FileCheck, console: Console) -> None:
    checked = f"{verdict.instructions} instructions in {verdict.launches} launches for " \
              f"{verdict.config}"
    if not verdict.findings:
        console.print(f"{file}: no findings in {checked}", highlight=False, soft_wrap=True)
        return
    rows: list[list[str | Text]] = []
    for located in verdict.findings:
        finding = located.finding
        at = str(finding.index) if located.line is None else f"{finding.index}, line {located.line}"
        colour = "yellow" if finding.warning else "red"
        text = Text.assemble(
            (finding.kind.value, colour), f": {finding.text}\n", (finding.listing, "dim"),
        )
        where = ", ".join(part for part in (located.launch, located.note) if part)
        if where:
            text.append(f"\n{where}", "dim")
        rows.append([at, text, finding.fix])
    print_table(console, _COLUMNS, rows)
    errors = sum(not located.finding.warning for located in verdict.findings)
    console.print(
        f"{file}: {errors} errors and {len(verdict.findings) - errors} warnings in {checked}",
        highlight=False, soft_wrap=True,
    )

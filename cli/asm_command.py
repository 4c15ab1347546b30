"""`myvta asm`: a program in text to the binary that the device fetches."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ..isa.asm.assembler import assemble_file
from ..isa.config import load_config
from ..isa.opcodes import INSTRUCTION_BYTES, UOP_BYTES
from .files import write_files
from .input_errors import InputError

__all__ = ["command"]


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, metavar="OUT",
              help="Gets the instruction stream.")
@click.option("--uops", type=click.Path(path_type=Path), metavar="OUT",
              help="Gets the micro-op image; needed if the text has micro-ops.")
@click.option("--config", "config_name", metavar="NAME",
              help="Configuration for a text without .config: a name or a vta_config.json.")
@click.option("--json", "as_json", is_flag=True, help="Print the written files as JSON.")
def command(
    file: Path, output: Path, uops: Path | None, config_name: str | None, as_json: bool
) -> None:
    """Assemble FILE (docs/assembly.md) into an instruction stream."""
    program = assemble_file(file, load_config(config_name) if config_name else None)
    if program.uops and uops is None:
        raise InputError(f"{file} has {len(program.uops) // UOP_BYTES} micro-ops; name a file for "
                         "them: --uops OUT")
    files = {output: program.stream}
    if uops is not None:
        files[uops] = program.uops
    write_files(files)
    written = {
        "config": program.config.name, "output": str(output),
        "instructions": len(program.stream) // INSTRUCTION_BYTES,
        "uops_output": None if uops is None else str(uops),
        "uops": len(program.uops) // UOP_BYTES,
    }
    if as_json:
        click.echo(json.dumps(written, indent=2))
    else:
        count, name = written["instructions"], program.config.name
        click.echo(f"wrote {output}: {count} instructions for {name}")
        if uops is not None:
            click.echo(f"wrote {uops}: {written['uops']} micro-ops")

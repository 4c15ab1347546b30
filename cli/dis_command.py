"""`myvta dis`: a binary stream back to text."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ..isa.asm.disassembler import disassemble, format_word
from ..isa.config import load_config
from ..isa.instructions import StreamLengthError, words
from ..isa.opcodes import INSTRUCTION_BYTES, UOP_BYTES
from .files import write_files
from .input_errors import InputError

__all__ = ["command"]


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--config", "config_name", default="default", show_default=True, metavar="NAME",
              help="Configuration of the stream: a name or a vta_config.json.")
@click.option("--uops", type=click.Path(path_type=Path), metavar="FILE",
              help="Micro-op image of the stream.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="OUT",
              help="Write the text here instead of printing it.")
@click.option("--json", "as_json", is_flag=True, help="Print one object per instruction.")
def command(
    file: Path, config_name: str, uops: Path | None, output: Path | None, as_json: bool
) -> None:
    """Disassemble FILE into text that `myvta asm` turns back into the same bytes."""
    config = load_config(config_name)
    stream = file.read_bytes()
    image = uops.read_bytes() if uops else b""
    try:
        if as_json:
            rows = [
                {"index": index, "word": f"0x{word:032x}", "text": format_word(word, config)}
                for index, word in enumerate(words(stream, INSTRUCTION_BYTES, "instruction stream"))
            ]
            text = json.dumps({"config": config.name, "instructions": rows}, indent=2) + "\n"
        else:
            text = disassemble(stream, config, uops=image)
    except StreamLengthError as error:
        wrong = uops if uops and len(image) % UOP_BYTES else file
        raise InputError(f"{wrong}: {error}") from None
    if output:
        write_files({output: text})
    else:
        click.echo(text, nl=False)

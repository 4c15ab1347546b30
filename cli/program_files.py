"""Programs as verbs take them: a compiled bundle, or assembly with its memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..compiler.ir.arrays import load_arrays
from ..driver.program.assembly_program import AssemblyProgram, assembly_program
from ..isa.asm.assembler import assemble_file
from ..isa.config import load_config
from .input_errors import InputError

__all__ = ["is_bundle", "load_assembly", "require_no_config"]

_ZIP = b"PK\x03\x04"


def is_bundle(file: Path) -> bool:
    """Return whether a file is a bundle: any zip archive, and every name that ends in .vta."""
    with file.open("rb") as stream:
        return stream.read(len(_ZIP)) == _ZIP or file.suffix == ".vta"


def load_assembly(
    file: Path, config_name: str | None, data: Path | None, *, zeros: bool = False,
) -> AssemblyProgram:
    """Assemble a file and combine it with the arrays of its buffers.

    Parameters
    ----------
    file : Path
    config_name : str or None
        Configuration for a text without ``.config``.
    data : Path or None
        ``.npz`` with an array for each buffer.
    zeros : bool
        Without ``data``, every buffer holds zeros; otherwise buffers without an array are refused.

    Raises
    ------
    AssemblyError, AssemblyMemoryError, CompileError, ConfigError, OSError
        Text, arrays or configuration are refused.
    """
    text = assemble_file(file, load_config(config_name) if config_name else None)
    arrays: dict[str, np.ndarray] | None = None if zeros else {}
    return assembly_program(text, file.name, arrays if data is None else load_arrays(data))


def require_no_config(file: Path, config_name: str | None) -> None:
    """Refuse ``--config`` for a bundle, which is compiled for one configuration."""
    if config_name:
        raise InputError(f"{file} is a bundle, compiled for one configuration; leave --config out")

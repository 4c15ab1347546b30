"""Values of options that several verbs share."""

from __future__ import annotations

import re

from .input_errors import InputError

__all__ = ["parse_bytes", "parse_shapes"]

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def parse_shapes(texts: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    """Return sizes by input name from ``NAME=1,1,8,8`` texts; InputError for anything else."""
    shapes = {}
    for text in texts:
        name, _, sizes = text.rpartition("=")
        if not name or not re.fullmatch(r"\d+(,\d+)*", sizes):
            raise InputError(f"--shape {text}: give it as NAME=1,1,8,8")
        shapes[name] = tuple(int(size) for size in sizes.split(","))
    return shapes


def parse_bytes(text: str) -> int:
    """Return a number of bytes from digits and an optional K, M or G; InputError else."""
    match = re.fullmatch(r"(\d+)([KMG]?)", text.upper())
    if not match:
        raise InputError(f"--memory {text}: give it as a number of bytes, 64M or 1G")
    return int(match[1]) * _UNITS[match[2]]

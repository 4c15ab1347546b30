"""Text files that tests compare results with; ``MYVTA_UPDATE_GOLDEN=1`` rewrites them instead."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["SWITCH", "compare_with_file", "compare_with_section"]

SWITCH = "MYVTA_UPDATE_GOLDEN"


def compare_with_file(path: Path, text: str) -> None:
    """Assert that a file holds a text, or write it."""
    if os.environ.get(SWITCH):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert path.read_text() == text, f"{path.name} differs; if that is wanted: {SWITCH}=1 pytest"


def compare_with_section(path: Path, first_line: str, text: str) -> None:
    """Assert that a text is in a file from ``first_line`` to the next empty line, or put it there.
    """
    whole = path.read_text()
    start = whole.index(first_line)
    end = whole.index("\n\n", start) + 1
    if os.environ.get(SWITCH):
        path.write_text(whole[:start] + text + whole[end:])
        return
    assert whole[start:end] == text, f"{path.name} differs; if that is wanted: {SWITCH}=1 pytest"

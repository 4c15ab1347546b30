"""Install a package with a target of its own for a while: metadata on the import path, no pip."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["installed"]


@contextmanager
def installed(name: str = "third-party") -> Iterator[None]:
    """Have an entry point ``name`` that gives the scheme of ``third_party_target.py``."""
    with tempfile.TemporaryDirectory() as folder:
        info = Path(folder) / "third_party_target-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: third-party-target\nVersion: 1.0\n"
        )
        (info / "entry_points.txt").write_text(
            f"[myvta.targets]\n{name} = third_party_target:SCHEME\n"
        )
        sys.path.append(folder)
        try:
            yield
        finally:
            sys.path.remove(folder)

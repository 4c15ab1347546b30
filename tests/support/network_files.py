"""The networks of examples/networks as files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

__all__ = ["MEMORY", "build"]

BUILD = Path(__file__).parents[2] / "examples/networks/build.py"
MEMORY = 512 << 20


def build(name: str, folder: Path, size: int | None, images: int = 2) -> Path:
    """Return a network's file, of the published size (None) or of another."""
    where = folder / str(size)
    path = where / f"{name}.onnx"
    if not path.exists():
        extra = () if size is None or name == "dcgan" else ("--size", str(size))
        command = [sys.executable, BUILD, name, "--out", where, "--images", str(images),
                   *extra]
        subprocess.run([str(part) for part in command], check=True, capture_output=True)
    return path

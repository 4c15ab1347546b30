"""A plain file in place of a mapped device: the register map after reset."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from myvta.isa.config import NAMED, Config
from myvta.isa.register_map import reset_values

__all__ = ["CONFIG", "PAGE", "register_file"]

CONFIG = NAMED["1x4x4"]
PAGE = 4096


def register_file(path: Path, config: Config = CONFIG, size: int = PAGE) -> Path:
    """Write the register values of a device of ``config`` after reset."""
    words = np.zeros(size // 4, np.uint32)
    for offset, value in reset_values(config).items():
        words[offset // 4] = value
    path.write_bytes(words.tobytes())
    return path

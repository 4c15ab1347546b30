"""Sliding windows: the inputs that each output of a Conv or pooling meets."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["taps_of"]


def taps_of(attrs: dict[str, Any], axis: int, outputs: int) -> np.ndarray:
    """Return the inputs ``[outputs, taps]`` that windows meet along an axis; some are padding."""
    first = np.arange(outputs) * attrs["strides"][axis] - attrs["pads"][axis]
    taps = np.arange(attrs["kernel"][axis]) * attrs["dilations"][axis]
    return np.asarray(first[:, None] + taps)

"""A device of the model whose ACC tiles and micro-ops a test has set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from myvta.isa.config import named
from myvta.isa.instructions import Uop, encode_uop
from myvta.model.device import Device

__all__ = ["HIGH", "LOW", "alu_device"]

LOW, HIGH = -(2**31), 2**31 - 1
"""The ends of a lane's range."""


def alu_device(tiles: ArrayLike, uops: Sequence[Uop] = (Uop(dst=0, src=1),)) -> Device:
    """Return a 1x4x4 device with ACC tiles [count, lanes] and micro-ops set from 0 on."""
    device = Device(named("1x4x4"), memory_size=4096)
    for index, uop in enumerate(uops):
        device.pads.uop[index] = encode_uop(uop, device.config)
    lanes = np.array(tiles, np.int64)
    device.pads.acc[: len(lanes), 0] = lanes.reshape(len(lanes), -1)
    return device

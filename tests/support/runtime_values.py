"""Random lanes for tests of the runtime, and the accumulators of a device as it stores them."""

from __future__ import annotations

import numpy as np

from myvta.driver import Runtime
from myvta.isa.config import Config
from myvta.isa.opcodes import AluOpcode, MemoryType

__all__ = ["accumulators", "as_out", "random_lanes", "wrap32"]


def random_lanes(seed: int, shape: tuple[int, ...], width: int) -> np.ndarray:
    """Return int64 lanes of a shape, each of ``width`` bits, from a seed."""
    limit = 1 << (width - 1)
    return np.random.default_rng(seed).integers(-limit, limit, shape)


def wrap32(values: np.ndarray) -> np.ndarray:
    """Return values as 32-bit registers hold them."""
    return (values + (1 << 31)) % (1 << 32) - (1 << 31)


def as_out(values: np.ndarray, config: Config) -> np.ndarray:
    """Return the low OUT bits of accumulators, sign extended."""
    half = 1 << (config.out_width - 1)
    return (values + half) % (2 * half) - half


def accumulators(runtime: Runtime, tiles: int) -> np.ndarray:
    """Read ACC tiles whole: OUT holds their low bits, so shift and store piece by piece."""
    config = runtime.config
    shape, bits = (config.batch, config.block_out, tiles), config.out_width
    total = np.zeros(shape, dtype=np.int64)
    out = runtime.room(shape, MemoryType.OUT)
    for step in range(config.acc_width // bits):
        runtime.store(0, out, tiles)
        runtime.alu([(0, 0)], AluOpcode.SHR, imm=bits, iter_in=tiles, dst_factor=(0, 1))
        runtime.sync()
        total += (runtime.get(out, shape).astype(np.int64) % (1 << bits)) << (bits * step)
    return wrap32(total)

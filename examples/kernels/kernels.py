"""The kernels of this folder: memory for each of them, and their results by plain numpy.

    python examples/kernels/kernels.py gemm memory.npz
    myvta run examples/kernels/gemm.s --input memory.npz --output results.npz

:data:`KERNELS` names them.  Arrays are in memory order, as ``myvta run`` takes and writes them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = ["FOLDER", "KERNELS", "Kernel"]

FOLDER = Path(__file__).resolve().parent
BLOCK = 8
"""Lanes of a tile, and rows of a tile of weights, in the configurations of these texts."""
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Kernel:
    """A text: ``arrays`` makes its memory from a seed, ``results`` computes its buffers."""

    text: Path
    arrays: Callable[[int], Arrays]
    results: Callable[[Arrays], Arrays]


def rows_to_tiles(matrix: np.ndarray) -> np.ndarray:
    """Return the tiles [rows, blocks, 1, 8] of a matrix, a row of tiles for each of its rows."""
    return matrix.reshape(len(matrix), -1, 1, BLOCK)


def weights_to_tiles(matrix: np.ndarray) -> np.ndarray:
    """Return the tiles [row blocks, column blocks, 8, 8] of weights [outputs, inputs]."""
    rows, columns = (size // BLOCK for size in matrix.shape)
    return matrix.reshape(rows, BLOCK, columns, BLOCK).swapaxes(1, 2)


def tiles_to_weights(tiles: np.ndarray) -> np.ndarray:
    """Return the weights [outputs, inputs] of tiles."""
    rows, columns = tiles.shape[:2]
    return tiles.swapaxes(1, 2).reshape(rows * BLOCK, columns * BLOCK)


def parameters(rng: np.random.Generator, outputs: int, shift: int) -> np.ndarray:
    """Return tiles [output blocks, 3, 1, 8]: bias, multiplier, shift of each output of RQT."""
    values = np.stack([
        rng.integers(-400, 400, outputs), rng.integers(1 << 29, 1 << 30, outputs),
        np.full(outputs, shift),
    ])
    return values.reshape(3, -1, 1, BLOCK).swapaxes(0, 1)


def requantize(sums: np.ndarray, params: np.ndarray, minimum: int = -128) -> np.ndarray:
    """Return RQT's result for sums [..., outputs] (zero point 0), as docs/vta_isa.md defines it."""
    bias, multiplier, shift = params.swapaxes(0, 1).reshape(3, -1).astype(np.int64)
    scaled = ((sums + bias) * multiplier + (1 << 30)) >> 31
    rounded = (scaled + ((1 << shift) >> 1)) >> shift
    return np.asarray(rounded.clip(minimum, 127))


def gemm_arrays(seed: int) -> Arrays:
    """Return the memory of gemm.s."""
    rng = np.random.default_rng(seed)
    return {
        "a": rows_to_tiles(rng.integers(-128, 128, (128, 32))),
        "w": weights_to_tiles(rng.integers(-128, 128, (16, 32))),
        "params": parameters(rng, 16, 9),
    }


def gemm_results(arrays: Arrays) -> Arrays:
    """Return ``c`` of gemm.s."""
    a, w = arrays["a"].reshape(128, 32), tiles_to_weights(arrays["w"])
    return {"c": rows_to_tiles(requantize(a @ w.T, arrays["params"]))}


KERNELS = {
    "gemm": Kernel(FOLDER / "gemm.s", gemm_arrays, gemm_results),
}


def main() -> None:
    """Write a kernel's memory."""
    if len(sys.argv) != 3 or sys.argv[1] not in KERNELS:
        sys.exit(f"usage: kernels.py {'|'.join(KERNELS)} MEMORY.npz")
    np.savez(sys.argv[2], **KERNELS[sys.argv[1]].arrays(1))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()

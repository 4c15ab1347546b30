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


SILU_SCALES = 1 / 16, 1 / 16
"""Real value of one unit before and after the table of silu.s."""


def table(function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return the elements [1, 1, 256] of a table: ``function(v)`` for the 8-bit ``v`` & 255."""
    values = np.arange(256)
    values = np.where(values < 128, values, values - 256)
    return np.rint(function(values)).astype(np.int64).reshape(1, 1, 256)


def silu(values: np.ndarray) -> np.ndarray:
    """Return SiLU in units of :data:`SILU_SCALES`, within 8 bits."""
    before, after = SILU_SCALES
    real = values * before
    return np.asarray((real / (1 + np.exp(-real)) / after).clip(-128, 127))


def silu_arrays(seed: int) -> Arrays:
    """Return the memory of silu.s."""
    rng = np.random.default_rng(seed)
    return {
        "a": rows_to_tiles(rng.integers(-128, 128, (64, 16))),
        "w": weights_to_tiles(rng.integers(-128, 128, (16, 16))),
        "params": parameters(rng, 16, 8),
        "tables": table(silu),
    }


def silu_results(arrays: Arrays) -> Arrays:
    """Return ``c`` of silu.s: the function itself, rounded, not its table."""
    a, w = arrays["a"].reshape(64, 16), tiles_to_weights(arrays["w"])
    return {"c": rows_to_tiles(np.rint(silu(requantize(a @ w.T, arrays["params"]))))}


def depthwise_pointwise_arrays(seed: int) -> Arrays:
    """Return the memory of depthwise_pointwise.s.

    ``w_depth`` has the kernel of lane l in row l: taps of kernel rows 0 and 1 in one tile, of row 2
    in the next, four columns to a row, of which the kernel has three.
    """
    rng = np.random.default_rng(seed)
    kernel = rng.integers(-128, 128, (2, BLOCK, 3, 3))  # [channel block, lane, row, column]
    taps = np.zeros((2, BLOCK, 4, 4), int)
    taps[:, :, :3, :3] = kernel
    return {
        "x": rng.integers(-128, 128, (2, 8, 8, 1, BLOCK)),
        "w_depth": taps.reshape(2, BLOCK, 2, 8).swapaxes(1, 2),
        "w_point": weights_to_tiles(rng.integers(-128, 128, (16, 16))),
        "params": np.stack([parameters(rng, 16, 8), parameters(rng, 16, 8)]).reshape(12, 1, BLOCK),
    }


def depthwise_pointwise_results(arrays: Arrays) -> Arrays:
    """Return ``y`` of depthwise_pointwise.s, pixel by pixel."""
    image = np.moveaxis(arrays["x"][..., 0, :], 0, 2).reshape(8, 8, 16)
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)))
    taps = arrays["w_depth"].swapaxes(1, 2).reshape(16, 4, 4)
    depth, point = arrays["params"].reshape(2, 2, 3, 1, BLOCK)
    sums = np.zeros((8, 8, 16), np.int64)
    for row in range(3):
        for column in range(3):
            sums += padded[row : row + 8, column : column + 8] * taps[:, row, column]
    inputs = requantize(sums, depth, minimum=0)
    outputs = requantize(inputs @ tiles_to_weights(arrays["w_point"]).T, point)
    return {"y": np.moveaxis(outputs.reshape(8, 8, 2, BLOCK), 2, 0)}


def attention_arrays(seed: int) -> Arrays:
    """Return the memory of attention.s."""
    rng = np.random.default_rng(seed)
    x, wq, wk, wv = (rng.integers(-128, 128, (16, 16)) for _ in range(4))

    def by_blocks(matrix: np.ndarray) -> np.ndarray:  # [column block, row]
        return rows_to_tiles(matrix).swapaxes(0, 1)

    def constant(*values: int) -> np.ndarray:
        return np.repeat(values, BLOCK).reshape(len(values), 1, BLOCK)

    return {
        "x": by_blocks(x), "wv": by_blocks(wv),
        "wq": weights_to_tiles(wq), "wk": weights_to_tiles(wk),
        "params": constant(0, 1 << 30, 9, 0, 1 << 30, 7, 0, 0, 3), "row": constant(0, 0, 7),
        "tables": np.concatenate([
            table(lambda v: 127 * np.exp(np.minimum(v, 0) / 16)),
            # v + 128 is the sum / 8: 2^22 / sum, of at most 15 bits
            table(lambda v: ((1 << 19) / np.maximum(v + 128, 1)).clip(0, 32767)),
        ]),
    }


def attention_results(arrays: Arrays) -> Arrays:
    """Return ``o`` of attention.s, as integers; :func:`exact_attention` is the real function."""
    x, q, k, v = projections(arrays)
    scores = q @ k.T
    below = requantize(scores - scores.max(1, keepdims=True), arrays["params"][3:6, None, :, :1])
    exp, reciprocal = arrays["tables"].reshape(2, 256)
    shares = exp[below & 255]
    sums = (shares.sum(1) + 4 >> 3) - 128
    multiplier = reciprocal[sums.clip(-128, 127) & 255] << 16
    scaled = (shares @ v * multiplier[:, None] + (1 << 30)) >> 31
    output = ((scaled + 64) >> 7).clip(-128, 127)
    return {"o": rows_to_tiles(output).swapaxes(0, 1)}


def exact_attention(arrays: Arrays) -> np.ndarray:
    """Return attention in real numbers [token, feature] of the integers q, k and v."""
    _, q, k, v = projections(arrays)
    scores = q @ k.T / 256 / 16  # requantized to units of 1/16
    shares = np.exp(scores - scores.max(1, keepdims=True))
    return np.asarray(shares / shares.sum(1, keepdims=True) @ v)


def projections(arrays: Arrays) -> tuple[np.ndarray, ...]:
    """Return x, q, k and v [token, feature] of attention.s."""
    x, wv = (arrays[name].swapaxes(0, 1).reshape(16, 16) for name in ("x", "wv"))
    params = np.tile(arrays["params"][None, :3], (2, 1, 1, 1))
    wq, wk = (tiles_to_weights(arrays[name]) for name in ("wq", "wk"))
    return x, *(requantize(x @ w.T, params) for w in (wq, wk, wv))


KERNELS = {
    "gemm": Kernel(FOLDER / "gemm.s", gemm_arrays, gemm_results),
    "silu": Kernel(FOLDER / "silu.s", silu_arrays, silu_results),
    "depthwise_pointwise": Kernel(
        FOLDER / "depthwise_pointwise.s", depthwise_pointwise_arrays, depthwise_pointwise_results),
    "attention": Kernel(FOLDER / "attention.s", attention_arrays, attention_results),
}


def main() -> None:
    """Write a kernel's memory."""
    if len(sys.argv) != 3 or sys.argv[1] not in KERNELS:
        sys.exit(f"usage: kernels.py {'|'.join(KERNELS)} MEMORY.npz")
    np.savez(sys.argv[2], **KERNELS[sys.argv[1]].arrays(1))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()

"""Loads and stores of the runtime: padding, strides, every kind of tile."""

import numpy as np
import pytest
from runtime_values import as_out, random_lanes

from myvta.isa.opcodes import MemoryType

INP, WGT, ACC = MemoryType.INP, MemoryType.WGT, MemoryType.ACC
PADS = [
    ((0, 0), (0, 0)), ((2, 0), (0, 0)), ((0, 1), (0, 0)), ((0, 0), (2, 0)), ((0, 0), (0, 1)),
    ((1, 2), (2, 1)), ((17, 0), (0, 0)),
]


def identity_weight(runtime):
    eye = np.eye(runtime.config.block_out, runtime.config.block_in, dtype=int)
    runtime.load(WGT, 0, runtime.put(eye, WGT), 1)


def image(config, kind, height, width, seed):
    """Return (height, width) tiles as a tensor (rows of a tile, columns of a tile, H, W)."""
    rows = config.block_out if kind == WGT else config.batch
    bits = {INP: config.inp_width, WGT: config.wgt_width}.get(kind, 20)
    return random_lanes(seed, (rows, config.block_in, height, width), min(bits, 8))


@pytest.mark.parametrize(("x_pad", "y_pad"), PADS)
@pytest.mark.parametrize("kind", [INP, ACC, MemoryType.ACC_8BIT])
def test_padded_loads_write_zeros_around_the_data(runtime, kind, x_pad, y_pad):
    config = runtime.config
    source = image(config, kind, 4, 5, 5)
    window = source[:, :, 1:4, 1:4]  # 3 x 3 out of rows that are 5 long
    want = np.pad(window, ((0, 0), (0, 0), y_pad, x_pad))
    tiles = want.shape[2] * want.shape[3]
    assert tiles <= config.depth(kind)
    buffer = runtime.put(source, kind)
    dirt = runtime.put(np.ones((config.batch, config.block_in, tiles), int), kind)
    runtime.load(kind, 0, dirt, tiles)
    runtime.load(kind, 0, buffer, 3, 3, 5, offset=1 * 5 + 1, x_pad=x_pad, y_pad=y_pad)
    if kind == INP:
        identity_weight(runtime)
        runtime.gemm([(0, 0, 0)], iter_in=tiles, dst_factor=(0, 1), reset=True)
        runtime.gemm([(0, 0, 0)], iter_in=tiles, dst_factor=(0, 1), src_factor=(0, 1))
    out = runtime.room(want.shape, MemoryType.OUT)
    runtime.store(0, out, tiles)
    runtime.sync()
    assert np.array_equal(runtime.get(out, want.shape), as_out(want, config))


@pytest.mark.parametrize(("x_pad", "y_pad"), PADS[:6])
def test_padded_weights_are_zeros(runtime, x_pad, y_pad):
    config = runtime.config
    source = image(config, WGT, 2, 3, 6)
    x = random_lanes(7, (config.batch, config.block_in), 3)
    padded = np.pad(source[:, :, :, :2], ((0, 0), (0, 0), y_pad, x_pad))
    tiles = padded.shape[2] * padded.shape[3]
    want = np.einsum("bi,oihw->bohw", x, padded)
    ones = np.ones((config.block_out, config.block_in, tiles), int)
    runtime.load(WGT, 0, runtime.put(ones, WGT), tiles)
    runtime.load(WGT, 0, runtime.put(source, WGT), 2, 2, 3, x_pad=x_pad, y_pad=y_pad)
    runtime.load(INP, 0, runtime.put(x, INP), 1)
    runtime.gemm([(0, 0, 0)], iter_in=tiles, dst_factor=(0, 1), reset=True)
    runtime.gemm([(0, 0, 0)], iter_in=tiles, dst_factor=(0, 1), wgt_factor=(0, 1))
    out = runtime.room(want.shape, MemoryType.OUT)
    runtime.store(0, out, tiles)
    runtime.sync()
    assert np.array_equal(runtime.get(out, want.shape), as_out(want, config))


def test_strided_stores_touch_nothing_else(runtime):
    config = runtime.config
    values = image(config, ACC, 2, 3, 8)
    frame = np.full((config.batch, config.block_out, 4, 5), 3)
    out = runtime.put(frame, MemoryType.OUT)
    runtime.load(ACC, 0, runtime.put(values, ACC), 6)
    runtime.store(0, out, 3, 2, 5, offset=5 + 1)
    runtime.sync()
    frame[:, :, 1:3, 1:4] = as_out(values, config)
    assert np.array_equal(runtime.get(out, frame.shape), frame)

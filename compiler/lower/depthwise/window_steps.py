"""The products of depthwise convolutions: DWC over windows of taps, and their weight tiles.

A step of DWC reads the columns of INP that are new to its window, so the columns of outputs are
the innermost loop.  The weight index has no factor: there is one instruction for each block of
channels and each window of the kernel.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from ....driver.program.extension_layout import depthwise_tile
from ....driver.stream.stream import StreamBuilder
from ....isa.config import Config
from ...codegen.loop_nest import Loop, nest
from ...codegen.tile_ops import reset_tiles
from ...schedule.conv_problem import ConvShape
from ...schedule.conv_tiles import OutputTile, Range, extent, phases, split
from ...schedule.tap_windows import TapWindow

__all__ = ["multiply_windows", "window_tiles"]


def window_tiles(weight: np.ndarray, shape: ConvShape, config: Config) -> np.ndarray:
    """Return WGT tiles ``[blocks, windows, block_out, block_in]`` of weights ``[M, 1, KH, KW]``."""
    windowed, block = shape.windowed, config.block_out
    assert windowed is not None
    kernels = np.zeros((shape.co * block, *shape.kernel), weight.dtype)
    kernels[:len(weight)] = weight[:, 0]
    return np.stack([
        np.stack([
            depthwise_tile(_taps(lanes, window, windowed.span(window)), config)
            for window in windowed.windows
        ]) for lanes in kernels.reshape(shape.co, block, *shape.kernel)
    ])


def _taps(kernels: np.ndarray, window: TapWindow, span: tuple[int, int]) -> np.ndarray:
    """Return the weights of a window ``[lanes, *span]``, zero between the columns of taps."""
    taps = np.zeros((len(kernels), *span), kernels.dtype)
    spread = (span[1] - 1) // max(1, window.columns - 1)
    taps[:, :, ::max(1, spread)] = kernels[
        :, window.row:window.row + window.rows, window.column:window.column + window.columns]
    return taps


def multiply_windows(
    builder: StreamBuilder, shape: ConvShape, tile: OutputTile, part: Range,
    bases: tuple[int, int, int],
) -> None:
    """Emit the sums of some blocks of a tile, counted from its first.

    ``bases``: first tiles of ACC, INP and WGT of the tile's first block; the inputs of a block are
    as :func:`~.conv_tiles.extent` describes them.
    """
    windowed = shape.windowed
    assert windowed is not None
    whole = Range(0, shape.kernel[0]), Range(0, shape.kernel[1])
    width = extent(shape, 1, tile.ow, whole[1]).total
    area = extent(shape, 0, tile.oh, whole[0]).total * width
    layout, (down, right) = tile.layout, shape.dilations
    places = list(product(
        split(phases(shape, 0, tile.oh, whole[0]), layout.strides[0]),
        split(phases(shape, 1, tile.ow, whole[1]), layout.strides[1])))
    for block in range(part.start, part.start + part.count):
        for v, h in places:
            row, column = layout.first[0] + v.first, layout.first[1] + h.first
            acc = bases[0] + block * tile.pixels + layout.at(row, column)
            inp = bases[1] + block * area + v.source * width + h.source
            loops = [
                Loop(v.count, v.step // layout.strides[0] * layout.width(column), v.move * width),
                Loop(h.count, h.step // layout.strides[1], h.move),
            ]
            if not builder.config.overwrite:
                reset_tiles(builder, acc, loops)
            for index, window in enumerate(windowed.windows):
                first = inp + window.row * down * width + window.column * right
                wgt = bases[2] + block * len(windowed.windows) + index
                nest((acc, first, wgt), loops).depthwise(
                    builder, windowed.span(window), down * width,
                    overwrite=builder.config.overwrite and index == 0)

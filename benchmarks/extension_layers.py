"""Layers that use the extensions of the ISA, as streams that no compiler wrote.

Each is double-buffered like a compiler's layer, in memory from address 0 that is all zero, since
cycles do not depend on data.  Shapes are those of MobileNet-v1 and of a small transformer; sizes on
chip are those of the default configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from myvta.driver import StreamBuilder, rqt_immediate
from myvta.driver.stream.instruction_stream import InstructionStream
from myvta.isa.config import Config
from myvta.isa.opcodes import AluOpcode, MemoryType, Module, Reduction

__all__ = ["ExtensionLayer", "MEMORY", "extension_layers"]

MEMORY = 1 << 22  # bytes from address 0 that hold the data of every layer
LOAD, COMPUTE, STORE = Module.LOAD, Module.COMPUTE, Module.STORE
INP, WGT, ACC, LUT, WGT_4BIT = (
    MemoryType.INP, MemoryType.WGT, MemoryType.ACC, MemoryType.LUT, MemoryType.WGT_4BIT)
_HALF = 928  # tiles of ACC in each of two buffers; the parameters of RQT are behind both
_IMAGE = 1024  # tiles of INP in each of two buffers
_OUT = 1 << 17  # first OUT tile in memory


@dataclass(frozen=True)
class ExtensionLayer:
    """A layer: the extensions it uses, and its stream."""

    name: str
    extensions: str
    stream: InstructionStream


@dataclass(frozen=True)
class _Window:
    """A depthwise 3x3 layer, padded by 1: rows and columns of inputs, blocks of channels."""

    height: int
    width: int
    blocks: int
    stride: int = 1

    @property
    def outputs(self) -> tuple[int, int]:
        """Rows and columns of outputs."""
        return -(-self.height // self.stride), -(-self.width // self.stride)

    @property
    def pitch(self) -> int:
        """Columns on chip."""
        return self.width + 2


def extension_layers(config: Config, *, small: bool = False) -> Iterator[ExtensionLayer]:
    """Yield the layers that a configuration has the extensions for; ``small``: less work each."""
    windows = (
        (_Window(12, 14, 2), _Window(15, 12, 1, 2)) if small else
        (_Window(112, 112, 2), _Window(112, 112, 4, 2), _Window(56, 56, 8), _Window(28, 28, 16),
         _Window(14, 14, 32), _Window(14, 14, 32, 2), _Window(7, 7, 64))
    )
    turns = 3 if small else 16
    if config.depthwise:
        for window in windows:
            yield _layer(config, "depthwise", f"depthwise {window.height}x{window.width}x"
                         f"{16 * window.blocks}, stride {window.stride}",
                         lambda stream, window=window: _depthwise(stream, window))
        if config.forward and config.weights4:
            yield _layer(config, "depthwise, forward, weights4", "depthwise into pointwise",
                         lambda stream: _fused(stream, _Window(14, 14, 2 if small else 4)))
    if config.lookup and config.reduce:
        yield _layer(config, "lookup, reduce", "rows of Softmax",
                     lambda stream: _softmax(stream, turns))
    if config.forward:
        yield _layer(config, "forward", "product of two activations",
                     lambda stream: _product(stream, turns))
    if config.weights4:
        yield _layer(config, "weights4", "dense, 4 tokens",
                     lambda stream: _dense(stream, 2 * turns))


def _layer(
    config: Config, extensions: str, name: str, emit: Callable[[StreamBuilder], None],
) -> ExtensionLayer:
    stream = StreamBuilder(config)
    emit(stream)
    return ExtensionLayer(name, extensions, stream.finish())


def _rqt(
    stream: StreamBuilder, first: int, tiles: int, parameters: int, table: int | None = None
) -> None:
    stream.alu([(first, parameters)], AluOpcode.RQT, imm=rqt_immediate(table=table), iter_in=tiles,
               dst_factor=(0, 1))


def _windows(stream: StreamBuilder, layer: _Window, rows: int, first: tuple[int, int, int]) -> None:
    """Emit the DWCs of some rows of outputs; ``first``: tiles of ACC, INP and WGT."""
    config, (_, columns) = stream.config, layer.outputs
    step = min(config.window[0], 3)
    for part, top in enumerate(range(0, 3, step)):
        stream.depthwise(
            [(first[0], first[1] + top * layer.pitch, first[2] + part)], (min(step, 3 - top), 3),
            row_pitch=layer.pitch, iter_out=rows, iter_in=columns, dst_factor=(columns, 1),
            src_factor=(layer.stride * layer.pitch, layer.stride), overwrite=not part)


def _bands(layer: _Window) -> Iterator[tuple[int, int, int]]:
    """Yield block, first row of outputs and rows, as many as both buffers hold."""
    height, columns = layer.outputs
    most = min((_IMAGE // layer.pitch - 3) // layer.stride + 1, _HALF // columns)
    for block in range(layer.blocks):
        for first in range(0, height, most):
            yield block, first, min(most, height - first)


def _load_band(
    stream: StreamBuilder, layer: _Window, sram: int, band: tuple[int, int, int],
) -> None:
    block, first, rows = band
    top = first * layer.stride - 1
    bottom = top + (rows - 1) * layer.stride + 3
    above, below = max(0, -top), max(0, bottom - layer.height)
    stream.load_2d(
        INP, sram, (block * layer.height + top + above) * layer.width, layer.width,
        bottom - top - above - below, x_pad=(1, 1), y_pad=(above, below))


def _depthwise(stream: StreamBuilder, layer: _Window) -> None:
    height, columns = layer.outputs
    stream.load_2d(ACC, 2 * _HALF, 0, 3 * layer.blocks)
    for turn, (block, first, rows) in enumerate(_bands(layer)):
        half = turn % 2
        if turn >= 2:
            stream.pop(COMPUTE, LOAD)
        stream.load_2d(WGT, 2 * half, 2 * block, 2)
        _load_band(stream, layer, _IMAGE * half, (block, first, rows))
        stream.push(LOAD, COMPUTE)
        stream.pop(LOAD, COMPUTE)
        if turn >= 2:
            stream.pop(STORE, COMPUTE)
        _windows(stream, layer, rows, (_HALF * half, _IMAGE * half, 2 * half))
        stream.push(COMPUTE, LOAD)
        _rqt(stream, _HALF * half, rows * columns, 2 * _HALF + 3 * block)
        stream.push(COMPUTE, STORE)
        stream.pop(COMPUTE, STORE)
        stream.store_2d(_HALF * half, _OUT + (block * height + first) * columns, rows * columns)
        stream.push(STORE, COMPUTE)


def _fused(stream: StreamBuilder, layer: _Window) -> None:
    """Depthwise results of all blocks stay on chip: inputs of twice as many output blocks."""
    tiles, blocks = layer.outputs[0] * layer.outputs[1], layer.blocks
    image, first = (layer.height + 2) * layer.pitch, _IMAGE
    stream.load_2d(ACC, 2 * _HALF, 0, 9 * blocks)
    stream.load_2d(WGT_4BIT, 16, 0, 2 * blocks * blocks)
    for block in range(blocks):
        half = block % 2
        if block >= 2:
            stream.pop(COMPUTE, LOAD)
        stream.load_2d(WGT, 2 * half, 2 * block, 2)
        _load_band(stream, layer, image * half, (block, 0, layer.height))
        stream.push(LOAD, COMPUTE)
        stream.pop(LOAD, COMPUTE)
        if block >= 2:
            stream.pop(STORE, COMPUTE)
        _windows(stream, layer, layer.height, (tiles * half, image * half, 2 * half))
        stream.push(COMPUTE, LOAD)
        _rqt(stream, tiles * half, tiles, 2 * _HALF + 3 * block)
        stream.push(COMPUTE, STORE)
        stream.pop(COMPUTE, STORE)
        stream.forward_2d(INP, tiles * half, first + tiles * block, tiles)
        stream.push(STORE, COMPUTE)
    for _ in range(2):
        stream.pop(STORE, COMPUTE)
    for out in range(2 * blocks):
        at = tiles * (2 + out % 2)
        if out >= 2:
            stream.pop(STORE, COMPUTE)
        for block in range(blocks):
            stream.gemm([(at, first + tiles * block, 16 + blocks * out + block)], iter_in=tiles,
                        dst_factor=(0, 1), src_factor=(0, 1), overwrite=not block)
        _rqt(stream, at, tiles, 2 * _HALF + 3 * (blocks + out))
        stream.push(COMPUTE, STORE)
        stream.pop(COMPUTE, STORE)
        stream.store_2d(at, _OUT + tiles * out, tiles)
        stream.push(STORE, COMPUTE)


def _softmax(stream: StreamBuilder, turns: int) -> None:
    """Per turn 128 rows of one tile: maximum, exponential from a table, sum."""
    tiles = 128
    stream.load_2d(LUT, 0, 0, 2)
    stream.load_2d(ACC, 2 * _HALF, 0, 3)
    for turn in range(turns):
        first = _HALF * (turn % 2)
        if turn >= 2:
            stream.pop(STORE, COMPUTE)
        stream.load_2d(ACC, first, 64 + tiles * turn, tiles)
        unit = {"iter_in": tiles, "dst_factor": (0, 1), "src_factor": (0, 1)}
        stream.reduce([(first + tiles, first)], Reduction.MAX, **unit)
        stream.alu([(first, first + tiles)], AluOpcode.ADD, **unit)
        _rqt(stream, first, tiles, 2 * _HALF, table=turn % 2)
        stream.reduce([(first + tiles, first)], Reduction.SUM, **unit)
        stream.push(COMPUTE, STORE)
        stream.pop(COMPUTE, STORE)
        stream.store_2d(first, _OUT + 2 * tiles * turn, 2 * tiles)
        stream.push(STORE, COMPUTE)


def _product(stream: StreamBuilder, turns: int) -> None:
    """Results become weights on chip: per turn 64 rows, multiplied by 64 tiles of inputs."""
    tiles = 64
    stream.load_2d(ACC, 2 * _HALF, 0, 3)
    stream.load_2d(INP, 0, 0, 2 * tiles)
    stream.load_2d(WGT, 0, 0, 4)
    stream.push(LOAD, COMPUTE)
    stream.pop(LOAD, COMPUTE)
    for turn in range(turns):
        first, weights = _HALF * (turn % 2), 8 + 4 * (turn % 2)
        unit = {"iter_in": tiles, "dst_factor": (0, 1), "src_factor": (0, 1)}
        stream.gemm([(first, 0, turn % 4)], overwrite=True, **unit)
        _rqt(stream, first, tiles, 2 * _HALF)
        stream.push(COMPUTE, STORE)
        stream.pop(COMPUTE, STORE)
        stream.forward_2d(WGT, first, stream.config.block_out * weights, tiles)
        stream.push(STORE, COMPUTE)
        stream.pop(STORE, COMPUTE)
        for part in range(4):
            stream.gemm([(first + tiles, tiles, weights + part)], overwrite=not part, **unit)
        _rqt(stream, first + tiles, tiles, 2 * _HALF)
        stream.push(COMPUTE, STORE)
        stream.pop(COMPUTE, STORE)
        stream.store_2d(first + tiles, _OUT + tiles * turn, tiles)


def _dense(stream: StreamBuilder, blocks: int) -> None:
    """Per block of outputs 64 tiles of 4-bit weights, for 4 tokens."""
    tiles, tokens = 64, 4
    stream.load_2d(ACC, 2 * _HALF, 0, 3)
    stream.load_2d(INP, 0, 0, tiles * tokens)
    for block in range(blocks):
        first = _HALF * (block % 2)
        if block >= 2:
            stream.pop(COMPUTE, LOAD)
            stream.pop(STORE, COMPUTE)
        stream.load_2d(WGT_4BIT, tiles * (block % 2), tiles * block, tiles)
        stream.push(LOAD, COMPUTE)
        stream.pop(LOAD, COMPUTE)
        stream.gemm([(first, 0, tiles * (block % 2))], reset=True, iter_in=tokens,
                    dst_factor=(0, 1))
        stream.gemm([(first, 0, tiles * (block % 2))], iter_out=tiles, iter_in=tokens,
                    dst_factor=(0, 1), src_factor=(tokens, 1), wgt_factor=(1, 0))
        stream.push(COMPUTE, LOAD)
        _rqt(stream, first, tokens, 2 * _HALF)
        stream.push(COMPUTE, STORE)
        stream.pop(COMPUTE, STORE)
        stream.store_2d(first, _OUT + tokens * block, tokens)
        stream.push(STORE, COMPUTE)

"""One node lowered by itself and run on the model; plain numpy to compare with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product

import numpy as np

from myvta.compiler.codegen.lowering_context import Activation, LoweringContext
from myvta.compiler.codegen.tokens import synchronize
from myvta.compiler.ir.fixed_point import Requant
from myvta.compiler.ir.layouts import ChannelLayout
from myvta.compiler.ir.quantized_graph import QuantizedNode
from myvta.compiler.lower.tiled_layer import LayerOf
from myvta.compiler.schedule.problem_kinds import first_tiling
from myvta.compiler.schedule.tiling_problem import Tiling
from myvta.driver import ProgramBuilder, StreamBuilder, open_target, run_program
from myvta.driver.program.tensor_layout import pack_tiles
from myvta.isa.config import Config
from myvta.isa.opcodes import MemoryType

__all__ = ["SMALL", "integers", "naive_conv", "rule", "run_accumulator", "run_lowered", "scaled"]

SMALL = Config(
    log_block=2, log_uop_buff_size=7, log_inp_buff_size=8, log_wgt_buff_size=10,
    log_acc_buff_size=10, overwrite=True, requantize=True,
)
"""Blocks of 4 and 64 tiles of INP, WGT and ACC: layers are cut into parts."""


def integers(shape: tuple[int, ...], seed: int = 1) -> np.ndarray:
    """Return random int8 values."""
    return np.random.default_rng(seed).integers(-128, 128, shape)


def rule(channels: int, shift: int, bias: int = 0) -> Requant:
    """Return a requantization by a power of two, equal for all channels."""
    return Requant(np.full(channels, bias, np.int32), np.full(channels, shift, np.int32))


def scaled(sums: np.ndarray, shift: int, bias: int = 0) -> np.ndarray:
    """Return ``(sums + bias) / 2^shift``, halves up, within int8: from the definition."""
    return np.clip(np.floor((sums + bias) / 2.0**shift + 0.5), -128, 127).astype(np.int64)


def run_lowered(
    layer_of: LayerOf, node: QuantizedNode, inputs: Mapping[str, np.ndarray],
    shape: tuple[int, ...], config: Config, tiling: Tiling | None = None,
) -> np.ndarray:
    """Return the output ``[N, C, H, W]`` of a node alone in a launch, on the strict model.

    ``tiling``: default: the first of its problem.
    """
    builder, activations = ProgramBuilder("lowered", config), {}
    unit = config.tile_bytes(MemoryType.INP)
    shapes = {name: value.shape for name, value in inputs.items()}
    for name, size in {**shapes, node.outputs[0]: shape}.items():
        tensor = builder.tensor(name, size, MemoryType.INP)
        assert tensor.offset is not None
        activations[name] = Activation(
            tensor.offset // unit, size[0] // config.batch, -(-size[1] // config.block_in),
            ChannelLayout(size[1], size[2], size[3]))

    def constants(name: str, tiles: np.ndarray, memory_type: MemoryType) -> int:
        data = pack_tiles(tiles, memory_type, config)
        return builder.constant(name, data) // config.tile_bytes(memory_type)

    ctx = LoweringContext(config, activations, constants)
    layer = layer_of(node, activations, config)
    emit = layer.place(constants)
    ctx.begin(layer.node)
    emit(ctx, tiling or first_tiling(layer.problem, config))
    builder.launch("lowered", synchronize(ctx.finish(), True), list(inputs), node.outputs)
    program = builder.build(list(inputs), node.outputs)
    with open_target(f"model://?mem=0:{program.size}&strict=1", config) as target:
        return run_program(program, target, inputs).outputs[node.outputs[0]]


def run_accumulator(
    emit: Callable[[StreamBuilder], None], tiles: np.ndarray, config: Config
) -> np.ndarray:
    """Return tiles ``[T, batch, block]`` of ACC, as stored, after ``emit`` has changed them."""
    builder = ProgramBuilder("accumulator", config)
    start = builder.constant("sums", pack_tiles(tiles, MemoryType.ACC, config))
    y = builder.tensor("y", (config.batch, len(tiles) * config.block_out), MemoryType.OUT)
    assert y.offset is not None
    stream = StreamBuilder(config, serial=True)
    stream.load_2d(
        MemoryType.ACC, 0, start // config.tile_bytes(MemoryType.ACC), len(tiles))
    emit(stream)
    stream.store_2d(0, y.offset // config.tile_bytes(MemoryType.OUT), len(tiles))
    builder.launch("accumulator", stream.finish(), [], ["y"])
    program = builder.build([], ["y"])
    with open_target(f"model://?mem=0:{program.size}&strict=1", config) as target:
        actual = run_program(program, target, {}).outputs["y"]
    return actual.reshape(config.batch, len(tiles), config.block_out).swapaxes(0, 1)


def naive_conv(
    x: np.ndarray, weight: np.ndarray, out: tuple[int, int], strides: tuple[int, int],
    pads: tuple[int, int, int, int], dilations: tuple[int, int] = (1, 1),
) -> np.ndarray:
    """Return the sums of a convolution ``[N, M, OH, OW]`` tap by tap, outside being zero."""
    (top, left, bottom, right), (kh, kw) = pads, weight.shape[2:]
    padded = np.pad(x, [(0, 0), (0, 0), (top, bottom), (left, right)])
    sums = np.zeros((len(x), len(weight), *out), np.int64)
    for ky, kx, oy, ox in product(range(kh), range(kw), range(out[0]), range(out[1])):
        row, column = oy * strides[0] + ky * dilations[0], ox * strides[1] + kx * dilations[1]
        sums[:, :, oy, ox] += padded[:, :, row, column] @ weight[:, :, ky, kx].T
    return sums

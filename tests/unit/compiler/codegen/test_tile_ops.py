"""Requantization and accumulation on the device, in RQT and in base instructions alike."""

from __future__ import annotations

import numpy as np
import pytest
from lowered_node import run_accumulator

from myvta.compiler.codegen.loop_nest import Loop
from myvta.compiler.codegen.tile_ops import (
    accumulate,
    every_tile,
    multiply_steps,
    multiply_tiles,
    parameters,
    requantize_tiles,
    shift_left,
)
from myvta.compiler.ir.fixed_point import Requant, requantize
from myvta.driver import LoadedProgram, ProgramBuilder, StreamBuilder
from myvta.driver.program.tensor_layout import pack_tiles
from myvta.isa.config import Config, named
from myvta.isa.instructions import Alu, Gemm
from myvta.isa.opcodes import AluOpcode, MemoryType, Module
from myvta.model.model_target import ModelTarget

BLOCKS, PIXELS, TABLE = 2, 3, 32


def through_device(tiles: np.ndarray, rule: Requant, config: Config) -> np.ndarray:
    """Requantize accumulator tiles ``[blocks, pixels, batch, block]`` on the model."""
    program = ProgramBuilder("requantize", config)
    unit = config.tile_bytes(MemoryType.ACC)
    acc = program.constant("acc", pack_tiles(tiles, MemoryType.ACC, config)) // unit
    table = parameters(rule, config)
    at = program.constant("table", pack_tiles(table, MemoryType.ACC, config)) // unit
    lanes = BLOCKS * PIXELS
    program.tensor("y", (lanes * config.batch, config.block_out), MemoryType.OUT)
    stream = StreamBuilder(config)
    stream.load_2d(MemoryType.ACC, 0, acc, lanes)
    stream.load_2d(MemoryType.ACC, TABLE, at, len(table))
    requantize_tiles(stream, rule, 0, BLOCKS, PIXELS, TABLE, len(table) // BLOCKS)
    stream.push(Module.COMPUTE, Module.STORE)
    stream.pop(Module.COMPUTE, Module.STORE)
    out = program.tensors["y"].offset
    assert out is not None
    stream.store_2d(0, out // config.tile_bytes(MemoryType.OUT), lanes)
    program.launch("requantize", stream.finish(), (), ("y",))
    with ModelTarget(config, base=0, size=1 << 20) as target:
        found = LoadedProgram(program.build((), ("y",)), target).run({}).outputs["y"]
    return found.reshape(BLOCKS, PIXELS, config.batch, config.block_out)


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("config", ["1x4x4", "1x4x4_base", "2x8x8", "1x4x4_int4"])
def test_requantization_is_bit_exact(config: str, relu: bool) -> None:
    chosen = named(config)
    base = chosen.replace(overwrite=False, requantize=False)
    random = np.random.default_rng(1)
    block = chosen.block_out
    for shift in (0, 1, 7, 15, 16, 24):
        high = 1 << min(30, shift + 9)
        acc = random.integers(-high, high, (BLOCKS, PIXELS, chosen.batch, block))
        halves = (1 << shift) >> 1
        acc[0, 0, 0, :4] = [halves, -halves, halves - 1, -halves - 1]
        bias = random.integers(-high // 4, high // 4, BLOCKS * block).astype(np.int32)
        bias[:4] = 0
        rule = Requant(bias, np.full(BLOCKS * block, shift, np.int32), None, relu)
        flat = acc.transpose(1, 2, 0, 3).reshape(-1, BLOCKS * block)
        wanted = requantize(flat, rule, chosen.out_width).reshape(
            PIXELS, chosen.batch, BLOCKS, block).transpose(2, 0, 1, 3)
        for variant in (chosen, base):
            np.testing.assert_array_equal(through_device(acc, rule, variant), wanted)


def test_channels_have_their_own_multiplier_and_shift() -> None:
    config, random = named("1x4x4"), np.random.default_rng(2)
    channels = BLOCKS * config.block_out
    acc = random.integers(-(1 << 31), 1 << 31, (BLOCKS, PIXELS, 1, config.block_out))
    rule = Requant(
        random.integers(-(1 << 31), 1 << 31, channels).astype(np.int32),
        random.integers(0, 32, channels).astype(np.int32),
        random.integers(0, 1 << 31, channels).astype(np.int32),
    )
    flat = acc.transpose(1, 2, 0, 3).reshape(PIXELS, channels)
    wanted = requantize(flat, rule, 8).reshape(PIXELS, 1, BLOCKS, -1).transpose(2, 0, 1, 3)
    np.testing.assert_array_equal(through_device(acc, rule, config), wanted)


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("config", ["1x4x4_base", "2x8x8", "1x4x4_int4"])
def test_channels_have_their_own_shift(config: str, relu: bool) -> None:
    chosen, random = named(config), np.random.default_rng(4)
    base = chosen.replace(overwrite=False, requantize=False)
    block, batch = chosen.block_out, chosen.batch
    shift = np.arange(BLOCKS * block, dtype=np.int32) * 5 % 32
    spread = np.exp2(np.minimum(shift + 9, 30)).astype(np.int64).reshape(BLOCKS, 1, 1, block)
    acc = random.integers(-spread, spread, (BLOCKS, PIXELS, batch, block))
    rule = Requant(
        random.integers(-spread.ravel() // 4, spread.ravel() // 4).astype(np.int32), shift, None,
        relu,
    )
    low, high = (0 if relu else -(1 << chosen.out_width - 1)), (1 << chosen.out_width - 1) - 1
    wanted = np.empty_like(acc)
    for index in np.ndindex(acc.shape):  # unbounded integers, one value at a time
        lane = index[0] * block + index[3]
        value = int(acc[index]) + int(rule.bias[lane])
        value = (2 * value + (1 << int(shift[lane]))) // (2 << int(shift[lane]))
        wanted[index] = min(max(value, low), high)
    for variant in (chosen, base):
        np.testing.assert_array_equal(through_device(acc, rule, variant), wanted)


@pytest.mark.parametrize("factor", [0, 1, 2, 3, 84, 12945, 16384, 32767])
def test_product_with_a_factor_needs_no_mul_in_the_base_isa(factor: int) -> None:
    """Two runs of three tiles, four apart; copies of them are contiguous."""
    loops = [Loop(2, 4, 3), Loop(3, 1, 1)]
    tiles = np.random.default_rng(5).integers(-60000, 60000, (16, 1, 4))
    chosen = [0, 1, 2, 4, 5, 6]
    for config in (named("1x4x4"), named("1x4x4_base")):
        stream = StreamBuilder(config)
        multiply_tiles(stream, factor, 0, 8, loops)
        names = [name.partition(" ")[0] for name in steps(stream)]
        assert len(names) == multiply_steps(factor, config)
        assert ("MUL" in names) == (config.requantize and factor != 1)

        def shifted(stream: StreamBuilder) -> None:
            multiply_tiles(stream, factor, 0, 8, loops)
            every_tile(stream, AluOpcode.SHR, 15, 0, 7)
            every_tile(stream, AluOpcode.SHR, 4, 0, 7)

        wanted = tiles.copy()
        wanted[chosen] *= factor
        actual = run_accumulator(shifted, tiles, config)
        low = (wanted[:7] + (1 << 31)) % (1 << 32) - (1 << 31) >> 19  # 32 bits, then the width's
        np.testing.assert_array_equal(actual[:7], (low + 128) % 256 - 128)


def test_large_shifts_are_several_small_ones() -> None:
    """Not every implementation of the base ISA shifts by more than 15 at once."""
    config = named("1x4x4_base")
    rule = Requant(np.zeros(4, np.int32), np.array([16, 18, 31, 20], np.int32))
    assert parameters(rule, config)[1, 0].tolist() == [0, 2, 15, 4]
    for shift, wanted in ((rule.shift, [15, 1]), (np.full(4, 31, np.int32), [15, 15, 1])):
        stream = StreamBuilder(config)
        requantize_tiles(stream, Requant(rule.bias, shift), 0, 1, 3, 8, 2)
        found = [item.imm for item in stream.finish().instructions
                 if isinstance(item, Alu) and item.alu_opcode == AluOpcode.SHR and item.use_imm]
        assert found == wanted


def test_parameters_fill_the_last_block_with_zeros() -> None:
    rule = Requant(np.array([1, 2, 3, 4, 5], np.int32), np.full(5, 3, np.int32))
    tiles = parameters(rule, named("1x4x4"))
    assert tiles[:, 0].tolist() == [
        [1, 2, 3, 4], [0] * 4, [3] * 4, [5, 0, 0, 0], [0] * 4, [3, 0, 0, 0],
    ]
    base = parameters(rule, named("1x4x4_base"))
    assert base[:, 0].tolist() == [
        [5, 6, 7, 8], [3] * 4, [9, 0, 0, 0], [3, 0, 0, 0],
    ]
    assert parameters(rule, named("1x4x4"), uniform=True).shape == (3, 1, 4)


def steps(stream: StreamBuilder) -> list[str]:
    """Return the compute instructions of a stream, in short."""
    names = []
    for item in stream.finish().instructions:
        count = (getattr(item, "uop_end", 0) - getattr(item, "uop_bgn", 0)) * getattr(
            item, "iter_out", 0) * getattr(item, "iter_in", 0)
        if isinstance(item, Gemm):
            kind = "reset" if item.reset else "overwrite" if item.overwrite else "add"
            names.append(f"{kind} {count}")
        elif isinstance(item, Alu):
            names.append(f"{AluOpcode(item.alu_opcode).name} {count}")
    return names


@pytest.mark.parametrize(("config", "first", "wanted"), [
    ("default", True, ["overwrite 6", "add 48"]),
    ("base", True, ["reset 6", "add 54"]),
    ("default", False, ["add 54"]),
])
def test_sums_of_nine_products_are_one_instruction(
    config: str, first: bool, wanted: list[str]
) -> None:
    stream = StreamBuilder(named(config))
    accumulate(
        stream, (0, 0, 0), [Loop(2, 3, 5), Loop(3, 1, 1)], [Loop(3, 0, 5, 3), Loop(3, 0, 1, 1)],
        first,
    )
    assert steps(stream) == wanted


def test_single_product_overwrites_its_tile() -> None:
    stream = StreamBuilder(named("default"))
    accumulate(stream, (0, 0, 0), [Loop(4, 1, 1)], [Loop(1), Loop(1)], True)
    assert steps(stream) == ["overwrite 4"]


def test_every_tile_is_one_instruction() -> None:
    stream = StreamBuilder(named("default"))
    every_tile(stream, AluOpcode.MAX, 0, 0, 2048)
    shift_left(stream, 3, 7, 5)
    assert steps(stream) == ["MAX 2048", "SHR 5"]

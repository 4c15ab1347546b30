"""Device calls that all lowerings share: accumulation, requantization and parameters."""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np

from ...driver.stream.stream import StreamBuilder, rqt_immediate
from ...isa.config import Config
from ...isa.opcodes import AluOpcode
from ..ir.fixed_point import Requant, limits
from .loop_nest import Loop, LoopNest, nest, unroll
from .table_slots import TableBuilder

__all__ = [
    "accumulate", "clamp_tiles", "every_tile", "multiply_steps", "multiply_tiles", "parameters",
    "requantize_tiles", "reset_tiles", "scale_up", "shift_left",
]

_LARGEST_SHIFT = 15  # to the right that every implementation of VTA has
_WORTH_A_CALL = 8  # micro-ops that cost as much as a GEMM instruction


def accumulate(
    builder: StreamBuilder, base: tuple[int, int, int], kept: list[Loop], summed: list[Loop],
    first: bool,
) -> None:
    """Emit GEMM over loops with distinct destinations and loops that accumulate.

    With ``first`` the destination's old contents are replaced: the first product overwrites them if
    the configuration supports it, else the tiles are reset before.
    """
    if not first:
        nest(base, [*kept, *summed]).gemm(builder)
        return
    if not builder.config.overwrite:
        reset_tiles(builder, base[0], kept)
        nest(base, [*kept, *summed]).gemm(builder)
        return
    nest(base, kept).gemm(builder, overwrite=True)
    for part in _without_first(base, tuple(kept), tuple(summed)):
        part.gemm(builder)


def reset_tiles(builder: StreamBuilder, base: int, loops: list[Loop]) -> None:
    """Emit a GEMM reset of the tiles that loops from ``base`` write."""
    nest((base, 0, 0), [Loop(loop.count, loop.dst) for loop in loops]).gemm(builder, reset=True)


@lru_cache(maxsize=4096)
def _without_first(
    base: tuple[int, int, int], kept: tuple[Loop, ...], summed: tuple[Loop, ...]
) -> list[LoopNest]:
    """Return nests of every product but the first of each sum: one, or several smaller ones."""
    boxes = []
    for position, loop in enumerate(summed):
        if loop.count > 1:
            start = (base[0] + loop.dst, base[1] + loop.src, base[2] + loop.wgt)
            rest = [Loop(loop.count - 1, loop.dst, loop.src, loop.wgt), *summed[position + 1 :]]
            boxes.append(nest(start, [*kept, *rest]))
    pixels = nest(base, kept)
    offsets = unroll((0, 0, 0), list(summed))[1:]
    listed = len(pixels.uops) * len(offsets)
    if len(boxes) > 1 and listed <= sum(len(box.uops) for box in boxes) + _WORTH_A_CALL:
        uops = (offsets[:, None, :] + pixels.uops[None, :, :]).reshape(-1, 3)
        return [LoopNest(uops, pixels.outer, pixels.inner)]
    return boxes


def every_tile(
    builder: StreamBuilder, opcode: AluOpcode, imm: int, base: int, count: int, blocks: int = 1,
    apart: int = 0,
) -> None:
    """Emit ALU with an immediate over ``count`` neighbouring tiles, or ``blocks`` such runs."""
    loops = [Loop(blocks, apart, apart), Loop(count, 1, 1)]
    nest((base, base, 0), loops).alu(builder, opcode, imm)


def clamp_tiles(
    builder: StreamBuilder, lower: int, upper: int, base: int, count: int, blocks: int = 1,
    apart: int = 0,
) -> None:
    """Emit ``min(max(x, lower), upper)`` over tiles; bounds of the width need no step."""
    narrowest, widest = limits(builder.config.inp_width)
    if lower > narrowest:
        every_tile(builder, AluOpcode.MAX, lower, base, count, blocks, apart)
    if upper < widest:
        every_tile(builder, AluOpcode.MIN, upper, base, count, blocks, apart)


def shift_left(builder: StreamBuilder, amount: int, base: int, count: int) -> None:
    """Emit a left shift of ``count`` neighbouring tiles."""
    every_tile(builder, AluOpcode.SHR, -amount, base, count)


def scale_up(builder: StreamBuilder, gain: int, base: int, count: int) -> None:
    """Emit a product with a positive gain of ``count`` neighbouring tiles; 1 needs no step."""
    power = gain.bit_length() - 1
    if gain != 1 << power:
        every_tile(builder, AluOpcode.MUL, gain, base, count)
    elif power:
        shift_left(builder, power, base, count)


def multiply_tiles(
    builder: StreamBuilder, factor: int, base: int, copy: int, loops: list[Loop]
) -> None:
    """Emit the product of tiles with a factor from 0 on.

    Where programs are VTA's, not every implementation has MUL (rule 3 of the portable subset): the
    tiles are copied, and the bits of the factor, from the top, are left shifts and additions of the
    copy.

    Parameters
    ----------
    base, copy
        First tile, and the first of as many scratch tiles, which MUL does not need.
    loops
        Over the tiles, ``dst`` from ``base`` and ``src`` from ``copy``.
    """
    tiles = nest((base, base, 0), [Loop(loop.count, loop.dst, loop.dst) for loop in loops])
    if factor == 1:
        return
    if builder.config.extended:
        tiles.alu(builder, AluOpcode.MUL, factor)
        return
    if factor == 0:
        reset_tiles(builder, base, loops)
        return
    runs = _runs_to_ones(factor)
    if len(runs) > 1:
        reset_tiles(builder, copy, [Loop(loop.count, loop.src) for loop in loops])
        backwards = [Loop(loop.count, loop.src, loop.dst) for loop in loops]
        nest((copy, base, 0), backwards).alu(builder, AluOpcode.ADD)
    for number, run in enumerate(runs, 1):
        if run:
            tiles.alu(builder, AluOpcode.SHR, -run)
        if number < len(runs):
            nest((base, copy, 0), loops).alu(builder, AluOpcode.ADD)


def multiply_steps(factor: int, config: Config) -> int:
    """Return the steps that the product of a tile with a factor takes."""
    if factor == 1:
        return 0
    if config.extended or not factor:
        return 1
    runs = _runs_to_ones(factor)
    return sum(map(bool, runs)) + len(runs) - 1 + 2 * (len(runs) > 1)


def _runs_to_ones(factor: int) -> list[int]:
    """Return the left shifts from each one among a factor's bits to the next, then to the end."""
    ones = [place for place in reversed(range(factor.bit_length())) if factor >> place & 1]
    return [high - low for high, low in zip(ones, [*ones[1:], 0], strict=True)]


def parameters(rule: Requant, config: Config, uniform: bool = False) -> np.ndarray:
    """Return the parameter tiles of a requantization, int32 ``[tiles, batch, block]``.

    With RQT: bias, multiplier and shift of each block of channels; else the bias with the rounding
    constant added, and the shift.  ``uniform`` gives one set for all blocks (every channel has the
    same values).
    """
    block, channels = config.block_out, rule.bias.size
    blocks = 1 if uniform else -(-channels // block)

    def lanes(values: np.ndarray) -> np.ndarray:
        if uniform:
            return np.full((1, block), values[0])
        full = np.zeros(blocks * block, np.int64)
        full[:channels] = values
        return full.reshape(blocks, block)

    if config.requantize:
        multiplier = np.zeros(channels, np.int64) if rule.multiplier is None else rule.multiplier
        rows = np.stack([lanes(rule.bias), lanes(multiplier), lanes(rule.shift)], 1)
    else:
        shift = rule.shift.astype(np.int64)
        rounded = rule.bias.astype(np.int64) + ((np.int64(1) << shift) >> 1)
        rows = np.stack([lanes(rounded), lanes(shift - _common_shift(rule))], 1)
    tiles = rows.reshape(-1, 1, block).repeat(config.batch, 1)
    return np.ascontiguousarray(tiles, np.int32)


def requantize_tiles(
    builder: StreamBuilder, rule: Requant, base: int, blocks: int, pixels: int, table: int,
    stride: int, apart: int | None = None,
) -> None:
    """Emit the requantization of ``blocks * pixels`` tiles.

    Parameters
    ----------
    base
        First accumulator tile; a block's pixels are neighbours.
    table, stride
        First parameter tile of the first block, and the distance to the next block's.
    apart
        Distance of blocks in the accumulator; default: contiguous.
    """
    config = builder.config
    apart = pixels if apart is None else apart
    every = partial(every_tile, builder, base=base, count=pixels, blocks=blocks, apart=apart)
    loops = [Loop(blocks, apart, stride), Loop(pixels, 1, 0)]
    tiles = nest((base, table, 0), loops)
    low, high = rule.bounds(config.out_width)
    if config.requantize:
        imm = rqt_immediate(
            rule.zero_point, relu=rule.relu, bypass=rule.multiplier is None,
            table=_table_slot(builder, rule))
        tiles.alu(builder, AluOpcode.RQT, imm)
        if rule.table is not None:  # it includes the bounds
            return
        widest = limits(config.out_width)
        if low > (rule.zero_point if rule.relu else widest[0]):
            every(AluOpcode.MAX, low)
        if high < widest[1]:
            every(AluOpcode.MIN, high)
        return
    shift = rule.uniform_shift
    assert rule.table is None, "tables need RQT"
    assert rule.multiplier is None, "placement keeps multipliers off such configurations"
    assert rule.zero_point == 0, "pre-quantized models are refused for such configurations"
    tiles.alu(builder, AluOpcode.ADD)
    common = _common_shift(rule) if shift is None else shift
    for start in range(0, common, _LARGEST_SHIFT):
        every(AluOpcode.SHR, min(_LARGEST_SHIFT, common - start))
    if shift is None:  # a shift for each channel, from the tile after the bias
        nest((base, table + 1, 0), loops).alu(builder, AluOpcode.SHR)
    every(AluOpcode.MAX, low)
    every(AluOpcode.MIN, high)


def _table_slot(builder: StreamBuilder, rule: Requant) -> int | None:
    """Return the slot of the lookup table of a requantization, None without one."""
    if rule.table is None:
        return None
    assert isinstance(builder, TableBuilder), "steps with tables are recorded by a Pipeline"
    return builder.look_up(rule.table)


def _common_shift(rule: Requant) -> int:
    """Return the part of shifts by channel that is done for all, so that the rest is small."""
    return int(min(max(rule.shift.max() - _LARGEST_SHIFT, 0), rule.shift.min()))

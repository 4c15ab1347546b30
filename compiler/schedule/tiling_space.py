"""All tilings of a convolution that fit the scratchpads, and their analytical costs.

The input and the weight buffer have two slots each: one is filled while the other is in use.  If
all inputs or weights of a layer fit, each has its own slot and is loaded once.  The accumulator
holds two tiles, or one that is drained part by part.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import lcm, prod

from ...isa.config import Config
from ...isa.opcodes import UOP_BYTES, MemoryType
from .conv_problem import (
    DATAFLOWS,
    ConvShape,
    ConvTiling,
    even_splits,
    parameter_tiles,
    requantize_steps,
)
from .conv_tiles import Range, extent, ranges_of, tile_of
from .cost import Cost
from .forward_buffers import ForwardBuffers, forward_buffers, forward_steps, windows_fit

__all__ = [
    "Buffers", "analytical_cost", "buffers_of", "order_matters", "ranked_tilings", "tilings",
]

_INSTRUCTION = 6  # cycles of an instruction besides its steps
_CUTS = 4  # of rows that would fit, where tiles overlap: less of them does if they are squarer
_START = 150  # cycles from launch to the first data, and from the last store to the end


@dataclass(frozen=True)
class Buffers:
    """Number and size, in tiles, of the slots of each scratchpad.

    ``kept`` ACC tiles hold parameters; ``other`` slots at the end of INP another operand; ``ahead``
    those of a convolution that is forwarded.
    """

    inp: tuple[int, int]
    wgt: tuple[int, int]
    acc: tuple[int, int]
    kept: int
    other: tuple[int, int] = (0, 0)
    ahead: ForwardBuffers = ForwardBuffers()


@dataclass(frozen=True)
class _Counts:
    """The number of tiles along channels and pixels, and of chunks of each sum."""

    outer: int
    spatial: int
    chunks: int

    @classmethod
    def of(cls, shape: ConvShape, t: ConvTiling) -> _Counts:
        return cls(
            -(-shape.co // t.co),
            shape.groups * -(-shape.stored[0] // t.oh) * -(-shape.stored[1] // t.ow),
            -(-shape.ci // t.ci) * -(-shape.kernel[0] // t.kh) * -(-shape.kernel[1] // t.kw),
        )


def buffers_of(shape: ConvShape, t: ConvTiling, config: Config) -> Buffers | None:
    """Return the slots that a tiling uses, None if it does not fit."""
    counts, ahead = _Counts.of(shape, t), forward_buffers(shape, t, config)
    rows, columns = shape.span(0, t.oh), shape.span(1, t.ow)
    if ahead is None or (shape.window is not None and not (
            (t.kh, t.kw) == shape.kernel and windows_fit(shape, columns, config))):
        return None
    other = (2, t.part * rows * columns) if shape.residual else (0, 0)
    apart = counts.outer if shape.leads else 1  # channels with their own inputs
    tall, wide = min(rows, shape.out[0]), min(columns, shape.out[1])
    inp_room = config.depth(MemoryType.INP) - prod(other) - 2 * ahead.inp
    wgt_room = config.depth(MemoryType.WGT) - shape.residual - ahead.wgt
    inp = _slots(
        shape.held(t.co, t.ci) * shape.reach(0, tall, t.kh) * shape.reach(1, wide, t.kw),
        counts.spatial * counts.chunks * apart, inp_room)
    wgt = _slots(
        t.co * shape.weight_tiles(t.ci, t.kh, t.kw), counts.outer * counts.chunks, wgt_room)
    if inp is None or wgt is None:
        return None
    if counts.spatial == 1 and shape.kernel == (1, 1):  # each weight is used once: load ahead
        slots = wgt_room // wgt[1]
        if inp[0] < counts.chunks * apart:
            slots = min(slots, inp_room // inp[1])
            inp = min(slots, counts.chunks * apart), inp[1]
        wgt = max(wgt[0], min(slots, counts.outer * counts.chunks)), wgt[1]
    kept = parameter_tiles(config) * ((shape.co if t.all_parameters else t.co) + shape.residual)
    size = t.co * rows * columns
    most = 1 if t.part < t.co or counts.outer * counts.spatial == 1 else 2
    uops = _kernel_uops(shape, t)
    if shape.epilogue is not None:
        kept += parameter_tiles(config) * shape.epilogue.tables
        kept += shape.epilogue.scratch_tiles * _scratch_tiles(shape, t)
        most = 1  # little is stored of a tile: the next waits only briefly
        uops = max(uops, min(t.part, t.oh, columns) * prod(shape.epilogue.kernel))
    room = config.depth(MemoryType.ACC) - kept - ahead.acc - ahead.parameters
    count = min(2, room // size)
    if count < most or uops > config.depth(MemoryType.UOP) // 2:
        return None
    return Buffers(inp, wgt, (count, size), kept, other, ahead)


def _scratch_tiles(shape: ConvShape, t: ConvTiling) -> int:
    """Return the number of tiles of a part that need a scratch tile at once."""
    epilogue = shape.epilogue
    assert epilogue is not None
    if epilogue.early or epilogue.kernel == epilogue.strides == (1, 1):  # rows may be apart
        return t.part * t.oh * (t.ow + (epilogue.kernel[1] - 1) // epilogue.strides[1])
    return t.part * shape.span(0, t.oh) * shape.span(1, t.ow)


def _slots(size: int, different: int, depth: int) -> tuple[int, int] | None:
    count = depth // size
    if count >= different:
        return different, size
    return (2, size) if count >= 2 else None


def _kernel_uops(shape: ConvShape, t: ConvTiling) -> int:
    """Return a bound on the micro-ops of a part's GEMM instructions: two loops need none."""
    if shape.window is not None:
        phases = 1 if shape.epilogue is None else prod(shape.epilogue.strides)
        return t.part * phases * shape.weight_tiles(1, t.kh, t.kw)
    total = 2
    pixels = shape.span(0, t.oh), shape.span(1, t.ow)
    for count in sorted((t.part, t.ci, *pixels, t.kh, t.kw))[:-2]:
        total *= count
    ahead = shape.forwarded
    return total if ahead is None else total + t.ci * ahead.weight_tiles(1, *ahead.kernel)


def order_matters(shape: ConvShape, t: ConvTiling) -> bool:
    """Return whether there are several tiles along channels, and several along pixels.

    Otherwise weights or inputs stay in any order, with the same stream.
    """
    counts = _Counts.of(shape, t)
    return counts.outer > 1 and counts.spatial > 1


def tilings(
    shape: ConvShape, config: Config, dataflow: str | None = None
) -> Iterator[tuple[ConvTiling, Buffers]]:
    """Yield every tiling that fits, of one dataflow or all."""
    everything = parameter_tiles(config) * shape.co <= config.depth(MemoryType.ACC) // 4

    def fits(
        co: int, part: int, ci: int, oh: int, ow: int, kh: int, kw: int,
        name: str = DATAFLOWS[1],
    ) -> tuple[ConvTiling, Buffers] | None:
        tiling = ConvTiling(co, part, ci, oh, ow, kh, kw, name, everything)
        buffers = buffers_of(shape, tiling, config)
        return None if buffers is None else (tiling, buffers)

    (oh_all, ow_all), (kh_all, kw_all) = shape.stored, shape.kernel
    windows = [(kh_all, kw_all)]
    if not fits(1, 1, 1, 1, 1, kh_all, kw_all):
        windows = list(product(even_splits(kh_all), even_splits(kw_all)))
    for kh, kw in windows:
        whole_rows = fits(1, 1, 1, 1, ow_all, kh, kw)
        columns = even_splits(ow_all, shape.up[1])
        for ow in (columns if not whole_rows else columns[:_CUTS] if shape.overlap else [ow_all]):
            for oh, co, ci in product(
                even_splits(oh_all, shape.up[0]), even_splits(shape.co), even_splits(shape.ci)
            ):
                if not fits(co, 1, ci, oh, ow, kh, kw):
                    continue
                for part in even_splits(co):
                    for name in DATAFLOWS[:2] if part == co else DATAFLOWS[2:]:
                        tiling = dataflow in (None, name) and fits(
                            co, part, ci, oh, ow, kh, kw, name=name)
                        if tiling:
                            yield tiling


@lru_cache(maxsize=4096)
def _inside(shape: ConvShape, axis: int, outputs: int, taps: int) -> float:
    """Return the inputs loaded along an axis for a whole pass, on average per part of the taps."""
    source = shape.forwarded or shape
    parts = ranges_of(source.kernel[axis], taps if source is shape else source.kernel[axis])
    return sum(
        extent(source, axis, out, part).inside
        for out in _outputs(shape, axis, outputs) for part in parts
    ) / len(parts)


@lru_cache(maxsize=4096)
def _outputs(shape: ConvShape, axis: int, stored: int) -> list[Range]:
    """Return the outputs of the convolution along an axis that are computed, tile by tile."""
    one, parts = Range(0, 1), ranges_of(shape.stored[axis], stored)
    if axis == 0:
        return [tile_of(shape, 0, one, part, one).oh for part in parts]
    return [tile_of(shape, 0, one, one, part).ow for part in parts]


def analytical_cost(
    shape: ConvShape, t: ConvTiling, buffers: Buffers, config: Config
) -> Cost:
    """Return the analytical cost of a tiling."""
    counts = _Counts.of(shape, t)
    outer, spatial, chunks = counts.outer, counts.spatial, counts.chunks
    inp_slots, wgt_slots = buffers.inp[0], buffers.wgt[0]
    if t.dataflow == "weight-stationary":
        wgt_passes = 1 if wgt_slots >= chunks or spatial == 1 else spatial
        inp_passes = 1 if outer == 1 or inp_slots >= spatial * chunks else outer
    else:
        wgt_passes = 1 if wgt_slots >= outer * chunks or spatial == 1 else spatial
        inp_passes = 1 if outer == 1 or inp_slots >= chunks else outer
    kernel_parts = -(-shape.kernel[0] // t.kh) * -(-shape.kernel[1] // t.kw)
    ci_held = shape.held(t.co, t.ci) / t.ci * shape.ci if shape.leads else shape.ci
    pixels = _inside(shape, 0, t.oh, t.kh) * _inside(shape, 1, t.ow, t.kw)
    if shape.leads:
        inp_passes = outer
    bus, unit = config.bus_bytes, config.tile_bytes
    inp = shape.groups * ci_held * pixels * kernel_parts * inp_passes * unit(MemoryType.INP)
    wgt = shape.co * shape.weight_tiles(shape.ci, *shape.kernel) * unit(MemoryType.WGT)
    blocks = shape.groups * shape.co
    tiles = blocks * prod(
        sum(part.count for part in _outputs(shape, axis, size))
        for axis, size in enumerate((t.oh, t.ow)))
    stored = blocks * prod(shape.stored)
    out = stored * unit(MemoryType.OUT)
    parts = -(-t.co // t.part)
    runs = outer * spatial * chunks * parts
    combinations = min(outer * spatial * chunks, lcm(inp_slots, wgt_slots) * buffers.acc[0])
    uops = _kernel_uops(shape, t) * parts * combinations
    if uops > config.depth(MemoryType.UOP):
        uops = _kernel_uops(shape, t) * runs
    parameters = parameter_tiles(config) * shape.co * unit(MemoryType.ACC)
    if not t.all_parameters and t.dataflow != "weight-stationary":
        parameters *= spatial
    added = tiles * unit(MemoryType.OUT) * shape.residual
    ahead = buffers.ahead
    held = ahead.wgt * unit(MemoryType.WGT) + ahead.parameters * unit(MemoryType.ACC)
    moved = inp + wgt * wgt_passes + held + uops * UOP_BYTES + parameters + added
    passes = (0 if config.overwrite else 1) + 2 * shape.residual
    last_passes, epilogue = requantize_steps(config), shape.epilogue
    steps = shape.steps * tiles / (blocks * prod(shape.out))
    steps += forward_steps(shape, inp_passes * tiles // shape.co, config)
    early = epilogue is not None and epilogue.early
    # instructions of products: those of DWC are for one block and one window
    products = 2 if shape.window is None else t.part * shape.weight_tiles(1, t.kh, t.kw)
    steps += tiles * passes + (stored if early else tiles) * last_passes
    if epilogue is not None:
        steps += stored * epilogue.steps
    compute = (
        steps + runs * products * _INSTRUCTION
        + outer * spatial * parts * 4 * _INSTRUCTION + (uops * UOP_BYTES + parameters) / bus
    )
    first = (ahead.inp or buffers.inp[1]) * unit(MemoryType.INP) + (
        t.part * shape.weight_tiles(t.ci, t.kh, t.kw) * unit(MemoryType.WGT))
    last = t.part * t.oh * t.ow * unit(MemoryType.OUT)
    cycles = max(compute + (first + last) / bus, moved / bus + last / bus, out / bus) + _START
    return Cost(cycles, moved + out)


@lru_cache(maxsize=16)  # lists of thousands
def ranked_tilings(
    shape: ConvShape, config: Config, dataflow: str | None = None
) -> list[tuple[float, ConvTiling, Cost]]:
    """Return every tiling that fits with its cost by formulas, as one number too: cheapest first.
    """
    ranked = []
    for tiling, buffers in tilings(shape, config, dataflow):
        cost = analytical_cost(shape, tiling, buffers, config)
        ranked.append((cost.total(config), tiling, cost))
    return sorted(ranked, key=lambda item: item[0])

"""Choose tile sizes and loop order of a convolution so that everything fits the scratchpads twice.

Sizes are in tiles (channel blocks) and pixels.  Two slots of each scratchpad are in use at a time:
while one is computed on the other is filled or drained, so a tile takes at most half.  Candidates
are every way to cut a dimension into nearly equal parts; the choice is by an estimate of cycles,
then of DRAM bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from ..isa.config import Config
from ..isa.opcodes import UOP_BYTES, MemoryType
from .errors import CompileError

__all__ = ["ConvShape", "ConvTiling", "choose_tiling", "cuts", "parameter_tiles"]

_STEP_OVERHEAD = 24  # cycles a pipeline step costs beside its GEMM steps: instructions, latency


@dataclass(frozen=True)
class ConvShape:
    """A convolution in blocks: groups of images, channel blocks in and out, sizes, window."""

    groups: int
    ci: int
    co: int
    size: tuple[int, int]
    out: tuple[int, int]
    kernel: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    dilations: tuple[int, int] = (1, 1)
    before: tuple[int, int] = (0, 0)  # padding above and to the left

    @property
    def steps(self) -> int:
        """GEMM steps that no schedule can save."""
        return (self.groups * self.ci * self.co * self.out[0] * self.out[1]
                * self.kernel[0] * self.kernel[1])

    def skips(self, axis: int, taps: int) -> bool:
        """Return whether only the inputs that are used are loaded: a LOAD strides over rows."""
        return axis == 0 and taps == 1

    def reach(self, axis: int, outputs: int, taps: int) -> int:
        """Return how many inputs lie on chip for ``outputs`` neighbouring windows of ``taps``.

        All that the windows cover; of rows that a stride skips under a single tap, none.
        """
        if self.skips(axis, taps):
            return outputs
        return (outputs - 1) * self.strides[axis] + (taps - 1) * self.dilations[axis] + 1


@dataclass(frozen=True)
class ConvTiling:
    """Tile sizes; ``order`` is ``weights`` (they stay while pixels pass) or ``inputs``."""

    co: int
    ci: int
    oh: int
    ow: int
    kh: int
    kw: int
    order: str
    all_parameters: bool  # the parameters of every channel block stay on chip


def cuts(total: int) -> list[int]:
    """Return the sizes of the parts when ``total`` is cut into 1, 2, 3 ... nearly equal parts."""
    return sorted({-(-total // parts) for parts in range(1, total + 1)}, reverse=True)


def parameter_tiles(config: Config) -> int:
    """Return accumulator tiles of parameters for one block of channels."""
    return 3 if config.requantize else 2


@lru_cache(maxsize=256)
def choose_tiling(shape: ConvShape, config: Config) -> ConvTiling:
    """Return the tiling with the least estimated cost.

    Raises
    ------
    CompileError
        Not even single tiles fit (buffers of fewer than two tiles).
    """
    best: tuple[tuple[float, float], ConvTiling] | None = None
    for tiling in _candidates(shape, config):
        cost = _cost(shape, tiling, config)
        if best is None or cost < best[0]:
            best = (cost, tiling)
    if best is None:
        raise CompileError(f"{config.name}: its buffers hold no tile of a {shape.kernel} window")
    return best[1]


def _candidates(shape: ConvShape, config: Config) -> Iterator[ConvTiling]:
    depth = {kind: config.depth(kind) for kind in (
        MemoryType.INP, MemoryType.WGT, MemoryType.ACC, MemoryType.UOP)}
    inp, wgt = depth[MemoryType.INP] // 2, depth[MemoryType.WGT] // 2
    uops, each = depth[MemoryType.UOP] // 2, parameter_tiles(config)
    everything = each * shape.co <= depth[MemoryType.ACC] // 4

    def fits(co: int, ci: int, oh: int, ow: int, kh: int, kw: int) -> bool:
        acc = depth[MemoryType.ACC] - each * (shape.co if everything else co)
        return (
            co * ci * kh * kw <= wgt and 2 * co * oh * ow <= acc
            and ci * shape.reach(0, oh, kh) * shape.reach(1, ow, kw) <= inp
            and _kernel_uops(co, ci, oh, ow, kh, kw) <= uops
        )

    (oh_all, ow_all), (kh_all, kw_all) = shape.out, shape.kernel
    windows = [(kh_all, kw_all)]
    if not fits(1, 1, 1, 1, kh_all, kw_all):
        windows = list(product(cuts(kh_all), cuts(kw_all)))
    for kh, kw in windows:
        whole_rows = fits(1, 1, 1, ow_all, kh, kw)
        for ow in [ow_all] if whole_rows else cuts(ow_all):
            for oh, co in product(cuts(oh_all), cuts(shape.co)):
                fitting = (ci for ci in cuts(shape.ci) if fits(co, ci, oh, ow, kh, kw))
                ci = next(fitting, 0)  # fewer input channels at a time only add steps
                if ci:
                    yield ConvTiling(co, ci, oh, ow, kh, kw, "weights", everything)
                    yield ConvTiling(co, ci, oh, ow, kh, kw, "inputs", everything)


def _kernel_uops(*counts: int) -> int:
    """Return a bound on the micro-ops of the GEMM instructions of a tile."""
    largest = sorted(counts)
    total = 1
    for count in largest[:-2]:
        total *= count
    return 2 * total


def _cost(shape: ConvShape, tiling: ConvTiling, config: Config) -> tuple[float, float]:
    spatial = shape.groups * -(-shape.out[0] // tiling.oh) * -(-shape.out[1] // tiling.ow)
    outer = -(-shape.co // tiling.co)
    chunks = (-(-shape.ci // tiling.ci) * -(-shape.kernel[0] // tiling.kh)
              * -(-shape.kernel[1] // tiling.kw))
    steps = spatial * outer * chunks
    if tiling.order == "weights":
        wgt_loads = outer * chunks if chunks <= 2 else steps
        inp_loads = spatial * chunks if spatial * chunks <= 2 else steps
    else:
        wgt_loads = outer * chunks if outer * chunks <= 2 else steps
        inp_loads = spatial * chunks if chunks <= 2 else steps
    inp = (tiling.ci * shape.reach(0, tiling.oh, tiling.kh) * shape.reach(1, tiling.ow, tiling.kw)
           * config.tile_bytes(MemoryType.INP))
    wgt = tiling.co * tiling.ci * tiling.kh * tiling.kw * config.tile_bytes(MemoryType.WGT)
    tiles = shape.groups * shape.co * shape.out[0] * shape.out[1]
    moved = (inp_loads * inp + wgt_loads * wgt + tiles * config.tile_bytes(MemoryType.OUT)) \
        / config.bus_bytes
    passes = (1 if config.requantize else 4) + (0 if config.overwrite else 1)
    uops = _kernel_uops(tiling.co, tiling.ci, tiling.oh, tiling.ow, tiling.kh, tiling.kw)
    compute = (
        shape.steps + tiles * passes + steps * _STEP_OVERHEAD
        + 2 * uops * UOP_BYTES / config.bus_bytes
    )
    first = (inp + wgt) / config.bus_bytes  # nothing hides the first loads
    return max(compute, moved) + first, moved

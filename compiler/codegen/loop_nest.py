"""Nested loops over tiles as micro-op kernels: at most two hardware loops, the rest unrolled.

A loop nest is a list of :class:`Loop`, outermost first, each with a trip count and its strides
of the three indices of a step.  Adjacent loops with one common stride are merged, the two that save
the most micro-ops become the instruction's loops, the others are unrolled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ...driver.stream.kernels import Kernel, make_kernel
from ...driver.stream.stream import StreamBuilder
from ...isa.config import Config
from ...isa.fields import MAX_ITERATIONS
from ...isa.opcodes import AluOpcode

__all__ = ["Loop", "LoopNest", "nest", "merge", "unroll"]


@dataclass(frozen=True)
class Loop:
    """``count`` iterations that move the destination, source and weight index."""

    count: int
    dst: int = 0
    src: int = 0
    wgt: int = 0

    def times(self, count: int) -> tuple[int, int, int]:
        """Return the strides times a number."""
        return self.dst * count, self.src * count, self.wgt * count


@dataclass(frozen=True, eq=False)
class LoopNest:
    """Micro-ops ``[n, 3]`` (dst, src, wgt) and the two loops around them."""

    uops: np.ndarray
    outer: Loop
    inner: Loop

    def gemm(
        self, builder: StreamBuilder, *, reset: bool = False, overwrite: bool = False
    ) -> None:
        """Emit a GEMM over the nest."""
        builder.gemm(
            _kernel(self, builder.config), iter_out=self.outer.count, iter_in=self.inner.count,
            dst_factor=(self.outer.dst, self.inner.dst),
            src_factor=(self.outer.src, self.inner.src),
            wgt_factor=(self.outer.wgt, self.inner.wgt), reset=reset, overwrite=overwrite,
        )

    def depthwise(
        self, builder: StreamBuilder, window: tuple[int, int], row_pitch: int, *,
        overwrite: bool = False,
    ) -> None:
        """Emit a DWC over the nest, whose weight index must not move."""
        assert not self.outer.wgt and not self.inner.wgt, "DWC has no factor of the weight index"
        builder.depthwise(
            _kernel(self, builder.config), window, row_pitch=row_pitch,
            iter_out=self.outer.count, iter_in=self.inner.count,
            dst_factor=(self.outer.dst, self.inner.dst),
            src_factor=(self.outer.src, self.inner.src), overwrite=overwrite,
        )

    def alu(self, builder: StreamBuilder, opcode: AluOpcode, imm: int | None = None) -> None:
        """Emit an ALU operation over the nest; the source index is an accumulator's."""
        builder.alu(
            _kernel(self, builder.config), opcode, imm=imm, iter_out=self.outer.count,
            iter_in=self.inner.count,
            dst_factor=(self.outer.dst, self.inner.dst),
            src_factor=(self.outer.src, self.inner.src),
        )


@lru_cache(maxsize=4096)
def _kernel(nest: LoopNest, config: Config) -> Kernel:
    """Return a nest's micro-ops encoded; nests are compared by identity."""
    return make_kernel(nest.uops, config)


def merge(loops: list[Loop]) -> list[Loop]:
    """Remove loops of one iteration and merge adjacent ones with a common stride."""
    out: list[Loop] = []
    for loop in loops:
        if loop.count == 1:
            continue
        last = out[-1] if out else None
        together = last is not None and (last.dst, last.src, last.wgt) == loop.times(loop.count)
        if last is not None and together and last.count * loop.count <= MAX_ITERATIONS:
            out[-1] = Loop(last.count * loop.count, loop.dst, loop.src, loop.wgt)
        else:
            out.append(loop)
    return out


def unroll(base: tuple[int, int, int], loops: list[Loop]) -> np.ndarray:
    """Return the indices ``[n, 3]`` of every iteration, in order."""
    table = np.array([base], np.int64)
    for loop in loops:
        moves = np.outer(np.arange(loop.count), (loop.dst, loop.src, loop.wgt))
        table = (table[:, None, :] + moves[None, :, :]).reshape(-1, 3)
    return table


def nest(base: tuple[int, int, int], loops: Sequence[Loop]) -> LoopNest:
    """Return the nest from index ``base`` that needs the fewest micro-ops."""
    return _nest(base, tuple(loops))


@lru_cache(maxsize=4096)
def _nest(base: tuple[int, int, int], loops: tuple[Loop, ...]) -> LoopNest:
    left = merge(list(loops))
    hardware = sorted(
        sorted(range(len(left)), key=lambda i: (-left[i].count, i))[:2]
    )
    chosen = [left[i] for i in hardware]
    while len(chosen) < 2:
        chosen.insert(0, Loop(1))
    assert max(loop.count for loop in chosen) <= MAX_ITERATIONS, loops
    written = [loop for i, loop in enumerate(left) if i not in hardware]
    return LoopNest(unroll(base, written), chosen[0], chosen[1])



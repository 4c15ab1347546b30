"""The steps of a GEMM, DWC or ALU instruction as index arrays (the triple loop of vta_isa.md 4.3).

Step ``(i, j, k)`` visits tile ``uop[k] + i * factor_out + j * factor_in`` of each memory, ``k``
fastest.  Every index is a sum of three terms, none negative, so ranges follow from the ends of
the loops without visiting any step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..isa.config import Config
from ..isa.fields import uop_layout
from ..isa.instructions import Gemm, StepInstruction
from ..isa.opcodes import ErrorCode
from .model_errors import DeviceFault

__all__ = ["LoopAxis", "Bound", "Steps", "Violation", "first_violation"]

Indices = NDArray[np.intp]
"""Index type of numpy: 32 or 64 bits, as the pointers of the host."""


@dataclass(frozen=True)
class LoopAxis:
    """One of the two loops: its trip count and the increment of each index per iteration."""

    count: int
    dst: int
    src: int
    wgt: int


@dataclass(frozen=True)
class Steps:
    """The steps of one instruction: ``outer`` and ``inner`` loops around a list of micro-ops.

    Attributes
    ----------
    dst, src, wgt : intp [micro-ops]
    outer, inner : LoopAxis
    """

    dst: Indices
    src: Indices
    wgt: Indices
    outer: LoopAxis
    inner: LoopAxis

    @classmethod
    def of(cls, instruction: StepInstruction, uops: NDArray[np.uint32], config: Config) -> Steps:
        """Return the steps of an instruction over its (non-empty) slice of the UOP memory."""
        fields = uop_layout(config)
        words = uops.astype(np.intp)
        dst, src, wgt = (
            (words >> fields[name].lo) & ((1 << fields[name].width) - 1)
            for name in ("dst", "src", "wgt")
        )
        gemm = instruction if isinstance(instruction, Gemm) else None
        outer = LoopAxis(
            instruction.iter_out, instruction.dst_factor_out, instruction.src_factor_out,
            gemm.wgt_factor_out if gemm else 0,
        )
        inner = LoopAxis(
            instruction.iter_in, instruction.dst_factor_in, instruction.src_factor_in,
            gemm.wgt_factor_in if gemm else 0,
        )
        return cls(dst, src, wgt, outer, inner)

    def __len__(self) -> int:
        return self.outer.count * self.inner.count * self.dst.size

    def take(self, start: int, stop: int) -> tuple[Indices, Indices, Indices]:
        """Return dst, src and wgt index of the steps ``start <= step < stop``, intp [steps]."""
        if start == 0 and stop == len(self):
            return self._all("dst"), self._all("src"), self._all("wgt")
        step = np.arange(start, stop)
        rest, k = np.divmod(step, self.dst.size)
        i, j = np.divmod(rest, self.inner.count)
        outer, inner = self.outer, self.inner
        return (
            self.dst[k] + i * outer.dst + j * inner.dst,
            self.src[k] + i * outer.src + j * inner.src,
            self.wgt[k] + i * outer.wgt + j * inner.wgt,
        )

    def _all(self, name: str) -> Indices:
        i = np.arange(self.outer.count)[:, None, None] * getattr(self.outer, name)
        j = np.arange(self.inner.count)[:, None] * getattr(self.inner, name)
        out: Indices = (i + (j + getattr(self, name))).reshape(-1)
        return out

    def pieces(self, limit: int) -> Iterator[Steps]:
        """Split into parts of at most ``limit`` steps, in step order.

        A micro-op list is never split: a part has one iteration or more.
        """
        if len(self) <= limit:
            yield self
            return
        name = "outer" if self.outer.count > 1 else "inner"
        axis: LoopAxis = getattr(self, name)
        if axis.count == 1:
            yield self
            return
        per_iteration = len(self) // axis.count
        width = max(1, limit // per_iteration)
        for first in range(0, axis.count, width):
            part = replace(
                self,
                dst=self.dst + first * axis.dst,
                src=self.src + first * axis.src,
                wgt=self.wgt + first * axis.wgt,
                **{name: replace(axis, count=min(width, axis.count - first))},
            )
            yield from part.pieces(limit)


@dataclass(frozen=True)
class Bound:
    """A bound on steps: index ``name`` plus ``offset`` must be below ``depth``."""

    name: str  # dst, src or wgt
    memory: str  # for the message
    depth: int
    offset: int = 0


@dataclass(frozen=True)
class Violation:
    """The first step that breaks a bound."""

    step: int
    fault: DeviceFault


def first_violation(steps: Steps, bounds: tuple[Bound, ...]) -> Violation | None:
    """Return the first step, in execution order, that indexes past the end of a memory."""
    outer, inner = steps.outer, steps.inner
    room = {}  # maximum that the two loops may add to the largest micro-op index
    for bound in bounds:
        largest = int(getattr(steps, bound.name).max()) + bound.offset
        room[bound] = bound.depth - 1 - largest
    last_j = inner.count - 1

    def broken(i: int, j: int) -> bool:
        return any(
            i * getattr(outer, bound.name) + j * getattr(inner, bound.name) > space
            for bound, space in room.items()
        )

    if not broken(outer.count - 1, last_j):
        return None
    i = _first(outer.count, lambda i: broken(i, last_j))
    j = _first(inner.count, lambda j: broken(i, j))
    over = {}
    for bound in bounds:
        added = i * getattr(outer, bound.name) + j * getattr(inner, bound.name) + bound.offset
        past = np.flatnonzero(getattr(steps, bound.name) + added >= bound.depth)
        if past.size:
            k = int(past[0])
            over[bound] = (k, int(getattr(steps, bound.name)[k]) + added)
    bound = min(over, key=lambda item: over[item][0])
    k, index = over[bound]
    detail = (
        f"step (out {i}, in {j}, micro-op {k}) indexes {bound.memory}[{index}], "
        f"depth {bound.depth}"
    )
    step = (i * inner.count + j) * steps.dst.size + k
    return Violation(step, DeviceFault(ErrorCode.STEP_INDEX, detail))


def _first(count: int, holds: Callable[[int], bool]) -> int:
    """Return the minimum n < count for which a monotone condition holds (true at the last one)."""
    first, last = 0, count - 1
    while first < last:
        middle = (first + last) // 2
        if holds(middle):
            last = middle
        else:
            first = middle + 1
    return first

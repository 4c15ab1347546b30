"""GEMM: the planned matrix products on the scratchpads (vta_isa.md 4.3, overwrite: 0.1).

Exactness: operands are integers in float32, so BLAS is exact in any order of summation as long as
no partial sum can exceed 2**24.  Longer sums are split into chunks that cannot exceed it, and the
chunks are added as int32 with wrap-around.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..isa.instructions import Gemm
from ..isa.opcodes import MemoryType
from .gemm_plan import Product, last_writes, plan
from .plan_cache import PlanCache
from .scratchpads import Scratchpads
from .steps import Bound, Indices, Steps, first_violation

__all__ = ["GemmUnit"]

_EXACT_FLOAT32 = 1 << 24
_CACHE_INDICES = 1 << 22  # total indices of all cached plans: 32 MiB
_CACHED_STEPS = 1 << 20  # longer instructions are planned in pieces and not cached


@dataclass(frozen=True)
class _Gather:
    """A product with row indices of the scratchpads in place of tile indices.

    ``acc`` is [groups, rows * batch, columns], ``inp`` [groups, rows * batch, terms] and ``wgt``
    [groups, columns * block_out, terms]; ``span`` is the first and last+1 row of ACC when ``acc``
    is a contiguous range, ``distinct``: no row of ACC occurs twice.
    """

    acc: Indices
    inp: Indices
    wgt: Indices
    repeat: np.int32
    distinct: bool
    span: tuple[int, int] | None

    @property
    def size(self) -> int:
        return self.acc.size + self.inp.size + self.wgt.size


class GemmUnit:
    """Executes GEMM instructions of one device."""

    def __init__(self, pads: Scratchpads):
        self._pads = pads
        self._config = config = pads.config
        self._bounds = (
            Bound("dst", "ACC", pads.depth[MemoryType.ACC]),
            Bound("src", "INP", pads.depth[MemoryType.INP]),
            Bound("wgt", "WGT", pads.depth[MemoryType.WGT]),
        )
        largest = 1 << (config.inp_width + config.wgt_width - 2)
        self._chunk = _EXACT_FLOAT32 // largest  # products in an exact sum
        self._cache: PlanCache[list[_Gather]] = PlanCache(_CACHE_INDICES)

    def execute(self, instruction: Gemm) -> int:
        """Execute an instruction that has steps; returns the number of steps.

        Raises Fault (STEP_INDEX) without having changed anything.
        """
        slots = slice(instruction.uop_bgn, instruction.uop_end)
        uops = self._pads.uop[slots]
        key = (
            uops.tobytes(), instruction.iter_out, instruction.iter_in, instruction.reset,
            instruction.overwrite, instruction.dst_factor_out, instruction.dst_factor_in,
            instruction.src_factor_out, instruction.src_factor_in, instruction.wgt_factor_out,
            instruction.wgt_factor_in,
        )
        count = instruction.iter_out * instruction.iter_in * uops.size
        gathers: Iterable[_Gather] | None = self._cache.get(key)
        if gathers is None:
            steps = Steps.of(instruction, uops, self._config)
            bounds = self._bounds[:1] if instruction.reset else self._bounds
            violation = first_violation(steps, bounds)
            if violation:
                raise violation.fault
            if instruction.reset or instruction.overwrite:
                steps = last_writes(steps, self._config)
            gathers = (self._gather(product) for product in plan(steps))
            if count <= _CACHED_STEPS:
                gathers = list(gathers)
                self._cache.put(key, gathers, sum(gather.size for gather in gathers))
        self._pads.note_read(MemoryType.UOP, slots, "GEMM")
        for gather in gathers:
            self._apply(gather, instruction)
        return count

    def _gather(self, product: Product) -> _Gather:
        config = self._config
        groups, rows, columns = product.dst.shape
        batch = np.arange(config.batch)[:, None]
        lane = np.arange(config.block_out)[:, None]
        acc = product.dst[:, :, None] * config.batch + batch
        inp = product.src[:, :, None] * config.batch + batch
        wgt = product.wgt[:, :, None] * config.block_out + lane
        flat = acc.reshape(-1)
        first = int(flat[0])
        counting = bool((flat == np.arange(first, first + flat.size)).all())
        seen = np.zeros(int(flat.max()) + 1, bool)
        seen[flat] = True
        return _Gather(
            acc=acc.reshape(groups, rows * config.batch, columns),
            inp=inp.reshape(groups, rows * config.batch, -1),
            wgt=wgt.reshape(groups, columns * config.block_out, -1),
            repeat=np.int64(product.repeat).astype(np.int32),
            distinct=int(np.count_nonzero(seen)) == flat.size,
            span=(first, first + flat.size) if counting else None,
        )

    def _apply(self, gather: _Gather, instruction: Gemm) -> None:
        pads = self._pads
        self._note(gather, instruction)
        target = slice(*gather.span) if gather.span else gather.acc
        if instruction.reset:
            pads.acc_rows[target] = 0
            return
        dot = self._multiply(gather)
        if gather.repeat != 1:
            dot *= gather.repeat
        if gather.span:
            dot = dot.reshape(-1, self._config.block_out)
        else:
            dot = dot.reshape(*gather.acc.shape, self._config.block_out)
        if instruction.overwrite:
            pads.acc_rows[target] = dot
        elif gather.distinct:
            pads.acc_rows[target] += dot
        else:
            np.add.at(pads.acc_rows, gather.acc, dot)

    def _multiply(self, gather: _Gather) -> NDArray[np.int32]:
        """Return the products, int32 [groups, rows * batch, columns * block_out]."""
        pads, block = self._pads, self._config.block_in
        groups = len(gather.acc)
        a = pads.inp_rows.take(gather.inp, axis=0).reshape(groups, gather.inp.shape[1], -1)
        b = pads.wgt_rows.take(gather.wgt, axis=0).reshape(groups, gather.wgt.shape[1], -1)
        length = gather.inp.shape[2] * block
        if length <= self._chunk:
            return _matmul(a, b).astype(np.int32)
        total = np.zeros((groups, a.shape[1], b.shape[1]), np.int32)
        for first in range(0, length, self._chunk):
            part = slice(first, first + self._chunk)
            total += _matmul(a[..., part], b[..., part]).astype(np.int32)
        return total

    def _note(self, gather: _Gather, instruction: Gemm) -> None:
        if not self._pads.strict:
            return
        config = self._config
        tiles = gather.acc.reshape(-1) // config.batch
        if not instruction.reset:
            self._pads.note_read(MemoryType.INP, gather.inp // config.batch, "GEMM")
            self._pads.note_read(MemoryType.WGT, gather.wgt // config.block_out, "GEMM")
            if not instruction.overwrite:
                self._pads.note_read(MemoryType.ACC, tiles, "GEMM")
        self._pads.note_write(MemoryType.ACC, tiles)


def _matmul(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ``a @ b.T`` for each group."""
    if len(a) == 1:
        out: NDArray[np.float32] = (a[0] @ b[0].T)[None]
        return out
    product: NDArray[np.float32] = np.matmul(a, b.transpose(0, 2, 1))
    return product

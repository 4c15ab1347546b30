"""DWC: the taps of depthwise windows, a few array operations per tap (docs/device.md).

    ACC[a][b][l] (+)= sum over r < rows, c < columns, h of
                      INP[x + r*P + c][b][pair(l, h)] * WGT[w][l][h*T + r*C + c]

T taps of at most R x C.  Where T is the block, h = 0 and a lane sees its own channel; where T is
half of it, two lanes share their inputs: h = 0, 1 are the even and the odd lane of the pair, and a
depthwise convolution has zeros in the half of the row that belongs to the other one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..isa.instructions import Dwc
from ..isa.opcodes import MemoryType
from .gemm_plan import last_writes
from .plan_cache import PlanCache
from .scratchpads import Scratchpads
from .steps import Bound, Indices, Steps, first_violation

__all__ = ["DwcUnit"]

_STEPS_AT_ONCE = 1 << 14  # bounds the memory of one block of steps
_CACHE_INDICES = 1 << 20  # indices of all cached plans together: 8 MiB


@dataclass(frozen=True)
class _Block:
    """Steps: tiles of ACC, first tiles of INP, tiles of WGT, intp [steps] each.

    ``distinct``: no tile of ACC occurs twice.
    """

    dst: Indices
    src: Indices
    wgt: Indices
    distinct: bool


class DwcUnit:
    """Executes DWC instructions of one device."""

    def __init__(self, pads: Scratchpads):
        self._pads, self._config = pads, pads.config
        self._cache: PlanCache[list[_Block]] = PlanCache(_CACHE_INDICES)

    def execute(self, instruction: Dwc) -> int:
        """Execute an instruction with at least one step; returns the number of steps.

        Raises Fault (STEP_INDEX) and has then changed nothing.
        """
        pads = self._pads
        slots = slice(instruction.uop_bgn, instruction.uop_end)
        uops = pads.uop[slots]
        key = (uops.tobytes(), *(
            getattr(instruction, name) for name in (
                "iter_out", "iter_in", "reset", "overwrite", "dst_factor_out", "dst_factor_in",
                "src_factor_out", "src_factor_in", "row_pitch", "window",
            )
        ))
        blocks = self._cache.get(key)
        if blocks is None:
            steps = Steps.of(instruction, uops, self._config)
            violation = first_violation(steps, self._bounds(instruction))
            if violation:
                raise violation.fault
            if instruction.reset or instruction.overwrite:
                steps = last_writes(steps, self._config)
            blocks = list(_blocks(steps))
            self._cache.put(key, blocks, 3 * len(steps))
        pads.note_read(MemoryType.UOP, slots, "DWC")
        for block in blocks:
            self._note(block, instruction)
            self._apply(block, instruction)
        return instruction.iter_out * instruction.iter_in * uops.size

    def _bounds(self, instruction: Dwc) -> tuple[Bound, ...]:
        depth = self._pads.depth
        dst = Bound("dst", "ACC", depth[MemoryType.ACC])
        if instruction.reset:
            return (dst,)
        return (
            dst, Bound("src", "INP", depth[MemoryType.INP], max(self._offsets(instruction))),
            Bound("wgt", "WGT", depth[MemoryType.WGT]),
        )

    def _offsets(self, instruction: Dwc) -> list[int]:
        """Return the distance of each tap's INP tile from the first, row by row."""
        rows, columns = self._config.window_shape(instruction.window)
        return [r * instruction.row_pitch + c for r in range(rows) for c in range(columns)]

    def _apply(self, block: _Block, instruction: Dwc) -> None:
        acc = self._pads.acc
        if instruction.reset:
            acc[block.dst] = 0
        elif instruction.overwrite:
            acc[block.dst] = self._sums(block, instruction)
        elif block.distinct:
            acc[block.dst] += self._sums(block, instruction)
        else:
            np.add.at(acc, block.dst, self._sums(block, instruction))

    def _sums(self, block: _Block, instruction: Dwc) -> NDArray[np.int32]:
        """Return the sums of the taps, int32 [steps, batch, block_out]."""
        config, pads = self._config, self._pads
        rows, columns = config.window_shape(instruction.window)
        lanes = config.block_out
        inp = pads.inp_rows.reshape(-1, config.batch, lanes)
        wgt = pads.wgt_rows.reshape(-1, lanes, config.block_in)
        halves = config.block_in // config.taps
        # the lane whose input half h of a row multiplies
        sources = [np.arange(lanes) // halves * halves + half for half in range(halves)]
        total = np.zeros((block.dst.size, config.batch, lanes), np.float32)
        for row in range(rows):
            for column in range(columns):
                values = inp.take(block.src + row * instruction.row_pitch + column, axis=0)
                tap = row * config.window[1] + column
                for half, source in enumerate(sources):
                    weight = wgt[block.wgt, :, half * config.taps + tap]
                    if halves == 1:
                        total += values * weight[:, None]
                    elif weight.any():
                        total += values[..., source] * weight[:, None]
        return total.astype(np.int32)

    def _note(self, block: _Block, instruction: Dwc) -> None:
        pads = self._pads
        if not pads.strict:
            return
        if not instruction.reset:
            for offset in self._offsets(instruction):
                pads.note_read(MemoryType.INP, block.src + offset, "DWC")
            pads.note_read(MemoryType.WGT, block.wgt, "DWC")
            if not instruction.overwrite:
                pads.note_read(MemoryType.ACC, block.dst, "DWC")
        pads.note_write(MemoryType.ACC, block.dst)


def _blocks(steps: Steps) -> Iterator[_Block]:
    """Yield the steps in order, so many at a time."""
    for start in range(0, len(steps), _STEPS_AT_ONCE):
        dst, src, wgt = steps.take(start, min(len(steps), start + _STEPS_AT_ONCE))
        yield _Block(dst, src, wgt, np.unique(dst).size == dst.size)

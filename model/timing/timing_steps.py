"""Duration of the steps of a GEMM, DWC or ALU instruction in the pipeline, including stalls.

GEMM starts one step per cycle, DWC waits for its windows (:mod:`.timing_windows`).  ALU operations
wait for results of steps in flight that they read and for the banks of the accumulator, RQT for its
parameter tiles; these are replayed step by step up to a limit and extrapolated
(rtl/compute/schedule.py, rtl/compute/rqt_parameters.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from ...isa.alu_operations import ALU_OPERATIONS
from ...isa.config import Config
from ...isa.instructions import Dwc, Gemm, StepInstruction
from ...isa.uop_buffer import UopBuffer, uop_indices
from .timing_constants import cycles
from .timing_windows import window_cycles

__all__ = ["StepTiming", "steps_of"]

_HAZARD, _PARAMETERS, _LATE = cycles("HAZARD"), cycles("PARAMETERS"), cycles("LATE_READ")
_TABLE = cycles("TABLE")
_REPLAYED = 192  # maximum number of steps


@dataclass(frozen=True)
class _Tail:
    """Destinations of the steps before an instruction, the latest first."""

    tiles: tuple[int, ...] = ()
    late: bool = False  # they are of a GEMM that reads them late


def steps_of(item: StepInstruction) -> int:
    """Return the steps of an instruction."""
    return max(0, item.uop_end - item.uop_bgn) * item.iter_out * item.iter_in


class StepTiming:
    """Cycles of step instructions; caches patterns."""

    def __init__(self, config: Config, uops: UopBuffer):
        self._config, self._uops = config, uops
        self._hazard = _HAZARD + _TABLE * config.lookup
        self._replay: Callable[..., int] = lru_cache(maxsize=4096)(self._replayed)
        self._tail: tuple[StepInstruction, np.ndarray] | None = None

    def cycles(self, item: StepInstruction) -> int:
        """Return the cycles from the first step's slot to the next instruction's; 1 for none."""
        steps = steps_of(item)
        if not steps:
            return 1
        uops = self._uops.words(item)
        before, self._tail = self._tail, (item, uops)
        if isinstance(item, Gemm):
            return steps
        if isinstance(item, Dwc):
            first = uop_indices(uops, "src", self._config).astype(np.int64)
            return window_cycles(item, first, self._config)
        tail = self._last(*before) if before else _Tail()
        return self._replay(
            uops.tobytes(), item.iter_out, item.iter_in, item.dst_factor_out, item.dst_factor_in,
            item.src_factor_out, item.src_factor_in, item.alu_opcode, item.use_imm, tail,
        )

    def _last(self, item: StepInstruction, uops: np.ndarray) -> _Tail:
        count = len(uops)
        dst = uop_indices(uops[-self._hazard:], "dst", self._config)
        out = []
        for back in range(min(self._hazard, steps_of(item))):
            rest, uop = divmod(steps_of(item) - 1 - back, count)
            outer, inner = divmod(rest, item.iter_in)
            if uop - count >= -len(dst):
                out.append(int(dst[uop - count]) + outer * item.dst_factor_out
                           + inner * item.dst_factor_in)
        late = isinstance(item, (Gemm, Dwc)) and not item.reset and not item.overwrite
        return _Tail(tuple(out), late)

    def _replayed(
        self, data: bytes, iter_out: int, iter_in: int, dst_out: int, dst_in: int, src_out: int,
        src_in: int, opcode: int, use_imm: int, tail: _Tail,
    ) -> int:
        uops = np.frombuffer(data, np.uint32)
        outer, inner = np.arange(iter_out)[:, None, None], np.arange(iter_in)[None, :, None]
        first_dst = uop_indices(uops, "dst", self._config)
        first_src = uop_indices(uops, "src", self._config)
        dst = (outer * dst_out + inner * dst_in + first_dst).reshape(-1)
        src = (outer * src_out + inner * src_in + first_src).reshape(-1)
        total = len(dst)
        some = min(total, _REPLAYED)
        operation = ALU_OPERATIONS[opcode]
        replay = _Replay(
            tail, table=_TABLE * self._config.lookup, reads_dst=operation.reads_destination)
        if operation.parameter_tiles:
            changes = int(np.count_nonzero(np.diff(src)))
            first = replay.fetch(int(src[0]))
            stalls = first + replay.waits(dst[:some].tolist(), None, first)
            return total + _PARAMETERS * changes + stalls
        stalls = replay.waits(dst[:some].tolist(), None if use_imm else src[:some].tolist(), 0)
        return total + stalls * total // some


class _Replay:
    """Accumulator banks and results in flight, cycle by cycle from an instruction's first slot."""

    def __init__(self, tail: _Tail, *, table: int, reads_dst: bool):
        self._hazard, self._reads_dst = _HAZARD + table, reads_dst
        self._written = {tile: -back for back, tile in reversed(list(enumerate(tail.tiles, 1)))}
        self._reads: dict[int, int] = {}  # cycle: banks in use, as bits
        if tail.late:
            for back, (tile, before) in enumerate(pairwise((*tail.tiles, -1)), 1):
                if tile != before:  # else it takes the result of the step before
                    self._reads[_LATE + table - back] = 1 << (tile & 1)

    def fetch(self, src: int) -> int:
        """Return the cycle in which an RQT has its three parameter tiles and may proceed."""
        mine, other = 1 << (src & 1), 2 >> (src & 1)
        bias = multiplier = False
        now = max(0, *(self._free(src + n) for n in range(3)))
        while True:
            busy = self._reads.get(now, 0)
            if not bias and not busy & mine:
                bias = True
            elif not multiplier and not busy & other:
                multiplier = True
            elif bias and multiplier and not busy & mine:
                return now + 1
            now += 1

    def waits(self, dst: list[int], src: list[int] | None, first: int) -> int:
        """Return the cycles that steps wait from cycle ``first`` on."""
        now = first
        for number, tile in enumerate(dst):
            other = tile if src is None else src[number]
            pair = src is not None
            mine = 1 << (tile & 1)
            same = pair and not (tile ^ other) & 1
            banks = 3 if pair and not same else mine
            second = mine if same else 0
            if not self._reads_dst:
                banks, second = 0, 1 << (other & 1)
            now = max(now, self._free(tile) if self._reads_dst else 0, self._free(other))
            while self._reads.get(now, 0) & banks or self._reads.get(now + 1, 0) & second:
                now += 1
            if second:
                self._reads[now + 1] = self._reads.get(now + 1, 0) | second
            self._written[tile] = now
            now += 1
        return now - first - len(dst)

    def _free(self, tile: int) -> int:
        return self._written.get(tile, -self._hazard) + self._hazard

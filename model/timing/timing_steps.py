"""Duration of the steps of a GEMM or ALU instruction in the pipeline, including stalls.

GEMM and ALU with an immediate start one step per cycle.  Two tensor operands may collide in a bank
of the accumulator, MUL and RQT wait for results of preceding steps, RQT for its parameter tiles;
these are replayed step by step up to a limit and extrapolated (rtl/compute/schedule.py,
rtl/compute/operands.py).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from ...isa.alu_operations import ALU_OPERATIONS
from ...isa.config import Config
from ...isa.instructions import Alu, Gemm
from ...isa.uop_buffer import UopBuffer, uop_indices
from .timing_constants import cycles

__all__ = ["StepTiming", "steps_of"]

_HAZARD, _PARAMETERS = cycles("HAZARD"), cycles("PARAMETERS")
_REPLAYED = 192  # maximum number of steps


def steps_of(item: Gemm | Alu) -> int:
    """Return the steps of an instruction."""
    return max(0, item.uop_end - item.uop_bgn) * item.iter_out * item.iter_in


class StepTiming:
    """Cycles of step instructions; caches patterns."""

    def __init__(self, config: Config, uops: UopBuffer):
        self._config, self._uops = config, uops
        self._replay: Callable[..., int] = lru_cache(maxsize=4096)(self._replayed)
        self._tail: tuple[Gemm | Alu, np.ndarray] | None = None

    def cycles(self, item: Gemm | Alu) -> int:
        """Return the cycles from the first step's slot to the next instruction's; 1 for none."""
        steps = steps_of(item)
        if not steps:
            return 1
        uops = self._uops.words(item)
        before, self._tail = self._tail, (item, uops)
        if isinstance(item, Gemm):
            return steps
        long = ALU_OPERATIONS[item.alu_opcode].long
        if not long and item.use_imm:
            return steps
        tail = self._last(*before) if long and before else ()
        return self._replay(
            uops.tobytes(), item.iter_out, item.iter_in, item.dst_factor_out, item.dst_factor_in,
            item.src_factor_out, item.src_factor_in, item.alu_opcode, item.use_imm, tail,
        )

    def _last(self, item: Gemm | Alu, uops: np.ndarray) -> tuple[int, ...]:
        """Return the destinations of the last steps, the latest first."""
        count = len(uops)
        dst = uop_indices(uops[-_HAZARD:], "dst", self._config)
        out = []
        for back in range(min(_HAZARD, steps_of(item))):
            rest, uop = divmod(steps_of(item) - 1 - back, count)
            outer, inner = divmod(rest, item.iter_in)
            if uop - count >= -len(dst):
                out.append(int(dst[uop - count]) + outer * item.dst_factor_out
                           + inner * item.dst_factor_in)
        return tuple(out)

    def _replayed(
        self, data: bytes, iter_out: int, iter_in: int, dst_out: int, dst_in: int, src_out: int,
        src_in: int, opcode: int, use_imm: int, tail: tuple[int, ...],
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
        if operation.parameter_tiles:
            waits = 1 + int(np.count_nonzero(np.diff(src)))
            first = _PARAMETERS + bool(tail)  # earlier steps read the banks of the parameters
            stalls = _hazards(dst[:some].tolist(), None, tail, first)
            return total + _PARAMETERS * (waits - 1) + stalls
        if operation.long:
            pair = None if use_imm else src[:some].tolist()
            stalls = _hazards(dst[:some].tolist(), pair, tail, 0)
        else:
            stalls = _bank_waits(dst[:some].tolist(), src[:some].tolist())
        return total + stalls * total // some


def _hazards(
    dst: list[int], src: list[int] | None, tail: tuple[int, ...], first: int
) -> int:
    """Return the cycles steps wait for results of others; the first waits ``first`` or more.

    ``tail``: destinations of the preceding steps, the latest first.
    """
    written = {tile: -back for back, tile in reversed(list(enumerate(tail, 1)))}
    now = first
    for number, tile in enumerate(dst):
        ready = written.get(tile, -_HAZARD) + _HAZARD
        if src is not None:
            ready = max(ready, written.get(src[number], -_HAZARD) + _HAZARD)
        now = max(now, ready)
        written[tile] = now
        now += 1
    return now - len(dst)


def _bank_waits(dst: list[int], src: list[int]) -> int:
    """Return the cycles that two-tensor steps wait for a bank (all short: read in s5 and s6)."""
    early: dict[int, int] = {}  # cycle -> banks read, as bits; a step leaving s2 at t has its
    late: dict[int, int] = {}  # early stage at t + 3 and its late stage at t + 4
    now = 0
    for first, second in zip(dst, src, strict=True):
        one, two = 1 << (first & 1), 1 << (second & 1)
        while True:
            at_early = early.get(now + 3, 0) | late.get(now + 3, 0)
            if not at_early & two:
                early[now + 3] = early.get(now + 3, 0) | two
                late[now + 4] = one
                break
            if one != two:
                late[now + 4] = one | two
                break
            now += 1
        now += 1
    return now - len(dst)

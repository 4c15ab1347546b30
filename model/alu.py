"""ALU: tile operations on ACC, strictly sequential (vta_isa.md 4.4; docs/device.md: rules D1
to D4 on operands, shifts and MUL, rule D18 on the order of steps).

All steps are executed at once when none reads a tile that an earlier one writes.  Otherwise they
are split into *waves* with the same result: if no step writes a source, the n-th step of every
destination is in wave n; otherwise consecutive steps form a wave until one depends on another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..isa.alu_operations import ALU_OPERATIONS, source_tiles
from ..isa.instructions import Alu
from ..isa.opcodes import AluOpcode, MemoryType, Reduction
from .plan_cache import PlanCache
from .rqt import RqtOptions, check_parameters, look_up, requantize
from .scratchpads import Scratchpads
from .steps import Bound, Indices, Steps, Violation, first_violation

__all__ = ["AluUnit", "operate", "reduce_lanes", "waves"]

_STEPS_AT_ONCE = 1 << 16  # bounds the memory used by one block of steps
_CACHE_INDICES = 1 << 20  # total indices of all cached plans: 8 MiB
Lanes = NDArray[np.int32]
Wave = tuple[Indices, Indices]
"""Destination and source tile of independent steps, intp [steps] each."""


@dataclass(frozen=True)
class _Plan:
    """The steps of an instruction before the first illegal one, and that one, if any."""

    waves: Iterable[Wave]
    violation: Violation | None


class AluUnit:
    """Executes ALU instructions of one device."""

    def __init__(self, pads: Scratchpads):
        self._pads = pads
        self._config = pads.config
        self._cache: PlanCache[_Plan] = PlanCache(_CACHE_INDICES)

    def execute(self, instruction: Alu) -> int:
        """Execute an instruction that has steps; returns the number of steps.

        Raises Fault (STEP_INDEX, RQT_PARAMETER): the first in step order.
        """
        pads = self._pads
        slots = slice(instruction.uop_bgn, instruction.uop_end)
        pads.note_read(MemoryType.UOP, slots, "ALU")
        uops = pads.uop[slots]
        sources = source_tiles(instruction.alu_opcode, instruction.use_imm)
        key = (
            uops.tobytes(), sources, instruction.iter_out, instruction.iter_in,
            instruction.dst_factor_out, instruction.dst_factor_in, instruction.src_factor_out,
            instruction.src_factor_in,
        )
        count = instruction.iter_out * instruction.iter_in * uops.size
        plan = self._cache.get(key)
        if plan is None:
            plan = self._plan(Steps.of(instruction, uops, self._config), sources)
            if count <= _STEPS_AT_ONCE:
                plan = _Plan(list(plan.waves), plan.violation)
                self._cache.put(key, plan, 2 * count)
        for dst, src in plan.waves:
            self._note(dst, src, instruction, sources)
            self._wave(dst, src, instruction, sources)
        if plan.violation:
            raise plan.violation.fault
        return count

    def _plan(self, steps: Steps, sources: int) -> _Plan:
        violation = first_violation(steps, self._bounds(sources))
        legal = violation.step if violation else len(steps)

        def walk() -> Iterator[Wave]:
            for start in range(0, legal, _STEPS_AT_ONCE):
                dst, src, _ = steps.take(start, min(legal, start + _STEPS_AT_ONCE))
                yield from waves(dst, src, sources)

        return _Plan(walk(), violation)

    def _bounds(self, sources: int) -> tuple[Bound, ...]:
        depth = self._pads.depth[MemoryType.ACC]
        dst = Bound("dst", "ACC", depth)
        return (dst, Bound("src", "ACC", depth, sources - 1)) if sources else (dst,)

    def _wave(self, dst: Indices, src: Indices, instruction: Alu, sources: int) -> None:
        """Execute independent steps, each with ``sources`` tiles from ``src`` on."""
        acc: Lanes = self._pads.tiles(MemoryType.ACC)
        p = acc.take(dst, axis=0)
        operands = [acc.take(src + tile, axis=0) for tile in range(sources)]
        if instruction.alu_opcode == AluOpcode.RQT:
            options = RqtOptions.of(instruction.imm)
            bias, multiplier, shift = operands
            check_parameters(multiplier, shift, options)
            values = requantize(p, bias, multiplier, shift, options, self._config.out_width)
            if options.table is not None:
                values = look_up(values, self._pads.lut[options.table])
            acc[dst] = values
        elif instruction.alu_opcode == AluOpcode.RED:
            acc[dst] = reduce_lanes(instruction.imm, operands[0], self._config.block_out)
        elif instruction.use_imm:
            acc[dst] = operate(instruction.alu_opcode, p, np.int32(instruction.imm))
        else:
            acc[dst] = operate(instruction.alu_opcode, p, operands[0])

    def _note(self, dst: Indices, src: Indices, instruction: Alu, sources: int) -> None:
        pads = self._pads
        if pads.strict:
            reads = [src + offset for offset in range(sources)]
            if ALU_OPERATIONS[instruction.alu_opcode].reads_destination:
                reads.append(dst)
            pads.note_read(MemoryType.ACC, np.concatenate(reads), "ALU")
            if instruction.alu_opcode == AluOpcode.RQT:
                table = RqtOptions.of(instruction.imm).table
                if table is not None:
                    pads.note_read(MemoryType.LUT, slice(table, table + 1), "RQT")
            pads.note_write(MemoryType.ACC, dst)


def operate(opcode: int, p: Lanes, q: Lanes | np.int32) -> Lanes:
    """Return MIN, MAX, ADD, SHR or MUL of lanes, with 32-bit wrap-around.

    SHR shifts right arithmetically for ``q >= 0`` and left for ``q < 0``; the amount saturates
    (rules D2, D3).
    """
    if opcode == AluOpcode.MIN:
        return np.minimum(p, q)
    if opcode == AluOpcode.MAX:
        return np.maximum(p, q)
    if opcode == AluOpcode.ADD:
        return p + q
    if opcode == AluOpcode.MUL:
        return p * q
    if isinstance(q, np.int32):  # an immediate: one direction for all lanes
        if q >= 0:
            return p >> min(q, np.int32(31))
        return p << -q if q > -32 else np.zeros_like(p)
    amount = np.clip(q, -32, 31)
    right = p >> np.clip(amount, 0, 31)
    left = np.where(amount == -32, 0, p << np.clip(-amount, 0, 31))
    return np.where(amount >= 0, right, left).astype(np.int32)


def reduce_lanes(reduction: int, lanes: Lanes, block: int) -> Lanes:
    """Return the sum (32-bit wrap), maximum or minimum of each batch row, in all its lanes.

    Parameters
    ----------
    reduction
        RED's immediate, a :class:`~myvta.isa.opcodes.Reduction`.
    lanes : int32 [steps, batch * block]
    """
    rows = lanes.reshape(len(lanes), -1, block)
    if reduction == Reduction.SUM:
        result = rows.sum(axis=-1, dtype=np.int32, keepdims=True)
    elif reduction == Reduction.MAX:
        result = rows.max(axis=-1, keepdims=True)
    else:
        result = rows.min(axis=-1, keepdims=True)
    return np.broadcast_to(result, rows.shape).reshape(lanes.shape)


def waves(dst: Indices, src: Indices, sources: int) -> list[Wave]:
    """Split steps into groups of independent steps, to be executed one group after the other.

    Parameters
    ----------
    dst, src : intp [steps]
        Every step reads and writes ``dst`` and reads ``src .. src + sources - 1``.
    sources : int

    Returns
    -------
    list of (dst, src)
        In each group the destinations are distinct and no step reads an earlier step's result.
    """
    last = _last_writer(dst, dst)
    repeated = bool((last >= 0).any())
    written = np.zeros(int(max(dst.max(), src.max())) + max(sources, 1), bool)
    written[dst] = True
    if any(written[src + offset].any() for offset in range(sources)):
        for offset in range(sources):
            last = np.maximum(last, _last_writer(dst, src + offset))
        bounds = _runs(last)
        return [(dst[a:b], src[a:b]) for a, b in pairwise(bounds)]
    if not repeated:
        return [(dst, src)]
    order = np.argsort(dst, kind="stable")
    starts = np.flatnonzero(np.r_[True, dst[order][1:] != dst[order][:-1]])
    rank = np.empty(dst.size, np.intp)
    rank[order] = np.arange(dst.size) - np.repeat(starts, np.diff(np.r_[starts, dst.size]))
    by_rank = np.argsort(rank, kind="stable")
    parts = np.split(by_rank, np.cumsum(np.bincount(rank))[:-1])
    return [(dst[part], src[part]) for part in parts]


def _last_writer(dst: Indices, read: Indices) -> Indices:
    """Return, for each step, the last earlier step that writes the tile it reads, or -1."""
    n = dst.size
    step = np.arange(n)
    writes = np.sort(dst.astype(np.int64) * n + step)
    position = np.searchsorted(writes, read.astype(np.int64) * n + step) - 1
    tile, writer = np.divmod(writes[position], n)  # -1: a tile that cannot match
    return np.where((position >= 0) & (tile == read), writer, -1)


def _runs(last: Indices) -> list[int]:
    """Return the bounds of maximal runs in which no step depends on another."""
    bounds = [0]
    for step, writer in enumerate(last.tolist()):
        if writer >= bounds[-1]:
            bounds.append(step)
    return [*bounds, last.size]

"""Programs whose cycles are contracts of the RTL (default shape: 256 MACs, 2048 ACC tiles).

A :class:`Case` is a measured stream of instructions and one that runs before it.  Its cost is a
difference of CYCLES: a launch of ``before + measured + FINISH`` minus one of ``before + FINISH``.
FINISH starts when all engines are idle, so the difference is the time from the cycle in which they
could begin with the measured instructions to the one in which the last of these has completed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from myvta.driver.run.launch import launch, read_performance
from myvta.driver.target.protocol import Target
from myvta.isa.config import Config
from myvta.isa.instructions import (
    Alu,
    Finish,
    Gemm,
    Instruction,
    Load,
    Store,
    Uop,
    encode_stream,
    encode_uop,
)
from myvta.isa.opcodes import AluOpcode, MemoryType, RqtFlag

__all__ = [
    "BASES", "Case", "OFFSETS", "ROUNDS", "ROUND_STEPS", "cases", "measure", "overlapped", "run",
]

BASES = {
    MemoryType.UOP: 0x10_0000, MemoryType.INP: 0x20_0000, MemoryType.WGT: 0x30_0000,
    MemoryType.ACC: 0x40_0000, MemoryType.OUT: 0x50_0000,
}
_STREAM = 0x1000
_STEPS = 4096
_PIPELINE = 22  # cycles from the last micro-op of a command until it is written
OFFSETS = ((0, 1024), (0, 1), (3, 1024), (4, 1023), (7, 7))  # first tiles of two tensors
_IDENTITY = 256  # micro-ops (n, n, n), then the pairs of OFFSETS, then these
_RQT, _FIRST_HALF = (_IDENTITY + len(OFFSETS) + n for n in (0, 1))
_UOPS = (
    *(Uop(dst=n, src=n, wgt=n) for n in range(_IDENTITY)),
    *(Uop(dst=dst, src=src) for dst, src in OFFSETS),
    Uop(dst=64), Uop(), Uop(dst=1024, src=1024, wgt=512),
)
ROUNDS, ROUND_STEPS = 32, 4096  # of the double-buffered program


@dataclass(frozen=True)
class Case:
    """What is measured: ``ideal`` cycles of work, at most ``factor * ideal + extra`` to be used.

    ``latency`` tells whether the latency of memory may come on top, ``uops`` what is in memory.
    """

    name: str
    measured: tuple[Instruction, ...]
    ideal: int
    factor: float = 1.0
    extra: int = 0
    latency: bool = False
    before: tuple[Instruction, ...] = ()
    uops: tuple[Uop, ...] = _UOPS

    def bound(self, latency: int) -> int:
        """Return the most cycles the contract allows at a latency of memory."""
        return int(self.factor * self.ideal) + self.extra + latency * self.latency


def cases(config: Config) -> Iterator[Case]:
    """Yield the contracts of one instruction or two, for the bus width of a configuration."""
    pipeline = _PIPELINE + config.lookup  # tables add a stage
    uops = (Load(memory_type=MemoryType.UOP, x_size=len(_UOPS)),)
    sixteen = {
        "uop_end": 16, "iter_out": 16, "dst_factor_in": 16, "src_factor_in": 16,
        "wgt_factor_out": 16,
    }
    long = Gemm(iter_in=16, **sixteen)
    yield Case("GEMM, 4096 steps", (long,), _STEPS, extra=pipeline, before=uops)
    same = Gemm(uop_end=1, iter_out=64, iter_in=64, src_factor_in=1)
    yield Case("GEMM, 4096 steps, one tile", (same,), _STEPS, extra=pipeline, before=uops)
    unit = {"dst_factor_in": 1, "src_factor_in": 1}
    immediate = Alu(use_imm=1, imm=3, uop_end=1, iter_out=2, iter_in=2048, dst_factor_in=1)
    yield Case("ALU immediate, 4096 steps", (immediate,), _STEPS, extra=pipeline, before=uops)
    for number, (dst, src) in enumerate(OFFSETS):
        at = _IDENTITY + number
        pair = Alu(uop_bgn=at, uop_end=at + 1, iter_out=8, iter_in=512, **unit)
        yield Case(
            f"ALU register, 4096 steps, tiles {dst} and {src}", (pair,), _STEPS, extra=pipeline,
            before=uops,
        )
    rqt = Alu(
        alu_opcode=AluOpcode.RQT, use_imm=1, imm=1 << RqtFlag.BYPASS, uop_bgn=_RQT,
        uop_end=_RQT + 1, iter_out=16, iter_in=256, dst_factor_out=64, dst_factor_in=1,
        src_factor_out=3,
    )
    if config.requantize:
        parameters = (*uops, Load(memory_type=MemoryType.ACC, x_size=48))
        yield Case(
            "RQT, 4096 steps, 16 sets of parameters", (rqt,), _STEPS, extra=16 * 3 + pipeline,
            before=parameters,
        )
        if config.lookup:
            table = replace(rqt, imm=rqt.imm | 1 << RqtFlag.LOOKUP)
            yield Case(
                "RQT with a table, 4096 steps, 16 sets of parameters", (table,), _STEPS,
                extra=16 * 3 + pipeline, before=parameters,
            )
    if config.reduce:
        yield from _reductions(pipeline, uops)
    short = Gemm(uop_end=16, iter_in=4, dst_factor_in=16, src_factor_in=16)
    yield Case("GEMM, 64 of 64 steps", (short,) * 64, _STEPS, extra=64 * 2 + pipeline, before=uops)
    beat = config.bus_bytes
    yield Case(
        "LOAD ACC, 16 tiles behind a GEMM", (Load(memory_type=MemoryType.ACC, x_size=16),),
        16 * 64 // beat, factor=1.03, extra=16, before=(*uops, long),
    )
    yield Case(
        "LOAD WGT, 64 KiB", (Load(memory_type=MemoryType.WGT, x_size=256),), (64 << 10) // beat,
        factor=1.03, latency=True,
    )
    for first in (0, 1, 3, 7):
        rows = Load(
            memory_type=MemoryType.INP, dram_base=first, y_size=56, x_size=4, x_stride=56,
            y_pad_0=1, y_pad_1=1, x_pad_0=1, x_pad_1=1,
        )
        yield Case(
            f"LOAD INP, 56 rows of 4 tiles from tile {first}, padded", (rows,),
            56 * _row_beats(first, config), factor=1.15, latency=True,
        )
    one = Load(memory_type=MemoryType.WGT, x_size=16)
    two = Load(memory_type=MemoryType.WGT, sram_base=16, dram_base=64, x_size=16)
    yield Case(
        "LOAD WGT, 4 KiB after another", (two,), (4 << 10) // beat, factor=1.03, extra=4,
        before=(one,),
    )
    tiles = 2048
    yield Case(
        "STORE, 2048 tiles", (Store(x_size=tiles),), 16 * tiles // beat, factor=1.05
    )
    for first in (0, 3):
        rows_out = Store(dram_base=first, y_size=512, x_size=4, x_stride=56)
        yield Case(
            f"STORE, 512 rows of 4 tiles from tile {first}", (rows_out,),
            512 * _row_beats(first, config), factor=1.25,
        )
    if config.forward:
        yield from _forward_cases(tiles, beat)
    if config.weights4:
        yield Case(
            "LOAD WGT_4BIT, 256 tiles", (Load(memory_type=MemoryType.WGT_4BIT, x_size=256),),
            (32 << 10) // beat, factor=1.03, latency=True,
        )
    fetched = Gemm(uop_end=2)
    yield Case(
        "fetch, 512 GEMMs of 2 steps", (fetched,) * 512, 1024, extra=512 * 2 + 12, before=uops
    )


def _forward_cases(tiles: int, beat: int) -> Iterator[Case]:
    """Yield the contracts of STOREs to INP and WGT: alone, and during LOADs."""
    forward = Store(memory_type=MemoryType.INP, x_size=tiles)
    yield Case(f"forward, {tiles} tiles to INP", (forward,), tiles, factor=1.05)
    yield Case(
        f"forward, {tiles} rows of WGT", (Store(memory_type=MemoryType.WGT, x_size=tiles),), tiles,
        factor=1.05,
    )
    rows = Store(memory_type=MemoryType.INP, x_size=4, y_size=tiles // 8, x_stride=8)
    yield Case("forward, 256 rows of 4 tiles", (rows,), tiles // 2, factor=1.05)
    load = Load(memory_type=MemoryType.INP, x_size=tiles)
    beats = 16 * tiles // beat
    yield Case(
        "forward during a LOAD of INP, 2048 tiles each", (load, forward), beats + tiles,
        factor=1.05, latency=True,
    )
    weights = Load(memory_type=MemoryType.WGT, x_size=tiles // 8)
    yield Case(
        "forward to INP during a LOAD of WGT", (weights, forward),
        max(256 * tiles // 8 // beat, tiles), factor=1.05, latency=True,
    )


def _reductions(pipeline: int, uops: tuple[Load, ...]) -> Iterator[Case]:
    """Yield RED with unit strides, into one tile, and with all tiles in one bank."""
    for dst, src, number in ((1, 1, 0), (0, 1, 0), (2, 2, 4)):
        at = _IDENTITY + number
        red = Alu(
            alu_opcode=AluOpcode.RED, uop_bgn=at, uop_end=at + 1, iter_out=8, iter_in=512,
            dst_factor_in=dst, src_factor_in=src,
        )
        yield Case(
            f"RED, 4096 steps, strides {dst} and {src}", (red,), _STEPS, extra=pipeline,
            before=uops,
        )


def _row_beats(first: int, config: Config) -> int:
    """Return the beats of a row of 4 tiles of 16 bytes (rows are 56 tiles apart: whole beats)."""
    low, high = 16 * first, 16 * (first + 4)
    return -(-high // config.bus_bytes) - low // config.bus_bytes


def overlapped() -> list[Instruction]:
    """Return a program that loads, multiplies and stores at once, two buffers of each kind.

    A round has 4096 steps: 256 tiles of 16 products, from 256 tiles of INP and 32 of WGT.
    """
    out: list[Instruction] = [Load(memory_type=MemoryType.UOP, x_size=len(_UOPS))]
    for turn in range(ROUNDS):
        half, again = turn % 2, int(turn >= 2)
        at = _FIRST_HALF + half
        area = {
            "uop_bgn": at, "uop_end": at + 1, "iter_in": 256, "dst_factor_in": 1,
            "src_factor_in": 1,
        }
        out += [
            Load(memory_type=MemoryType.INP, sram_base=1024 * half, x_size=256, pop_next=again),
            Load(memory_type=MemoryType.WGT, sram_base=512 * half, x_size=32, push_next=1),
            Gemm(**area, overwrite=1, pop_prev=1, pop_next=again),
            Gemm(**area, iter_out=15, wgt_factor_out=1, push_prev=1, push_next=1),
            Store(
                sram_base=1024 * half, x_size=256, dram_base=256 * turn, pop_prev=1, push_prev=1
            ),
        ]
    return out


def run(
    target: Target, instructions: list[Instruction], uops: tuple[Uop, ...] = _UOPS
) -> tuple[int, dict[str, int]]:
    """Launch instructions and FINISH; return cycles, and counters of both kinds by name."""
    config = target.config
    image = np.array([encode_uop(uop, config) for uop in uops], "<u4")
    target.write_memory(BASES[MemoryType.UOP], image.tobytes())
    stream = encode_stream([*instructions, Finish()], config)
    target.write_memory(_STREAM, stream)
    report = launch(target, _STREAM, len(instructions) + 1, bases=BASES)
    return report.cycles, {**report.counters, **read_performance(target)}


def measure(target: Target, case: Case) -> int:
    """Return the cycles of a case."""
    whole, _ = run(target, [*case.before, *case.measured], case.uops)
    return whole - run(target, list(case.before), case.uops)[0]

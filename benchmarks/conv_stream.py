"""A plain tiled convolution as a VTA stream: one buffer each, no double buffering.

Layouts in DRAM, tiles of the configuration: input [cin block][h][w], weights
[cout block][cin block][k][k], parameters [cout block][bias, multiplier, shift], output
[cout block][ho][wo].  One GEMM instruction computes ``rows`` output rows of ``couts`` blocks from
``cins`` blocks: its outer loop walks the output blocks, its inner loop the columns, its micro-ops
the rows, input blocks and taps.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from functools import cached_property

from myvta.isa.config import Config
from myvta.isa.instructions import Alu, Finish, Gemm, Instruction, Load, Store, Uop
from myvta.isa.opcodes import AluOpcode, MemoryType

__all__ = ["Conv", "Tiling", "choose_tiling", "kernel", "stream"]

_INSTRUCTION_COST = 4096  # bytes that could be moved in the time an instruction takes to issue


@dataclass(frozen=True)
class Conv:
    """A convolution layer: sizes in pixels, channels in blocks of the configuration."""

    h: int
    w: int
    cin: int
    cout: int
    k: int
    pad: int
    stride: int

    @property
    def ho(self) -> int:
        return (self.h + 2 * self.pad - self.k) // self.stride + 1

    @property
    def wo(self) -> int:
        return (self.w + 2 * self.pad - self.k) // self.stride + 1

    @property
    def steps(self) -> int:
        """GEMM steps it takes, one tile product each."""
        return self.ho * self.wo * self.cin * self.cout * self.k**2


@dataclass(frozen=True)
class Tiling:
    """How much of a layer is on chip at a time."""

    conv: Conv
    rows: int
    couts: int
    cins: int

    @cached_property
    def width(self) -> int:
        """Columns of an input row, padding included."""
        return (self.conv.wo - 1) * self.conv.stride + self.conv.k

    @cached_property
    def pitch(self) -> int:
        """Input tiles of one block of channels."""
        return ((self.rows - 1) * self.conv.stride + self.conv.k) * self.width

    @cached_property
    def acc(self) -> int:
        """First accumulator tile; the parameters are before it."""
        return 3 * self.couts

    def fits(self, config: Config) -> bool:
        taps = self.conv.k**2
        return (
            self.cins * self.pitch <= config.depth(MemoryType.INP)
            and self.couts * self.cins * taps <= config.depth(MemoryType.WGT) - 1
            and self.acc + self.couts * self.rows * self.conv.wo <= config.depth(MemoryType.ACC) - 1
            and self.rows * self.cins * taps < config.depth(MemoryType.UOP)
        )

    @property
    def cost(self) -> int:
        """Bytes (1x16x16 int8) this tiling loads, and a cost for every instruction."""
        conv = self.conv
        down, across = -(-conv.ho // self.rows), -(-conv.cout // self.couts)
        deep = conv.cin // self.cins
        passes = across if deep > 1 else 1  # over the input
        inputs = 16 * down * passes * conv.cin * self.pitch
        weights = 256 * (down if across * deep > 1 else 1) * conv.cout * conv.cin * conv.k**2
        loads = down * passes * conv.cin + down * across * deep
        return inputs + weights + _INSTRUCTION_COST * (loads + down * across * (deep + 4))


def choose_tiling(conv: Conv, config: Config) -> Tiling:
    """Return the tiling of minimum cost."""

    def divisors(n: int) -> list[int]:
        return [d for d in range(1, n + 1) if n % d == 0]

    every = (
        Tiling(conv, *shape)
        for shape in itertools.product(
            range(1, conv.ho + 1), divisors(conv.cout), divisors(conv.cin)
        )
    )
    return min((t for t in every if t.fits(config)), key=lambda t: t.cost)


def kernel(t: Tiling) -> list[Uop]:
    """Return the micro-ops: the first finds the tile's corner, the rest are the products."""
    conv = t.conv
    return [Uop(dst=t.acc)] + [
        Uop(
            dst=t.acc + y * conv.wo,
            src=ci * t.pitch + (y * conv.stride + dy) * t.width + dx,
            wgt=(ci * conv.k + dy) * conv.k + dx,
        )
        for y in range(t.rows)
        for ci in range(t.cins)
        for dy in range(conv.k)
        for dx in range(conv.k)
    ]


def stream(t: Tiling, rqt_imm: int) -> list[Instruction]:
    """Return the stream of a whole layer; DRAM addresses are relative to the base registers."""
    conv, taps = t.conv, t.conv.k**2
    out: list[Instruction] = [
        Load(memory_type=MemoryType.UOP, x_size=1 + t.rows * t.cins * taps)
    ]
    held: dict[MemoryType, tuple[int, int]] = {}
    free = True  # the load engine may overwrite: nothing has been loaded yet
    last_gemm = None
    stored = False
    for y in range(0, conv.ho, t.rows):
        rows = min(t.rows, conv.ho - y)
        for co in range(0, conv.cout, t.couts):
            area = {
                "uop_end": 1, "iter_out": t.couts, "iter_in": rows * conv.wo,
                "dst_factor_out": rows * conv.wo, "dst_factor_in": 1,
            }
            out.append(
                Load(
                    memory_type=MemoryType.ACC, dram_base=3 * co, x_size=3 * t.couts,
                    pop_next=int(stored),
                )
            )
            out.append(Gemm(reset=1, **area))
            for ci in range(0, conv.cin, t.cins):
                loads = _loads(t, y, co, ci, held)
                if loads:
                    if last_gemm is not None:
                        out[last_gemm] = replace(out[last_gemm], push_prev=1)
                    loads[0] = replace(loads[0], pop_next=int(not free))
                    loads[-1] = replace(loads[-1], push_next=1)
                    free = False
                out += loads
                last_gemm = len(out)
                out.append(
                    Gemm(
                        uop_bgn=1, uop_end=1 + rows * t.cins * taps, iter_out=t.couts,
                        iter_in=conv.wo, dst_factor_out=rows * conv.wo, dst_factor_in=1,
                        src_factor_in=conv.stride, wgt_factor_out=t.cins * taps,
                        pop_prev=int(bool(loads)),
                    )
                )
            out.append(
                Alu(
                    alu_opcode=AluOpcode.RQT, use_imm=1, imm=rqt_imm, src_factor_out=3,
                    push_next=1, **area,
                )
            )
            out.append(
                Store(
                    sram_base=t.acc, dram_base=(co * conv.ho + y) * conv.wo, y_size=t.couts,
                    x_size=rows * conv.wo, x_stride=conv.ho * conv.wo, pop_prev=1, push_prev=1,
                )
            )
            stored = True
    return [*out, Finish(pop_next=1)]


def _loads(
    t: Tiling, y: int, co: int, ci: int, held: dict[MemoryType, tuple[int, int]]
) -> list[Instruction]:
    """Return the loads of tiles that are not on chip yet; ``held`` has those that are."""
    conv, taps = t.conv, t.conv.k**2
    out: list[Instruction] = []
    if held.get(MemoryType.INP) != (y, ci):
        held[MemoryType.INP] = (y, ci)
        top = y * conv.stride - conv.pad
        rows = (min(t.rows, conv.ho - y) - 1) * conv.stride + conv.k
        first, end = max(top, 0), min(top + rows, conv.h)
        columns = min(conv.w, t.width - conv.pad)
        out += [
            Load(
                memory_type=MemoryType.INP, sram_base=block * t.pitch,
                dram_base=((ci + block) * conv.h + first) * conv.w, y_size=end - first,
                x_size=columns, x_stride=conv.w, y_pad_0=first - top, y_pad_1=top + rows - end,
                x_pad_0=conv.pad, x_pad_1=t.width - conv.pad - columns,
            )
            for block in range(t.cins)
        ]
    if held.get(MemoryType.WGT) != (co, ci):
        held[MemoryType.WGT] = (co, ci)
        out.append(
            Load(
                memory_type=MemoryType.WGT, dram_base=(co * conv.cin + ci) * taps, y_size=t.couts,
                x_size=t.cins * taps, x_stride=conv.cin * taps,
            )
        )
    return out

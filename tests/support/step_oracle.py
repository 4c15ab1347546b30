"""Steps executed strictly in order with Python integers, one step and one lane at a time.

Written from vta_isa.md sections 0.1, 4.3 and 4.4 and docs/device.md (DWC); it shares nothing with
the model.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from myvta.isa.opcodes import AluOpcode

__all__ = ["Scratchpads", "Steps", "execute", "pack", "rqt", "shr", "unpack", "wrap"]


@dataclass
class Steps:
    """One GEMM, DWC or ALU instruction in the oracle's terms.

    ``window`` of a DWC, for which ``gemm`` is set too: rows, columns and pitch of the rows.
    """

    gemm: bool = False
    window: tuple[int, int, int] | None = None
    clear: bool = False
    overwrite: bool = False
    opcode: int = AluOpcode.ADD
    use_imm: bool = False
    imm: int = 0
    uop_bgn: int = 0
    uop_end: int = 1
    iter_out: int = 1
    iter_in: int = 1
    dst: tuple[int, int] = (0, 0)
    src: tuple[int, int] = (0, 0)
    wgt: tuple[int, int] = (0, 0)
    push_prev: bool = False
    push_next: bool = False


@dataclass
class Scratchpads:
    """Contents: ``uop`` (dst, src, wgt) triples, tiles as nested lists of Python integers."""

    uop: list
    inp: list  # [index][batch][block_in]
    wgt: list  # [index][block_out][block_in]
    acc: list  # [index][lane]
    lut: list = field(default_factory=list)  # [table][entry]
    trace: list = field(default_factory=list)  # (index, tile) in order of writing


def wrap(value: int) -> int:
    """Two's complement int32."""
    return (value + 2**31) % 2**32 - 2**31


def shr(p: int, q: int) -> int:
    """SHR with saturating amount (rules D2, D3 of docs/device.md)."""
    if q >= 0:
        return p >> min(q, 31)
    return wrap(p << -q) if -q < 32 else 0


def rqt(p: int, bias: int, multiplier: int, n: int, imm: int, out_width: int) -> int:
    """Requantize one lane, straight from vta_isa.md 0.1."""
    zero = (imm & 0xFF) - 256 * (imm >> 7 & 1)
    p = wrap(p + bias)
    q = p if imm >> 10 & 1 else (p * multiplier + 2**30) // 2**31
    if n == 0:
        r = q
    elif imm >> 9 & 1:
        r = (abs(q) + 2 ** (n - 1)) // 2**n * (1 if q >= 0 else -1)
    else:
        r = (q + 2 ** (n - 1)) // 2**n
    low = zero if imm >> 8 & 1 else -(2 ** (out_width - 1))
    return min(max(r + zero, low), 2 ** (out_width - 1) - 1)


def execute(config, pads: Scratchpads, steps: Steps) -> None:
    """Run an instruction on ``pads``, strictly in order."""
    for i in range(steps.iter_out):
        for j in range(steps.iter_in):
            for k in range(steps.uop_bgn, steps.uop_end):
                d, s, w = pads.uop[k]
                d += i * steps.dst[0] + j * steps.dst[1]
                s += i * steps.src[0] + j * steps.src[1]
                w += i * steps.wgt[0] + j * steps.wgt[1]
                pads.acc[d] = _step(config, pads, steps, d, s, w)
                pads.trace.append((d, list(pads.acc[d])))


def _step(config, pads, steps, d, s, w):
    lanes = range(config.lanes)
    if steps.gemm:
        if steps.clear:
            return [0 for _ in lanes]
        out = []
        for lane in lanes:
            b, o = divmod(lane, config.block_out)
            inputs = _window(config, pads, steps.window, s, b, o) if steps.window else (
                pads.inp[s][b])
            dot = sum(x * y for x, y in zip(inputs, pads.wgt[w][o], strict=True))
            out.append(dot if steps.overwrite else wrap(pads.acc[d][lane] + dot))
        return out
    if steps.opcode == AluOpcode.RQT:
        out = [
            rqt(pads.acc[d][n], pads.acc[s][n], pads.acc[s + 1][n], pads.acc[s + 2][n],
                steps.imm & 0xFFFF, config.out_width)
            for n in lanes
        ]
        if steps.imm >> 11 & 1:
            return [pads.lut[steps.imm >> 12 & 3][n & 0xFF] for n in out]
        return out
    if steps.opcode == AluOpcode.RED:
        fold, block = (lambda row: wrap(sum(row)), max, min)[steps.imm], config.block_out
        return [fold(pads.acc[s][n // block * block:][:block]) for n in lanes]
    operation = {
        AluOpcode.MIN: min, AluOpcode.MAX: max, AluOpcode.ADD: lambda p, q: wrap(p + q),
        AluOpcode.SHR: shr, AluOpcode.MUL: lambda p, q: wrap(p * q),
    }[AluOpcode(steps.opcode)]
    return [
        operation(pads.acc[d][n], steps.imm if steps.use_imm else pads.acc[s][n]) for n in lanes
    ]


def _window(config, pads, window, s, b, o):
    """Return what lane ``o`` multiplies with its row of weights: taps of each lane it shares with.
    """
    rows, columns, pitch = window
    sharing, out = config.block_in // config.taps, []
    for lane in range(o - o % sharing, o - o % sharing + sharing):
        for r in range(config.window[0]):
            out += [
                pads.inp[s + r * pitch + c][b][lane] if r < rows and c < columns else 0
                for c in range(config.window[1])
            ]
    return out


def pack(values, width):
    """Pack integers into a word, the first in the low bits."""
    out = 0
    for at, value in enumerate(values):
        out |= (value & ((1 << width) - 1)) << (at * width)
    return out


def unpack(bits, width, count):
    """Unpack signed integers from a word."""
    out = []
    for at in range(count):
        value = bits >> (at * width) & ((1 << width) - 1)
        out.append(value - (1 << width) if value >> (width - 1) else value)
    return out

"""Bench for the step pipeline: scratchpads as Python lists, a sequential oracle, a write trace.

The oracle is written from vta_isa.md sections 0.1, 4.3 and 4.4 with Python integers, one step and
one lane at a time; it shares nothing with the model.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

from myhdl import ResetSignal, Simulation, StopSimulation, always, delay, instance

from myvta.isa.fields import uop_layout
from myvta.isa.opcodes import AluOpcode, MemoryType
from myvta.rtl.compute.accumulator import AccumulatorRead, AccumulatorWrite, accumulator
from myvta.rtl.compute.accumulator_fill import TileFill
from myvta.rtl.compute.sequencer import StepCommand
from myvta.rtl.compute.step_pipeline import step_pipeline
from myvta.rtl.host.status import StepEvents
from myvta.rtl.lib.bundles import Completion, Fault, OperandRead, bit

__all__ = [
    "Run", "Scratchpads", "Steps", "check_alu", "check_sequential", "execute", "pack", "rqt",
    "run_rtl", "shr", "unpack", "wrap",
]


@dataclass
class Steps:
    """One GEMM or ALU instruction in the oracle's terms."""

    gemm: bool = False
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
            dot = sum(x * y for x, y in zip(pads.inp[s][b], pads.wgt[w][o], strict=True))
            out.append(dot if steps.overwrite else wrap(pads.acc[d][lane] + dot))
        return out
    if steps.opcode == AluOpcode.RQT:
        return [
            rqt(pads.acc[d][n], pads.acc[s][n], pads.acc[s + 1][n], pads.acc[s + 2][n],
                steps.imm & 0xFFFF, config.out_width)
            for n in lanes
        ]
    operation = {
        AluOpcode.MIN: min, AluOpcode.MAX: max, AluOpcode.ADD: lambda p, q: wrap(p + q),
        AluOpcode.SHR: shr, AluOpcode.MUL: lambda p, q: wrap(p * q),
    }[AluOpcode(steps.opcode)]
    return [
        operation(pads.acc[d][n], steps.imm if steps.use_imm else pads.acc[s][n]) for n in lanes
    ]


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


@dataclass
class Run:
    """What the RTL did."""

    trace: list
    cycles: int  # from the first cycle with a command offered to the last write
    completions: list  # (cycle, push_prev, push_next)
    fault: tuple | None


def run_rtl(config, pads: Scratchpads, program: list[Steps], idle_after: int = 40) -> Run:
    """Run a program on the step pipeline and the accumulator (MyHDL's own simulator)."""
    clock, reset = bit(), ResetSignal(1, active=1, isasync=False)
    command = StepCommand(config)
    uop = OperandRead(config.log_uop_depth, 32)
    inp = OperandRead(config.log_inp_depth, 8 * config.tile_bytes(MemoryType.INP))
    wgt = OperandRead(config.log_wgt_depth, 8 * config.tile_bytes(MemoryType.WGT))
    out = OperandRead(config.log_acc_depth, 8 * config.tile_bytes(MemoryType.OUT))
    even, odd, fill = AccumulatorRead(config), AccumulatorRead(config), TileFill(config)
    result, done, busy = AccumulatorWrite(config), Completion(), bit()
    fault = Fault()
    fields = uop_layout(config)
    images = (
        (uop, [fields.pack({"dst": d, "src": s, "wgt": w}) for d, s, w in pads.uop]),
        (inp, [pack([v for row in tile for v in row], config.inp_width) for tile in pads.inp]),
        (wgt, [pack([v for row in tile for v in row], config.wgt_width) for tile in pads.wgt]),
    )
    device = step_pipeline(
        clock, reset, command=command, uop=uop, inp=inp, wgt=wgt, even=even, odd=odd,
        result=result, completed=done, busy=busy, events=StepEvents(), fault=fault, config=config,
    )
    memory = accumulator(
        clock, reset, even=even, odd=odd, result=result, fill=fill, out=out, config=config,
    )
    outcome = Run([], 0, [], None)
    clocked = {"now": 0, "start": None}

    @always(delay(1))
    def tick():
        clock.next = not clock

    def serve(port, image):
        @always(clock.posedge)
        def answer():
            if port.enable:
                at = int(port.address)
                port.data.next = image[at] if at < len(image) else 0

        return answer

    @always(clock.posedge)
    def watch():
        clocked["now"] += 1
        if result.valid:
            outcome.trace.append(
                (int(result.index), unpack(int(result.tile), 32, config.lanes))
            )
            outcome.cycles = clocked["now"] - clocked["start"] + 1
        if done.valid:
            outcome.completions.append(
                (clocked["now"], bool(done.push_prev), bool(done.push_next))
            )

    @instance
    def drive():
        reset.next = 1
        yield clock.negedge
        for at, tile in enumerate(pads.acc):
            fill.columns.next = fill.columns.max - 1
            fill.index.next = at
            fill.data.next = pack(tile, 32)
            yield clock.negedge
        fill.columns.next = 0
        reset.next = 0
        yield clock.negedge
        clocked["start"] = clocked["now"] + 1
        for steps in program:
            _offer(command, config, steps)
            waited = 0
            while not command.ready:
                yield clock.negedge
                if fault.raised:
                    break
                waited += 1
                assert waited < 1_000_000
            yield clock.negedge
            command.valid.next = False
            if fault.raised:
                break
        for _ in range(idle_after):
            yield clock.negedge
        while busy and not fault.raised:
            yield clock.negedge
        if fault.raised:
            outcome.fault = (int(fault.code), int(fault.index))
        raise StopSimulation

    Simulation(
        device, memory, tick, [serve(port, image) for port, image in images], watch, drive
    ).run(quiet=1)
    return outcome


def check_sequential(config, pads: Scratchpads, program: list[Steps]) -> Run:
    """Compare every write of the RTL, in order, with the oracle's."""
    expected = copy.deepcopy(pads)
    for steps in program:
        execute(config, expected, steps)
    run = run_rtl(config, pads, program)
    assert run.fault is None
    assert run.trace == expected.trace
    return run


def check_alu(config, acc, uops, *program: Steps) -> Run:
    """Compare ALU instructions on accumulator tiles with the oracle."""
    inp, wgt = [[[0] * config.block_in]], [[[0] * config.block_in] * config.block_out]
    pads = Scratchpads(list(uops), inp, wgt, [list(tile) for tile in acc])
    return check_sequential(config, pads, list(program))


def _offer(command, config, steps: Steps) -> None:
    command.valid.next = True
    command.stepping.next = (
        steps.iter_out > 0 and steps.iter_in > 0 and steps.uop_bgn < steps.uop_end
    )
    for name in (
        "gemm", "clear", "overwrite", "use_imm", "push_prev", "push_next",
    ):
        getattr(command, name).next = bool(getattr(steps, name))
    for name in ("opcode", "uop_bgn", "uop_end", "iter_out", "iter_in"):
        getattr(command, name).next = int(getattr(steps, name))
    command.imm.next = steps.imm & 0xFFFF
    for name in ("dst", "src", "wgt"):
        outer, inner = getattr(steps, name)
        getattr(command, f"{name}_factor_out").next = outer
        getattr(command, f"{name}_factor_in").next = inner

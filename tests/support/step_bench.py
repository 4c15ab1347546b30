"""Bench for the step pipeline: scratchpads as Python lists, a write trace, :mod:`step_oracle`."""

from __future__ import annotations

import copy
from dataclasses import dataclass

from myhdl import ResetSignal, Simulation, StopSimulation, always, delay, instance
from step_oracle import Scratchpads, Steps, execute, pack, rqt, shr, unpack, wrap

from myvta.isa.fields import uop_layout
from myvta.isa.opcodes import LUT_ENTRIES, MemoryType
from myvta.rtl.compute.accumulator import AccumulatorRead, AccumulatorWrite, accumulator
from myvta.rtl.compute.accumulator_fill import TileFill
from myvta.rtl.compute.lookup import TableWrite
from myvta.rtl.compute.sequencer import StepCommand
from myvta.rtl.compute.step_pipeline import step_pipeline
from myvta.rtl.host.status import StepEvents
from myvta.rtl.lib.bundles import Completion, Fault, OperandRead, bit
from myvta.rtl.load.scratchpad_window import WindowRead

__all__ = [
    "Run", "Scratchpads", "Steps", "check_alu", "check_sequential", "execute", "pack", "rqt",
    "run_rtl", "shr", "unpack", "wrap",
]


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
    inp_image = [pack([v for row in tile for v in row], config.inp_width) for tile in pads.inp]
    inp: OperandRead | WindowRead
    if config.depthwise:
        inp = WindowRead(config)
        inputs = [(bank, inp_image[number::4]) for number, bank in enumerate(inp.banks)]
    else:
        inp = OperandRead(config.log_inp_depth, 8 * config.tile_bytes(MemoryType.INP))
        inputs = [(inp, inp_image)]
    wgt = OperandRead(config.log_wgt_depth, 8 * config.tile_bytes(MemoryType.WGT))
    out = OperandRead(config.log_acc_depth, 8 * config.tile_bytes(MemoryType.OUT))
    even, odd, fill = AccumulatorRead(config), AccumulatorRead(config), TileFill(config)
    result, tables, done, busy = AccumulatorWrite(config), TableWrite(), Completion(), bit()
    fault = Fault()
    fields = uop_layout(config)
    images = (
        (uop, [fields.pack({"dst": d, "src": s, "wgt": w}) for d, s, w in pads.uop]),
        *inputs,
        (wgt, [pack([v for row in tile for v in row], config.wgt_width) for tile in pads.wgt]),
    )
    device = step_pipeline(
        clock, reset, command=command, uop=uop, inp=inp, wgt=wgt, even=even, odd=odd,
        tables=tables, result=result, completed=done, busy=busy, events=StepEvents(config),
        fault=fault, config=config,
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
        for number, table in enumerate(pads.lut):
            for at, entry in enumerate(table):
                tables.valid.next = True
                tables.address.next = LUT_ENTRIES * number + at
                tables.entry.next = entry & 0xFFFF
                yield clock.negedge
        tables.valid.next = False
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


def check_alu(config, acc, uops, *program: Steps, lut=()) -> Run:
    """Compare ALU instructions on accumulator tiles and tables with the oracle."""
    inp, wgt = [[[0] * config.block_in]], [[[0] * config.block_in] * config.block_out]
    pads = Scratchpads(list(uops), inp, wgt, [list(tile) for tile in acc], list(lut))
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
    if config.depthwise:
        rows, columns, pitch = steps.window or (1, 2, 3)
        command.depthwise.next = steps.window is not None
        command.window.next = config.window_code(rows, columns)
        command.row_pitch.next = pitch
    for name in ("dst", "src", "wgt"):
        outer, inner = (0, 0) if name == "wgt" and steps.window else getattr(steps, name)
        getattr(command, f"{name}_factor_out").next = outer
        getattr(command, f"{name}_factor_in").next = inner

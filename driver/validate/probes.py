"""Short experiments on an open target; each returns its result as text or raises ProbeError."""

from __future__ import annotations

import time

import numpy as np

from ...isa.opcodes import AluOpcode, MemoryType
from ...isa.register_map import BASE_REGISTERS, Reg, Status
from ..run.runtime import Runtime
from ..target.protocol import Target
from .probe_memory import LONG_ENOUGH, ProbeError, saved

__all__ = ["clock", "compute", "idle", "registers"]

_ROOM = 0x8000  # for operands, result and instructions of a small product
_RW = (Reg.INSN_COUNT, Reg.INSN_BASE, *sorted(set(BASE_REGISTERS.values())), Reg.WATCHDOG)


def idle(target: Target) -> str:
    """Check that no launch is running, or end it."""
    if not target.read_register(Reg.CONTROL) & Status.LAUNCH:
        return "no launch is running"
    target.write_register(Reg.RESET, 1)
    started = time.monotonic()
    while target.read_register(Reg.CONTROL) & Status.LAUNCH:
        if time.monotonic() - started > 1:
            raise ProbeError(
                "a launch is running and does not follow RESET",
                "load the bitstream again, or pull the reset wire",
            )
    return "a launch was running; it was ended"


def registers(target: Target) -> str:
    """Write walking ones, and another value to each register, and read them back."""
    try:
        for bit in range(32):
            for value in (1 << bit, ~(1 << bit) & 0xFFFF_FFFF):
                target.write_register(Reg.INSN_COUNT, value)
                actual = target.read_register(Reg.INSN_COUNT)
                if actual != value:
                    raise ProbeError(
                        f"INSN_COUNT was written {value:#010x} and reads {actual:#010x}",
                        "the register bus loses bits: check its width and timing in the design",
                    )
        values = {name: 0x1000_0000 + 0x0101_0101 * n for n, name in enumerate(_RW)}
        for name, value in values.items():
            target.write_register(name, value)
        for name, value in values.items():
            actual = target.read_register(name)
            if actual != value:
                twin = next((other.name for other, kept in values.items() if kept == actual), "")
                raise ProbeError(
                    f"{name.name} was written {value:#010x} and reads {actual:#010x}"
                    + (f", what {twin} was written" if twin else ""),
                    "the register bus confuses addresses: check its address width in the design",
                )
    finally:
        for name in _RW:
            target.write_register(name, 0)
    return f"{len(_RW)} registers keep written values"


def compute(target: Target) -> str:
    """Run a small product with requantization and compare it with numpy."""
    config, random = target.config, np.random.default_rng(3)
    block, rows = config.block_in, config.batch
    if target.window[1] < _ROOM:
        return f"skipped: it takes a window of {_ROOM} bytes"
    x = random.integers(-8, 8, (rows, 3 * block))
    w = random.integers(-8, 8, (block, 3 * block))

    def work() -> str:
        run = Runtime(target, serial=True)
        inputs, weights = run.put(x, MemoryType.INP), run.put(w, MemoryType.WGT)
        out = run.room((rows, block), MemoryType.OUT)
        run.load(MemoryType.INP, 0, inputs, 3)
        run.load(MemoryType.WGT, 0, weights, 3)
        run.gemm([(0, 0, 0)], reset=True)
        run.gemm([(0, 0, 0)], iter_in=3, src_factor=(0, 1), wgt_factor=(0, 1))
        run.alu([(0, 0)], AluOpcode.SHR, imm=6)
        high = (1 << (config.out_width - 1)) - 1
        run.alu([(0, 0)], AluOpcode.MIN, imm=high)
        run.alu([(0, 0)], AluOpcode.MAX, imm=-high - 1)
        run.store(0, out, 1)
        report = run.sync(timeout=10)
        expected = np.clip((x @ w.T) >> 6, -high - 1, high)
        if not np.array_equal(run.get(out, expected.shape), expected):
            raise ProbeError(
                "a product of small matrices is wrong, though memory is right",
                "the design is broken or does not meet its timing: run `myvta validate`",
            )
        return f"a product of {rows}x{3 * block} by {3 * block}x{block}" + (
            f" in {report.cycles} cycles" if report.cycles else ""
        )

    return saved(target, [(target.window[0], _ROOM)], work)


def clock(target: Target) -> str:
    """Estimate the device's clock: cycles counted against the host's time."""
    if target.window[1] < _ROOM:
        return f"skipped: it takes a window of {_ROOM} bytes"
    run = Runtime(target, serial=True)
    seen: list[tuple[int, float]] = []
    outer = 1

    def work() -> str:
        nonlocal outer
        while True:
            run.gemm([(0, 0, 0)], reset=True, iter_out=outer, iter_in=1000)
            report = run.sync(timeout=10)
            if not report.cycles:
                return "it counts no cycles"
            seen.append((report.cycles, report.seconds))
            if report.seconds > LONG_ENOUGH or outer * 8 > 16000:
                break
            outer *= 8
        (cycles, seconds), (before, earlier) = seen[-1], seen[0] if len(seen) > 1 else (0, 0.0)
        rate = (cycles - before) / max(seconds - earlier, 1e-9)
        text = f"about {rate / 1e6:.3g} MHz ({cycles} cycles in {seconds * 1e3:.3g} ms)"
        known = float(getattr(target, "clock_hz", 0) or 0)
        if known and not 0.8 < rate / known < 1.25:
            raise ProbeError(
                f"{text}, but {known / 1e6:.4g} MHz is what the target was opened with",
                "correct the clock in the URL: timeouts and the watchdog are derived from it",
            )
        return text

    return saved(target, [(target.window[0], _ROOM)], work)

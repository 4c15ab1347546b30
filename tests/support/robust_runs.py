"""Many short launches under Verilator, wrecked in every way, and one after each that must be exact.

A :class:`Rig` is a small device with memory of some behaviour.  A launch costs about a millisecond,
so nothing here goes through the driver: registers are written by hand.
"""

import os
from dataclasses import dataclass
from random import Random

import numpy as np
from device_programs import (
    ACC,
    ACC_8BIT,
    BASE,
    INP,
    LUT,
    POINTERS,
    SIZE,
    UOP,
    WGT,
    WGT_4BIT,
    Program,
    random_tiles,
)
from device_run import open_model, run_on
from extended import extended

from myvta.cosim.rules import Counter
from myvta.cosim.verilator import open_verilator
from myvta.driver import OpenRequest
from myvta.isa.config import named
from myvta.isa.instructions import Alu, Dwc, Finish, Gemm, Store, Uop, decode
from myvta.isa.opcodes import AluOpcode, ErrorCode, MemoryType, Reduction, RqtFlag
from myvta.isa.register_map import BASE_REGISTERS, Reg, Status

CONFIG = named("1x4x4")
EXTENDED = extended("1x4x4+all")
MEMORIES = [
    {}, {"latency": 37}, {"stall": 40, "seed": 5}, {"shy": 1}, {"bandwidth": 35, "latency": 9},
    {"bus": 128, "stall": 20}, {"shy": 1, "stall": 60, "latency": 64, "seed": 8},
]
"""Behaviours of the memory that the runs go through in turn."""
CHANNELS = ("ar", "r", "aw", "w", "b")
BATCH = 500  # runs on one rig before the next
_POLLS = 200


def soak_count(name, default):
    """Return how many runs a soak does: an environment variable, else the issue's number."""
    return int(os.environ.get(f"MYVTA_SOAK_{name}", default))


@dataclass(frozen=True)
class Job:
    """A launch ready to be written to a device, and the model's outcome of it."""

    image: np.ndarray
    address: int
    count: int
    bases: dict
    expected: object = None

    @classmethod
    def of(cls, program, *, expect=True):
        """Take a :class:`Program`; run it on the model unless it is not to be compared."""
        image, address, count, bases = program.launchable()
        expected = run_on(open_model(program.config), program) if expect else None
        return cls(np.frombuffer(image, np.uint8), address, count, bases, expected)

    def words(self):
        """Return the stream as 128-bit integers."""
        start = self.address - BASE
        data = self.image[start : start + 16 * self.count].tobytes()
        return [int.from_bytes(data[at : at + 16], "little") for at in range(0, len(data), 16)]

    def with_words(self, words):
        """Return the job with another stream in the same place."""
        image = self.image.copy()
        start = self.address - BASE
        data = b"".join(word.to_bytes(16, "little") for word in words)
        image[start : start + len(data)] = np.frombuffer(data, np.uint8)
        return Job(image, self.address, len(words), self.bases)


def small_job(seed, *, raw=False, config=CONFIG):
    """Return a program that uses every engine; ``raw``: without tokens, everything at once.

    With the extensions it also forwards to INP and WGT among loads and stores, and reads windows,
    4-bit weights and tables.
    """
    rng, dice = np.random.default_rng(seed), Random(seed)
    program = Program(config, raw=raw)
    tiles = dice.randrange(8, 60)
    program.load(INP, random_tiles(rng, config, INP, tiles))
    program.load(WGT, random_tiles(rng, config, WGT, 6), x_pad_1=2, y_pad_0=1)
    program.load(ACC, random_tiles(rng, config, ACC, tiles))
    if config.weights4:
        program.load(WGT_4BIT, random_tiles(rng, config, WGT_4BIT, 5), 2, x_pad_0=1)
    if config.lookup:
        program.load(LUT, random_tiles(rng, config, LUT, 1), dice.randrange(4))
    if config.forward:
        program.add(
            Store(memory_type=INP, x_size=tiles, dram_base=8),
            Store(memory_type=WGT, x_size=3, y_size=2, x_stride=7, dram_base=3))
    program.uops(*(Uop(dst=dice.randrange(8), src=dice.randrange(8), wgt=dice.randrange(6))
                   for _ in range(4)))
    walk = dict(iter_in=tiles - 8, dst_factor_in=1, src_factor_in=1, uop_end=4)
    program.add(Gemm(iter_out=2, wgt_factor_out=1, **walk))
    program.store(0, tiles)
    program.add(Alu(alu_opcode=AluOpcode.SHR, use_imm=1, imm=3, **walk),
                Alu(alu_opcode=dice.choice([AluOpcode.MAX, AluOpcode.ADD, AluOpcode.MUL]), **walk))
    if config.depthwise:
        program.add(Dwc(window=dice.randrange(config.taps), row_pitch=dice.randrange(6), **walk))
    if config.reduce:
        program.add(Alu(alu_opcode=AluOpcode.RED, imm=dice.choice(list(Reduction)), **walk))
    if config.lookup:
        program.load(ACC, rng.integers(0, 32, (tiles, config.lanes)), 100)
        first = program.uops(Uop(src=100))
        program.add(Alu(alu_opcode=AluOpcode.RQT, use_imm=1, imm=1 << RqtFlag.LOOKUP,
                        **walk | {"uop_bgn": first, "uop_end": first + 1}))
    program.load(ACC_8BIT, random_tiles(rng, config, ACC_8BIT, 5), 20)
    program.store(3, tiles - 5)
    if config.forward:
        program.add(Store(memory_type=INP, x_size=tiles, sram_base=1, dram_base=90))
    program.load(INP, random_tiles(rng, config, INP, 40), 100)
    program.store(0, 2 * (tiles // 2), y_pad_0=0)
    if raw:
        program.add(Finish())
    return program


class Rig:
    """A device, its memory, and a program that must always come out right."""

    def __init__(self, config=CONFIG, **memory):
        options = {name: str(value) for name, value in {"max_cycles": 400_000, **memory}.items()}
        self.target = open_verilator(OpenRequest("", config, (BASE, SIZE), options))
        self.target.guard(BASE, SIZE)
        self.golden = Job.of(small_job(1, config=config))

    def close(self):
        self.target.close()

    def start(self, job, watchdog=0):
        """Write memory and registers, launch."""
        target = self.target
        target.memory[:] = job.image
        target.write_register(Reg.INSN_BASE, job.address)
        target.write_register(Reg.INSN_COUNT, job.count)
        for kind, pointer in job.bases.items():
            target.write_register(BASE_REGISTERS[kind], pointer)
        target.write_register(Reg.WATCHDOG, watchdog)
        target.write_register(Reg.CONTROL, Status.LAUNCH)

    def wait(self):
        """Return CONTROL when the launch has ended; the simulator bounds the wait."""
        for _ in range(_POLLS):
            status = self.target.read_register(Reg.CONTROL)
            if not status & Status.LAUNCH:
                return Status(status)
        raise AssertionError(f"no end after {_POLLS} looks")

    def drained(self):
        """Wait until memory has no outstanding request: until then it may still write."""
        for _ in range(_POLLS):
            if not self.target.read_register(Reg.CONTROL) & Status.DRAINING:
                return
            self.target.run(100)
        raise AssertionError(f"still draining after {_POLLS} looks")

    def error(self):
        """Return code, index and address."""
        read = self.target.read_register
        code = ErrorCode(read(Reg.ERROR_CODE))
        return code, read(Reg.ERROR_INDEX), read(Reg.ERROR_ADDRESS)

    def cycles(self, job):
        """Return the cycles of an undisturbed job."""
        self.start(job)
        self.wait()
        return self.target.read_register(Reg.CYCLES)

    def differs(self, expected):
        """Say how memory and counters differ from an outcome of the model."""
        for name, value in expected.counters.items():
            if (found := self.target.read_register(Reg[name])) != value:
                return f"{name} is {found}, not {value}"
        where = np.flatnonzero(self.target.memory != np.frombuffer(expected.memory, np.uint8))
        return f"{where.size} bytes differ from {BASE + where[0]:#x} on" if where.size else ""

    def check_golden(self, when):
        """The next program runs exactly; nothing has ever left the memory."""
        self.start(self.golden)
        status = self.wait()
        assert status == Status.FINISH, f"{when}: then {status!r} {self.error()}"
        assert self.error() == (0, 0, 0), when
        assert not (text := self.differs(self.golden.expected)), f"{when}: then {text}"
        assert self.target.counters()[Counter.OUTSIDE] == 0, when


def rounds(count, memories=MEMORIES, config=CONFIG):
    """Yield (rig, number of the run); a rig for each stretch of runs, closed after it."""
    stretch = min(BATCH, -(-count // len(memories)))
    for first in range(0, count, stretch):
        rig = Rig(config, **memories[first // stretch % len(memories)])
        try:
            for number in range(first, min(first + stretch, count)):
                yield rig, number
        finally:
            rig.close()


def bytes_of(job, index):
    """Return the (first, last) byte spans that an instruction of a job moves."""
    item = decode(job.words()[index], EXTENDED)
    kind = MemoryType(item.memory_type)
    size, base = EXTENDED.tile_bytes(kind), job.bases[POINTERS[kind]]
    rows = range(item.y_size)
    starts = [base + size * (item.dram_base + row * item.x_stride) for row in rows]
    return [(start, start + size * item.x_size - 1) for start in starts]


__all__ = [
    "CHANNELS", "CONFIG", "EXTENDED", "Job", "MEMORIES", "Rig", "UOP", "bytes_of", "rounds",
    "small_job", "soak_count",
]

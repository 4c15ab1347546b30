"""compute: loads and steps end as in program order; its events, tokens and faults come outside."""

from collections import Counter, deque
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from dma_bench import ReadMemory
from myhdl import Signal, modbv
from rtl_bench import clock_and_reset, simulate
from scalar_reference import ScalarDevice
from step_bench import pack, unpack

from myvta.isa.config import NAMED
from myvta.isa.fields import uop_layout
from myvta.isa.instructions import Alu, Finish, Gemm, Load, encode
from myvta.isa.opcodes import AluOpcode, ErrorCode, MemoryType
from myvta.rtl.compute.compute import compute
from myvta.rtl.host.status import ModuleStatus, StepEvents
from myvta.rtl.lib.bundles import ENTRY_BITS, OperandRead, PortError, ReadClient, Stream, bit
from myvta.rtl.lib.token_queue import DependencyTokens

CONFIG = NAMED["1x4x4"]
BASES = {MemoryType.UOP: 0x400, MemoryType.ACC: 0x1000, MemoryType.ACC_8BIT: 0x1000}
TILES = 12  # of each scratchpad that programs use
MICRO_OPS = 16


class Bench:
    """Compute between its queue, tokens, a memory, INP and WGT; ``device`` is the oracle."""

    def __init__(self, *, seed=0, latency=3, rate=1.0, errors=()):
        self.random = Random(seed)
        memory = bytearray(self.random.randbytes(0x2000))
        # micro-ops with small indices
        for at in range(MICRO_OPS):
            fields = {name: self.random.randrange(TILES // 2) for name in ("dst", "src", "wgt")}
            start = BASES[MemoryType.UOP] + 4 * at
            memory[start:start + 4] = uop_layout(CONFIG).pack(fields).to_bytes(4, "little")
        self.device = ScalarDevice(CONFIG, memory)
        widths = (self.device.inp, CONFIG.inp_width), (self.device.wgt, CONFIG.wgt_width)
        for tiles, width in widths:
            for tile in tiles:
                tile[:] = unpack(self.random.getrandbits(width * len(tile)), width, len(tile))
        self.clock, self.reset = clock_and_reset()
        self.sink, self.tokens, read = Stream(ENTRY_BITS), DependencyTokens(), ReadClient(CONFIG)
        self.port = ReadMemory(
            read, np.frombuffer(bytes(memory), np.uint8), CONFIG, self.random, latency=latency,
            rate=rate, errors=errors,
        )
        self.inp, self.wgt, self.out = (
            OperandRead(CONFIG.log_depth(kind), 8 * CONFIG.tile_bytes(kind))
            for kind in (MemoryType.INP, MemoryType.WGT, MemoryType.OUT)
        )
        self.others_idle, self.finish = bit(), bit()
        self.status, self.events = ModuleStatus(), StepEvents(CONFIG)
        bases = [Signal(modbv(BASES[kind])[32:]) for kind in (MemoryType.UOP, MemoryType.ACC)]
        self.dut = compute(
            self.clock, self.reset, self.sink, self.tokens, *bases, read=read, inp=self.inp,
            wgt=self.wgt, out=self.out, others_idle=self.others_idle, status=self.status,
            events=self.events, finish=self.finish, config=CONFIG,
        )
        self.seen, self.outputs = Counter(), []

    def run(self, program, *, limit=1000):
        """Run a program up to its FINISH or a fault; then read the first tiles of OUT."""
        queue, reading = deque(enumerate(program)), iter(range(TILES))
        ended, shown = [], deque([None, None])

        def on_edge(cycle):
            for signal in self.always_on():
                signal.next = True
            self.port.edge(cycle)
            self.serve(self.inp, self.device.inp, CONFIG.inp_width)
            self.serve(self.wgt, self.device.wgt, CONFIG.wgt_width)
            self.count()
            if self.sink.valid and self.sink.ready:
                queue.popleft()
            self.sink.valid.next = bool(queue)
            if queue:
                self.sink.data.next = queue[0][0] << 128 | encode(queue[0][1], CONFIG)
            if self.status.fault.raised:
                self.seen["fault"] = int(self.status.fault.code), int(self.status.fault.index)
                return True
            ended.extend([cycle] if self.finish else [])
            return ended and self.read_out(reading, shown)

        simulate([self.dut], self.clock, self.reset, on_edge, limit=limit)

    def always_on(self):
        """Return the answers of the other modules: tokens and room are available, all is idle."""
        tokens = self.tokens
        return (
            tokens.l2g.available, tokens.s2g.available, tokens.g2l.room, tokens.g2s.room,
            self.others_idle,
        )

    def serve(self, port, tiles, width):
        if port.enable:
            port.data.next = pack(tiles[int(port.address)], width)

    def count(self):
        """Count the pulses of a cycle."""
        pulses = {**vars(self.events), "finish": self.finish, "completed": self.status.completed}
        pulses |= {"l2g": self.tokens.l2g.pop, "s2g": self.tokens.s2g.pop}
        pulses |= {"g2l": self.tokens.g2l.push, "g2s": self.tokens.g2s.push}
        pulses |= {"starved": self.status.starved}
        self.seen.update(name for name, signal in pulses.items() if signal)

    def read_out(self, reading, shown):
        """Read one tile per cycle; its data arrives two cycles after its address is driven."""
        if shown.popleft() is not None:
            self.outputs.append(unpack(int(self.out.data), CONFIG.out_width, CONFIG.lanes))
        address = next(reading, None)
        self.out.enable.next = address is not None
        self.out.address.next = address or 0
        shown.append(address)
        return len(self.outputs) == TILES

    def expected(self, program):
        """Run the oracle; return the tiles of OUT."""
        for instruction in program:
            if isinstance(instruction, Load):
                kind = MemoryType(instruction.memory_type)
                first = BASES[kind] // CONFIG.tile_bytes(kind)
                instruction = replace(instruction, dram_base=instruction.dram_base + first)
            self.device.run([instruction])
        mask = (1 << CONFIG.out_width) - 1
        return [
            unpack(pack([value & mask for value in tile], CONFIG.out_width), CONFIG.out_width,
                   CONFIG.lanes)
            for tile in self.device.acc[:TILES]
        ]


SETUP = [
    Load(memory_type=MemoryType.UOP, x_size=MICRO_OPS),
    Load(memory_type=MemoryType.ACC, x_size=TILES),
]


def random_program(random, count):
    """Return instructions that use each other's tiles, with tokens of every queue."""
    program = list(SETUP)
    for _ in range(count):
        flags = {
            flag: random.random() < 0.3
            for flag in ("pop_prev", "pop_next", "push_prev", "push_next")
        }
        first = random.randrange(MICRO_OPS - 3)
        steps = {
            **flags, "uop_bgn": first, "uop_end": first + random.randrange(1, 4),
            "iter_out": random.randrange(1, 3), "iter_in": random.randrange(1, 4),
            "dst_factor_in": random.randrange(2), "src_factor_out": random.randrange(2),
        }
        program.append(random.choice([
            Gemm(**steps, reset=random.random() < 0.2, wgt_factor_in=1),
            Alu(**steps, alu_opcode=random.choice([*AluOpcode][:5]),
                use_imm=random.random() < 0.5, imm=random.randrange(-9, 9)),
            Load(**flags, memory_type=random.choice([MemoryType.ACC, MemoryType.ACC_8BIT]),
                 sram_base=random.randrange(6), dram_base=random.randrange(9), y_size=2,
                 x_size=2, x_stride=3, x_pad_0=random.randrange(2)),
            Load(**flags, memory_type=MemoryType.UOP, sram_base=first, x_size=2),
        ]))
    return [*program, Finish()]


def count_steps(program, kind, **fields):
    """Return the steps of all instructions of a kind with these fields."""
    return sum(
        (one.uop_end - one.uop_bgn) * one.iter_out * one.iter_in
        for one in program
        if isinstance(one, kind) and all(getattr(one, n) == value for n, value in fields.items())
    )


@pytest.mark.parametrize("latency, rate", [(1, 1.0), (40, 0.6)])
def test_programs_equal_sequential_execution(latency, rate):
    random = Random(4)
    bench = Bench(seed=latency, latency=latency, rate=rate)
    program = random_program(random, 14)
    bench.run(program)
    assert bench.outputs == bench.expected(program)
    gemms, alus = count_steps(program, Gemm, reset=False), count_steps(program, Alu)
    clears = count_steps(program, Gemm, reset=True)
    flags = {"l2g": "pop_prev", "s2g": "pop_next", "g2l": "push_prev", "g2s": "push_next"}
    expected = {name: sum(getattr(one, flag) for one in program) for name, flag in flags.items()}
    expected |= {"gemm_step": gemms, "alu_step": alus, "acc_write": gemms + alus + clears}
    expected |= {"finish": 1, "completed": len(program)}
    assert {name: bench.seen[name] for name in expected} == expected
    assert bench.seen["starved"] and min(gemms, alus, clears) > 4


ERRORS = {
    "issue": (Alu(alu_opcode=5), ErrorCode.ALU_OPCODE),
    "step": (Alu(use_imm=1, iter_out=3, dst_factor_out=255), ErrorCode.STEP_INDEX),
    "load": (Load(memory_type=MemoryType.ACC, dram_base=64, x_size=1), ErrorCode.WINDOW),
}


@pytest.mark.parametrize("source", ERRORS)
def test_fault_of_each_part_names_its_instruction(source):
    instruction, code = ERRORS[source]
    bad = BASES[MemoryType.ACC] + 64 * CONFIG.tile_bytes(MemoryType.ACC)
    bench = Bench(errors=[(bad, bad + 1, PortError.WINDOW)])
    bench.run([*SETUP, Gemm(), instruction, Gemm(), Finish()])
    assert bench.seen["fault"] == (code, 3)
    assert not bench.seen["finish"]

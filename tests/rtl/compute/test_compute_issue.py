"""compute_issue: instructions issue in order, with their tokens, when pipeline and loader allow."""

from collections import deque
from itertools import pairwise
from random import Random

import pytest
from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.isa.instructions import Alu, Finish, Gemm, Load, encode
from myvta.isa.opcodes import ErrorCode, MemoryType
from myvta.rtl.compute.compute_issue import Activity, compute_issue
from myvta.rtl.compute.sequencer import StepCommand
from myvta.rtl.host.status import ModuleStatus
from myvta.rtl.lib.bundles import ENTRY_BITS, Completion, Fault, LoadCommand, Stream, bit
from myvta.rtl.lib.token_queue import DependencyTokens

CONFIG = NAMED["1x4x4"]
QUEUES = {"pop_prev": "l2g", "pop_next": "s2g", "push_prev": "g2l", "push_next": "g2s"}


class Bench:
    """The queue, four token counters, and a pipeline and a loader that take their time.

    ``left`` holds (cycle, how, index) of every instruction, ``gathered`` the cycles of its token
    pulses by flag; by cycle, ``shown`` holds the status (waiting, idle, index, quiet) and
    ``faults`` (raised, code, index).
    """

    def __init__(
        self, *, seed=0, rate=1.0, tokens=0, give=0.0, give_from=0, others_idle=1.0, work=(0, 0),
    ):
        self.random, self.rate = Random(seed), rate
        self.give, self.give_from = give, give_from  # tokens and room, from which cycle on
        self.others_idle, self.work = others_idle, work
        self.clock, self.reset = clock_and_reset()
        self.sink, self.tokens = Stream(ENTRY_BITS), DependencyTokens()
        self.steps, self.load, self.activity = StepCommand(CONFIG), LoadCommand(), Activity()
        self.status, self.finished, self.finish = ModuleStatus(), Completion(), bit()
        self.fault, self.counts = Fault(), dict.fromkeys(QUEUES, tokens)
        self.dut = compute_issue(
            self.clock, self.reset, self.sink, self.tokens, self.steps, self.load, self.activity,
            self.status, self.finished, self.finish, self.fault, config=CONFIG,
        )
        self.left, self.gathered, self.shown, self.faults = [], [{}], [], []
        self.free_from = {"steps": 0, "load": 0}  # cycle
        self.finishing, self.taken = False, 0

    def run(self, instructions, *, cycles, stopped_from=10**6):
        queue = deque(enumerate(instructions))

        def on_edge(cycle):
            self.gather()
            self.leave(cycle)
            self.show()
            if self.sink.valid and self.sink.ready:
                self.taken += 1
                self.sink.valid.next = False
            if queue and (not self.sink.valid or self.sink.ready) and self.chance(self.rate):
                index, instruction = queue.popleft()
                self.sink.valid.next = True
                self.sink.data.next = index << 128 | encode(instruction, CONFIG)
            self.drive(cycle)
            self.activity.stopped.next = cycle >= stopped_from
            return cycle == cycles

        simulate([self.dut], self.clock, self.reset, on_edge, limit=cycles + 1)

    def chance(self, rate):
        return self.random.random() < rate

    def gather(self):
        """Note the token pulses of the instruction that will leave next."""
        for flag, queue in QUEUES.items():
            tokens = getattr(self.tokens, queue)
            pulse = tokens.pop if flag.startswith("pop") else tokens.reserve
            there = tokens.available if flag.startswith("pop") else tokens.room
            if pulse:
                assert there and flag not in self.gathered[-1]
                self.gathered[-1][flag] = len(self.shown)
            gives = len(self.shown) >= self.give_from and self.chance(self.give)
            self.counts[flag] += gives - bool(pulse)
            there.next = self.counts[flag] > 0

    def leave(self, cycle):
        """Note an instruction that is issued and check its conditions."""
        assert self.finish == self.finishing  # one cycle late
        self.finishing = bool(self.finished.valid)
        ways = []
        if self.steps.valid:
            assert self.activity.loader_idle
            self.free_from["steps"] = cycle + 2 + self.random.randint(*self.work)
            if self.steps.ready:
                ways.append(("steps", int(self.steps.index)))
        if self.load.valid and self.load.ready:
            self.free_from["load"] = cycle + 2 + self.random.randint(*self.work)
            ways.append(("load", int(self.load.index)))
        if self.finished.valid:
            assert self.quiet and self.activity.others_idle
            ways.append(("finish", int(self.status.index)))
        assert len(ways) <= 1
        if ways:
            self.left.append((cycle, *ways[0]))
            self.gathered.append({})

    @property
    def quiet(self):
        return not self.activity.pipeline_busy and bool(self.activity.loader_idle)

    def show(self):
        status = self.status
        self.shown.append(
            (bool(status.waiting), bool(status.idle), int(status.index), self.quiet)
        )
        fault = self.fault
        self.faults.append((bool(fault.raised), int(fault.code), int(fault.index)))
        assert not status.waiting or (self.quiet and status.index == len(self.left))
        assert not status.idle or (self.quiet and self.taken == len(self.left))

    def drive(self, cycle):
        self.activity.pipeline_busy.next = cycle + 1 < self.free_from["steps"]
        self.activity.loader_idle.next = cycle + 1 >= self.free_from["load"]
        self.activity.others_idle.next = self.chance(self.others_idle)
        self.steps.ready.next, self.load.ready.next = self.chance(self.rate), self.chance(self.rate)


def random_instruction(random):
    """Return a legal instruction and how it leaves."""
    flags = {flag: random.random() < 0.3 for flag in QUEUES}
    return random.choice([
        (Gemm(**flags), "steps"), (Alu(**flags), "steps"), (Finish(**flags), "finish"),
        (Load(memory_type=random.choice([MemoryType.UOP, MemoryType.ACC]), x_size=3, **flags),
         "load"),
        (Load(memory_type=MemoryType.ACC_8BIT, x_size=0, **flags), "steps"),
    ])


@pytest.mark.parametrize("rate, give, work", [(1.0, 1.0, 0), (1.0, 0.2, 9), (0.5, 0.5, 4)])
def test_instructions_leave_in_order_with_their_tokens(rate, give, work):
    random = Random(7)
    program = [random_instruction(random) for _ in range(120)]
    bench = Bench(seed=1, rate=rate, tokens=2, give=give, others_idle=0.3, work=(0, work))
    bench.run([instruction for instruction, _ in program], cycles=4000)
    assert [(way, index) for _, way, index in bench.left] == [
        (way, index) for index, (_, way) in enumerate(program)
    ]
    for (instruction, _), pulses, (cycle, *_) in zip(
        program, bench.gathered, bench.left, strict=False,
    ):
        assert set(pulses) == {flag for flag in QUEUES if getattr(instruction, flag)}
        pops = {pulses[flag] for flag in ("pop_prev", "pop_next") if flag in pulses}
        rooms = {pulses[flag] for flag in ("push_prev", "push_next") if flag in pulses}
        assert len(pops) <= 1 and len(rooms) <= 1  # both together
        assert max(pops, default=-2) < min(rooms, default=cycle)
        assert max(pops | rooms, default=-2) < cycle
    assert bench.shown[-1][1], "all is done: compute is idle"


def test_steps_leave_in_every_second_cycle():
    bench = Bench(work=(50, 50))  # the pipeline is busy with those before
    bench.run([Gemm()] * 20, cycles=60)
    assert {after[0] - before[0] for before, after in pairwise(bench.left)} == {2}


def test_load_overlaps_earlier_steps_and_later_steps_wait_for_it():
    bench = Bench(work=(12, 12))
    load = Load(memory_type=MemoryType.ACC, x_size=3)
    bench.run([Gemm(), load, Gemm()], cycles=80)
    first, second, third = (cycle for cycle, *_ in bench.left)
    assert second < first + 12 and not bench.shown[second][3]
    assert third >= second + 14


@pytest.mark.parametrize("flag", QUEUES)
def test_missing_token_or_room_is_reported_when_compute_is_quiet(flag):
    bench = Bench(work=(10, 10))
    bench.run([Gemm(), Gemm(**{flag: 1})], cycles=60)
    assert len(bench.left) == 1
    assert bench.shown[-1] == (True, False, 1, True)
    assert any(not quiet for *_, quiet in bench.shown)


def test_finish_waits_for_the_other_modules():
    bench = Bench(others_idle=0.0)
    bench.run([Gemm(), Finish()], cycles=40)
    assert len(bench.left) == 1 and bench.shown[-1] == (True, False, 1, True)


FAULTS = [
    (Gemm(uop_end=CONFIG.depth(MemoryType.UOP) + 1), ErrorCode.UOP_RANGE),
    (Alu(alu_opcode=5), ErrorCode.ALU_OPCODE),
    (Load(memory_type=MemoryType.OUT, x_size=1), ErrorCode.MEMORY_TYPE),
    (Load(memory_type=MemoryType.ACC, x_size=2, sram_base=CONFIG.depth(MemoryType.ACC) - 1),
     ErrorCode.SRAM_RANGE),
]


@pytest.mark.parametrize("bad, code", FAULTS)
def test_static_fault_waits_for_earlier_instructions(bad, code):
    bench = Bench(work=(25, 25))
    bench.run([Gemm(), bad, Gemm()], cycles=80)
    assert bench.faults[-1] == (True, code, 1)
    assert [index for _, _, index in bench.left] == [0]
    first = bench.faults.index(bench.faults[-1])
    assert bench.shown[first - 1][3] and not bench.shown[first - 2][3], "as soon as it is quiet"


def test_nothing_starts_after_a_fault_of_another_part():
    bench = Bench()
    bench.run([Gemm()] * 30, cycles=60, stopped_from=20)
    assert 5 < len(bench.left) < 15
    assert max(cycle for cycle, *_ in bench.left) <= 22


@pytest.mark.parametrize("instruction", [Gemm, Load, Finish])
def test_waiting_instruction_never_starts_after_a_fault_of_another_part(instruction):
    fields = {"memory_type": MemoryType.ACC, "x_size": 3} if instruction is Load else {}
    bench = Bench(give=1.0, give_from=30)
    bench.run([instruction(pop_prev=1, **fields)], cycles=60, stopped_from=20)
    assert bench.left == [] and bench.gathered == [{}]

"""accumulate: ACC[dst] of a GEMM as if all earlier steps had been written, from every source."""

from random import Random

from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.rtl.compute.accumulate import accumulate, accumulate_lane
from myvta.rtl.compute.stages import Stages
from myvta.rtl.compute.step import Step
from myvta.rtl.lib.bundles import word

CONFIG = NAMED["1x4x4"]
AT = Stages.of(CONFIG)
BITS = 32
FIRST = AT.accumulate - 1
EMPTY = {"valid": False, "gemm": False, "dst": 0, "chained": False}


class Pipeline:
    """Stages from before ``accumulate`` to ``write``, and the two banks, around the block."""

    def __init__(self, random):
        self.random = random
        self.memory = [random.getrandbits(BITS) for _ in range(6)]
        self.values = list(self.memory)  # when all steps that have entered are written
        self.clock, self.reset = clock_and_reset()
        self.s = [Step(CONFIG) for _ in range(AT.write + 1)]
        self.even, self.odd, self.result = word(BITS), word(BITS), word(BITS)
        self.operand, self.previous = word(BITS), word(BITS)
        self.block = accumulate(
            self.clock, self.even, self.odd, self.s, self.result, self.operand, self.previous,
            config=CONFIG,
        )
        self.steps = {number: dict(EMPTY) for number in range(FIRST, AT.write + 1)}
        self.distances = set()

    def enter(self):
        """Return the next step with the operand it must get and its result."""
        random, before = self.random, self.steps[FIRST + 1]
        step = {
            "valid": random.random() < 0.8, "gemm": random.random() < 0.7,
            "dst": random.randrange(len(self.values)),
        }
        accumulates = step["valid"] and step["gemm"]
        step["chained"] = accumulates and before["valid"] and before["dst"] == step["dst"]
        step["expected"] = self.values[step["dst"]] if accumulates else 0
        step["result"] = random.getrandbits(BITS)
        if step["valid"]:
            self.values[step["dst"]] = step["result"]
        return step

    def edge(self, cycle):
        adding, writing = self.steps[AT.add], self.steps[AT.write]
        if adding["valid"]:
            assert self.operand | self.previous == adding["expected"], (cycle, self.steps)
            assert self.operand == 0 or self.previous == 0
            behind = [n for n in range(1, 5) if AT.add + n in self.steps
                      and self.steps[AT.add + n]["dst"] == adding["dst"]]
            self.distances.add((adding["gemm"], adding["chained"], bool(behind)))
        self.even.next, self.odd.next = (self.random.getrandbits(BITS) for _ in range(2))
        reading = self.steps[AT.accumulate]
        if reading["valid"] and reading["gemm"] and not reading["chained"]:
            data = self.odd if reading["dst"] % 2 else self.even
            data.next = self.memory[reading["dst"]]  # before the write of this cycle
        if writing["valid"]:
            self.memory[writing["dst"]] = writing["result"]
        if adding["valid"]:
            self.result.next = adding["result"]
        for number in range(AT.write, FIRST, -1):
            self.steps[number] = self.steps[number - 1]
        self.steps[FIRST] = self.enter()
        for number, step in self.steps.items():
            stage = self.s[number]
            stage.valid.next, stage.dst.next = step["valid"], step["dst"]
            stage.chained.next = step["chained"]
            reads = step["valid"] and step["gemm"] and not step["chained"]
            stage.reads.next = reads << step["dst"] % 2
        return cycle == 3000


def test_operands_equal_sequential_execution():
    pipeline = Pipeline(Random(3))
    simulate([pipeline.block], pipeline.clock, pipeline.reset, pipeline.edge, limit=3001)
    assert {(gemm, chained) for gemm, chained, _ in pipeline.distances} == {
        (True, True), (True, False), (False, False),
    }


def test_a_lane_adds_whichever_of_the_two_is_not_zero():
    random = Random(1)
    addend, operand, previous, total = word(32), word(128), word(128), word(32)
    block = accumulate_lane(addend, operand, previous, total, lane=2)
    clock, reset = clock_and_reset()
    shown = []

    def on_edge(cycle):
        if cycle:
            shown.append((int(total), int(addend), int(operand | previous) >> 64 & 0xFFFF_FFFF))
        addend.next = random.getrandbits(32)
        operand.next = random.getrandbits(128) if cycle % 2 else 0
        previous.next = 0 if cycle % 2 else random.getrandbits(128)
        return cycle == 100

    simulate([block], clock, reset, on_edge, limit=101)
    assert all(total == (a + b) % 2**32 for total, a, b in shown)

"""schedule: reads that never meet on a bank; steps wait for a reason, and only then."""

from random import Random

import pytest
from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.isa.opcodes import ErrorCode
from myvta.rtl.compute.address_generator import StepIndices
from myvta.rtl.compute.bank_needs import BankNeeds
from myvta.rtl.compute.rqt_parameters import ParameterRead
from myvta.rtl.compute.schedule import schedule
from myvta.rtl.compute.stages import Stages
from myvta.rtl.compute.step import Step
from myvta.rtl.lib.bundles import Fault, bit

CONFIG = NAMED["1x4x4_base"]
AT = Stages.of(CONFIG)
EMPTY = {"valid": False, "gemm": False, "overwrite": False, "pair": False, "dst": 0, "src": 0}


def random_step(random):
    gemm = random.random() < 0.4
    return {
        "valid": random.random() < 0.8, "gemm": gemm, "overwrite": random.random() < 0.2,
        "pair": not gemm and random.random() < 0.7, "dst": random.randrange(4),
        "src": random.randrange(4),
    }


class Bench:
    """Stages around the schedule; ``reads`` holds which cycle reads which bank."""

    def __init__(self, steps, seed=0, hit_rate=0.0):
        self.random, self.hit_rate = Random(seed), hit_rate
        self.clock, self.reset = clock_and_reset()
        self.s = [Step(CONFIG) for _ in range(AT.write + 1)]
        self.indices, self.fault, self.needs = StepIndices(CONFIG), Fault(), BankNeeds()
        self.hit, self.advance = bit(), bit()
        self.block = schedule(
            self.clock, self.reset, self.s, indices=self.indices, needs=self.needs,
            operand_hit=self.hit, parameter_hit=bit(),
            parameter=ParameterRead(CONFIG.log_acc_depth), advance=self.advance, fault=self.fault,
            config=CONFIG,
        )
        self.coming, self.steps = iter(steps), [EMPTY, EMPTY]  # of ``check`` and ``schedule``
        self.reads, self.waits, self.left = set(), 0, 0
        self.marks = [0] * (AT.accumulate - AT.schedule)  # ``reads`` from ``arrive`` on
        self.before = EMPTY  # the step that left last, if in the last cycle

    def places(self, step, cycle):
        """Return (cycle, bank) of each read of the step that leaves ``schedule`` in a cycle."""
        dst, src = step["dst"] % 2, step["src"] % 2
        if not step["valid"]:
            return []
        if step["gemm"]:
            behind = self.before["valid"] and self.before["dst"] == step["dst"]
            reads = not step["overwrite"] and not behind
            return [(cycle + AT.accumulate - AT.schedule, dst)] if reads else []
        if not step["pair"]:
            return [(cycle, dst)]
        return [(cycle, dst), (cycle + (dst == src), src)]

    def edge(self, cycle):
        step = self.steps[1]
        places = self.places(step, cycle)
        fits = len(set(places)) == len(places) and not self.reads & set(places)
        busy = {bank for at, bank in self.reads if at == cycle}
        assert self.needs.busy == sum(1 << bank for bank in busy)
        reason = bool(self.hit) and not step["gemm"]
        assert bool(self.advance) == (fits and not reason), (cycle, step)
        if self.advance:
            self.reads |= set(places)
            self.left += step["valid"]
            self.before = step
        else:
            self.waits += 1
        self.move()
        self.hit.next = self.random.random() < self.hit_rate and not self.steps[1]["gemm"]
        return self.steps == [EMPTY, EMPTY] and not any(self.marks)

    def move(self):
        leaves = int(self.s[AT.schedule].reads) if self.advance else 0
        self.marks = [leaves, *self.marks[:-1]]
        for stage, reads in zip(self.s[AT.arrive:], self.marks, strict=False):
            stage.reads.next = reads
        if self.advance:
            self.steps = [next(self.coming, EMPTY), self.steps[0]]
            checked, waiting = self.s[AT.check], self.s[AT.schedule]
            for stage, step in zip((checked, waiting), self.steps, strict=True):
                for name, value in step.items():
                    getattr(stage, name).next = value


@pytest.mark.parametrize("hit_rate", [0.0, 0.3])
def test_random_steps_wait_for_a_bank_or_a_hazard_and_nothing_else(hit_rate):
    random = Random(4)
    bench = Bench([random_step(random) for _ in range(800)], hit_rate=hit_rate)
    simulate([bench.block], bench.clock, bench.reset, bench.edge, limit=3000)
    assert bench.left > 500 and bench.waits > 20


@pytest.mark.parametrize("dst", [0, 1])
@pytest.mark.parametrize("src", [2, 3])
def test_unit_strides_never_wait(dst, src):
    steps = [{**EMPTY, "valid": True, "pair": True, "dst": dst + at, "src": src + at}
             for at in range(30)]
    bench = Bench(steps)
    simulate([bench.block], bench.clock, bench.reset, bench.edge, limit=100)
    assert (bench.left, bench.waits) == (len(steps), 0)


def test_step_out_of_range_is_a_fault_and_never_leaves():
    bench = Bench([])
    seen = []

    def on_edge(cycle):
        bench.indices.out_of_range.next, bench.indices.index.next = cycle >= 5, cycle
        fault = bench.fault
        report = (int(fault.code), int(fault.index)) if fault.raised else None
        seen.append((bool(bench.advance), report))
        return cycle == 12

    simulate([bench.block], bench.clock, bench.reset, on_edge, limit=13)
    report = ErrorCode.STEP_INDEX, 5
    assert seen == [(True, None)] * 6 + [(False, None)] + [(False, report)] * 6


@pytest.mark.parametrize("bad", ["multiplier_bad", "shift_bad"])
@pytest.mark.parametrize("between", [0, 1, 4])
def test_bad_parameter_precedes_a_younger_index_out_of_range(bad, between):
    """The step goes on while its parameters are checked; the younger one reports nothing."""
    config = NAMED["1x4x4"]
    clock, reset = clock_and_reset()
    s, indices, fault = [Step(config) for _ in range(AT.write + 1)], StepIndices(config), Fault()
    parameter, advance = ParameterRead(config.log_acc_depth), bit()
    block = schedule(
        clock, reset, s, indices=indices, needs=BankNeeds(), operand_hit=bit(),
        parameter_hit=bit(), parameter=parameter, advance=advance, fault=fault, config=config,
    )
    steps = iter([{"rqt": True}, *[{}] * between, {"out_of_range": True}])
    left, reports = [], []

    def on_edge(cycle):
        getattr(parameter, bad).next = True
        if advance:
            step = next(steps, {})
            left.append(int(indices.index))
            s[AT.schedule].valid.next = True
            indices.rqt.next, indices.out_of_range.next = "rqt" in step, "out_of_range" in step
            indices.index.next = cycle + 100
        reports.append((int(fault.code), int(fault.index)) if fault.raised else None)
        return cycle == 20

    simulate([block], clock, reset, on_edge, limit=21)
    assert reports[-1] == (ErrorCode.RQT_PARAMETER, 100)
    assert set(reports) == {None, reports[-1]} and left[:2] == [0, 100]

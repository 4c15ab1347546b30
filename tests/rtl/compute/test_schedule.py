"""schedule: reads placed so that none meet on a bank; steps wait for a reason, and only then."""

from random import Random

import pytest
from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.isa.opcodes import ErrorCode
from myvta.rtl.compute.address_generator import StepIndices
from myvta.rtl.compute.rqt_parameters import ParameterRead
from myvta.rtl.compute.schedule import schedule
from myvta.rtl.compute.step import LAST_STAGE, Step
from myvta.rtl.lib.bundles import Fault, bit

CONFIG = NAMED["1x4x4_base"]
EMPTY = {"valid": False, "long": False, "pair": False, "dst": 0, "src": 0}
EARLY, LATE = {False: 3, True: 0}, {False: 4, True: 1}  # cycles from s2 to a read, by `long`


def random_step(random):
    return {
        "valid": random.random() < 0.8, "long": random.random() < 0.4,
        "pair": random.random() < 0.7, "dst": random.randrange(4), "src": random.randrange(4),
    }


class Bench:
    """Stages s1 to s5 around the schedule; ``reads`` holds which cycle reads which bank."""

    def __init__(self, steps, seed=0, hit_rate=0.0):
        self.random, self.hit_rate = Random(seed), hit_rate
        self.clock, self.reset = clock_and_reset()
        self.s = [Step(CONFIG) for _ in range(LAST_STAGE + 1)]
        self.indices, self.fault = StepIndices(CONFIG), Fault()
        self.hit, self.advance = bit(), bit()
        self.block = schedule(
            self.clock, self.reset, self.s, indices=self.indices, operand_hit=self.hit,
            parameter_hit=bit(), parameter=ParameterRead(CONFIG.log_acc_depth),
            advance=self.advance, fault=self.fault, config=CONFIG,
        )
        self.coming, self.steps = iter(steps), [EMPTY, EMPTY]  # of s1 and s2
        self.reads, self.waits, self.left = set(), 0, 0

    def places(self, step, cycle, *, early):
        """Return (cycle, bank) of each read of the step that leaves s2 in a cycle."""
        if not step["valid"]:
            return []
        late = cycle + LATE[step["long"]]
        # a long step reads ACC[dst] early, any other late
        places = [(cycle if step["long"] else late, step["dst"] % 2)]
        if step["pair"]:
            at = cycle + EARLY[step["long"]] if early else late
            places.append((at, step["src"] % 2))
        return places

    def fits(self, places):
        return len(set(places)) == len(places) and not self.reads & set(places)

    def edge(self, cycle):
        step, s2 = self.steps[1], self.s[2]
        choices = [self.places(step, cycle, early=early) for early in (True, False)]
        if self.advance:
            places = choices[0 if s2.early else 1]
            assert not self.hit and self.fits(places), (cycle, step)
            self.check_marks(step, cycle, places)
            self.reads |= set(places)
            self.left += step["valid"]
        else:
            assert self.hit or not any(map(self.fits, choices)), (cycle, step)
            self.waits += 1
        self.move()
        self.hit.next = self.random.random() < self.hit_rate
        return self.steps == [None, None]

    def check_marks(self, step, cycle, places):
        """Compare the marks that travel with the step with its reads in s3, s5 and s6."""
        marks = {"long_late": 1, "short_early": 3, "short_late": 4}
        for name, stages_behind in marks.items():
            banks = {bank for at, bank in places if at == cycle + stages_behind}
            assert getattr(self.s[2], name) == sum(1 << bank for bank in banks), (name, step)

    def move(self):
        s1, s2, s3, s4 = self.s[1:5]
        s4.short_late.next, s4.short_early.next = s3.short_late, s3.short_early
        for name in ("short_early", "short_late", "long_late"):
            getattr(s3, name).next = getattr(s2, name) if self.advance else 0
        if self.advance:
            self.steps = [next(self.coming, None), self.steps[0]]
            for stage, step in zip((s1, s2), self.steps, strict=True):
                for name, value in (step or EMPTY).items():
                    getattr(stage, name).next = value


@pytest.mark.parametrize("hit_rate", [0.0, 0.3])
def test_random_steps_wait_for_a_bank_or_a_hazard_and_nothing_else(hit_rate):
    random = Random(4)
    bench = Bench([random_step(random) for _ in range(800)], hit_rate=hit_rate)
    simulate([bench.block], bench.clock, bench.reset, bench.edge, limit=3000)
    assert bench.left > 500 and bench.waits > 20


@pytest.mark.parametrize("dst", [0, 1])
@pytest.mark.parametrize("src", [2, 3])
@pytest.mark.parametrize("long", [False, True])
def test_unit_strides_never_wait(dst, src, long):
    steps = [
        {"valid": True, "long": long, "pair": True, "dst": dst + at, "src": src + at}
        for at in range(30)
    ]
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
    s, indices, fault = [Step(config) for _ in range(LAST_STAGE + 1)], StepIndices(config), Fault()
    parameter, advance = ParameterRead(config.log_acc_depth), bit()
    block = schedule(
        clock, reset, s, indices=indices, operand_hit=bit(), parameter_hit=bit(),
        parameter=parameter, advance=advance, fault=fault, config=config,
    )
    steps = iter([{"rqt": True}, *[{}] * between, {"out_of_range": True}])
    left, reports = [], []

    def on_edge(cycle):
        getattr(parameter, bad).next = True
        if advance:
            step = next(steps, {})
            left.append(int(indices.index))
            s[2].valid.next, s[2].long.next = True, "rqt" in step
            indices.rqt.next, indices.out_of_range.next = "rqt" in step, "out_of_range" in step
            indices.index.next = cycle + 100
        reports.append((int(fault.code), int(fault.index)) if fault.raised else None)
        return cycle == 20

    simulate([block], clock, reset, on_edge, limit=21)
    assert reports[-1] == (ErrorCode.RQT_PARAMETER, 100)
    assert set(reports) == {None, reports[-1]} and left[:2] == [0, 100]

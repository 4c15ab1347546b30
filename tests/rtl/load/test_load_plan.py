"""load_plan: places of data and padding, against the elements of a LOAD written out as text."""

from collections import deque
from random import Random

import pytest
from myhdl import Signal, modbv
from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.isa.instructions import Load
from myvta.isa.opcodes import MemoryType
from myvta.rtl.lib.bundles import LoadCommand, Stream
from myvta.rtl.load.load_plan import PACKED_BITS, LoadPlan, load_plan, pack_command

INP, WGT, UOP = MemoryType.INP, MemoryType.WGT, MemoryType.UOP


def bases(config):
    """Base addresses of INP and of the others: multiples of an element, in any lane of a beat."""
    first = 53 * config.tile_bytes(INP)
    return first, 53 * max(config.tile_bytes(WGT), config.tile_bytes(UOP))


def random_load(random):
    small = random.random() < 0.9
    return Load(
        memory_type=random.choice((INP, WGT, UOP)), sram_base=random.getrandbits(16),
        dram_base=random.getrandbits(32), x_stride=random.getrandbits(16),
        y_size=random.choice((0, 1, 1, 2, 3, 7)) if small else random.randrange(100),
        x_size=random.randrange(9) if small else random.randrange(200),
        y_pad_0=random.randrange(16), y_pad_1=random.randrange(16),
        x_pad_0=random.choice((0, random.randrange(16))),
        x_pad_1=random.choice((0, random.randrange(16))),
        push_prev=random.randrange(2), push_next=random.randrange(2),
    )


def element_runs(load):
    """Return the lengths of the runs of padding, and the elements of a row of data.

    The elements are written out as text, row by row (vta_isa.md 4.1), and split at the data.
    """
    if not load.x_size:
        return [0], 0
    row = "." * load.x_pad_0 + "#" * load.x_size + "." * load.x_pad_1
    empty = "." * len(row)
    line = empty * load.y_pad_0 + row * load.y_size + empty * load.y_pad_1
    return [len(run) for run in line.split("#" * load.x_size)], load.x_size


def expected_plan(config, load, index):
    """The plan's fields, except those without a meaning for this LOAD."""
    kind = MemoryType(load.memory_type)
    element = config.tile_bytes(kind)
    lanes = max(config.bus_bytes // element, 1)
    base = bases(config)[kind != INP]
    runs, x_size = element_runs(load)
    plan = {
        "memory_type": kind, "x_size": x_size, "y_size": len(runs) - 1,
        "pad_index": load.sram_base, "first_run": runs[0],
        "push_prev": load.push_prev, "push_next": load.push_next, "index": index,
    }
    if len(runs) > 1:
        plan["last_run"] = runs[-1]
        plan["data_index"] = (load.sram_base + runs[0]) % (1 << 17)
        plan["lane"] = (base // element + load.dram_base) % lanes
    if len(runs) > 2:
        plan["gap"] = runs[1]
        plan["lane_stride"] = load.x_stride % lanes
    return plan


class Bench:
    """Offers commands to a planner and takes its plans, each with its probability."""

    def __init__(self, config, loads, *, seed=0, rate=1.0, take=1.0):
        self.random, self.rate, self.take = Random(seed), rate, take
        self.clock, self.reset = clock_and_reset()
        self.waiting = deque(enumerate(loads))
        self.command, self.sink, self.plan = LoadCommand(), Stream(PACKED_BITS), LoadPlan()
        first_base, second_base = (Signal(modbv(base)[32:]) for base in bases(config))
        self.blocks = [
            pack_command(self.command, self.sink.data),
            load_plan(
                self.clock, self.reset, self.sink, first_base, second_base, self.plan,
                config=config, first_type=INP,
            ),
        ]
        self.shown, self.planned, self.taken = [], [], []  # cycles: the first of each, and taken
        self.plans = []  # the signals, when they are taken

    def run(self, limit=4000):
        count = len(self.waiting)

        def on_edge(cycle):
            self.watch(cycle)
            sink = self.sink
            if sink.ready or not sink.valid:
                go = bool(self.waiting) and self.random.random() < self.rate
                sink.valid.next = go
                if go:
                    self.shown.append(cycle + 1)
                    self.offer(*self.waiting.popleft())
            return len(self.plans) == count

        simulate(self.blocks, self.clock, self.reset, on_edge, limit=limit)

    def offer(self, index, load):
        for name, signal in vars(self.command).items():
            if name not in ("valid", "ready", "index"):
                signal.next = getattr(load, name)
        self.command.index.next = index

    def watch(self, cycle):
        plan = self.plan
        if plan.valid:
            if len(self.planned) == len(self.plans):
                self.planned.append(cycle)
            if plan.taken:
                self.taken.append(cycle)
                self.plans.append({
                    name: int(signal) for name, signal in vars(plan).items()
                    if name not in ("valid", "taken")
                })
        else:
            assert len(self.planned) == len(self.plans), "a plan is kept until it is taken"
        # as the loader does: only a plan that is valid after this edge is taken
        still = bool(plan.valid) and not plan.taken
        plan.taken.next = still and self.random.random() < self.take


@pytest.mark.parametrize("name, log_bus", [
    ("default", 6), ("1x4x4", 6), ("1x4x4_int4", 6), ("1x4x4_int4", 8), ("1x4x4_int4", 7),
])
@pytest.mark.parametrize("rate, take", [(1, 1), (0.2, 0.9), (0.9, 0.2)])
def test_plans_equal_the_written_out_elements(name, log_bus, rate, take):
    config = NAMED[name].replace(log_bus_width=log_bus)
    random = Random(log_bus)
    loads = [random_load(random) for _ in range(60)]
    bench = Bench(config, loads, seed=log_bus, rate=rate, take=take)
    bench.run()
    for index, (load, plan) in enumerate(zip(loads, bench.plans, strict=True)):
        expected = expected_plan(config, load, index)
        assert {field: plan[field] for field in expected} == expected, load


@pytest.mark.parametrize("rate, take", [(1, 1), (0.2, 0.9), (0.9, 0.2)])
def test_plan_takes_three_cycles_and_the_next_is_prepared_ahead(rate, take):
    random = Random(1)
    loads = [random_load(random) for _ in range(40)]
    bench = Bench(NAMED["1x4x4"], loads, rate=rate, take=take)
    bench.run()
    expected = [
        max(shown + 3, taken + 2)
        for shown, taken in zip(bench.shown, [-9, *bench.taken[:-1]], strict=True)
    ]
    assert bench.planned == expected


@pytest.mark.parametrize("load, part", [
    (Load(memory_type=INP, x_size=0, y_size=9, y_pad_0=3, x_pad_0=2), (0, 0)),
    (Load(memory_type=INP, x_size=4, y_size=0, y_pad_0=3, y_pad_1=1, x_pad_1=2), (0, 24)),
    (Load(memory_type=INP, x_size=65535, y_size=0, y_pad_0=1), (0, 65535)),
    (Load(memory_type=INP, x_size=65535, y_size=1), (1, 0)),
    (Load(memory_type=INP, x_size=1, y_size=1, x_pad_0=15, y_pad_0=15), (1, 15 * 16 + 15)),
])
def test_extreme_sizes(load, part):
    bench = Bench(NAMED["1x4x4"], [load])
    bench.run()
    assert (bench.plans[0]["y_size"], bench.plans[0]["first_run"]) == part

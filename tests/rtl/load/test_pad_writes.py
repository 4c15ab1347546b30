"""pad_writes: which elements are zeroed and when, against the runs of a plan."""

from itertools import pairwise
from random import Random

import pytest
from rtl_bench import clock_and_reset, simulate

from myvta.rtl.lib.bundles import PadWrite, bit
from myvta.rtl.load.load_plan import LoadPlan
from myvta.rtl.load.pad_writes import pad_writes


class Runs:
    """A plan of padding: a first run, gaps between rows of data, and a last run."""

    def __init__(self, y_size, first, gap=0, last=0, *, x_size=5, index=100, memory_type=2):
        self.fields = {
            "y_size": y_size, "x_size": x_size, "memory_type": memory_type, "pad_index": index,
            "first_run": first, "gap": gap, "last_run": last,
        }
        self.lengths = [first, *[gap] * (y_size - 1), *[last] * (y_size > 0)]
        starts = [index]
        for length in self.lengths:
            starts.append(starts[-1] + length + x_size)
        self.elements = [
            at % (1 << 17)
            for start, length in zip(starts, self.lengths, strict=False)
            for at in range(start, start + length)
        ]

    def schedule(self):
        """Cycles after the start in which an element shows when all are taken, and the last busy
        one: a run of nothing takes a cycle, and all show a cycle late."""
        shows, cycle = [], 1
        for length in self.lengths:
            shows += range(cycle + 1, cycle + 1 + length)
            cycle += max(length, 1)
        return shows, max([cycle - 1, *shows[-1:]])


def run(plans, *, take=1.0, limit=5000):
    """Start each plan after the one before it; return start, elements and busy cycles of each."""
    random = Random(int(take * 10))
    clock, reset = clock_and_reset()
    plan, start, pad, busy = LoadPlan(), bit(), PadWrite(), bit()
    block = pad_writes(clock, reset, plan, start, pad, busy)
    seen = []  # (started, [(cycle, index)], [busy cycles])
    held = None

    def on_edge(cycle):
        nonlocal held
        if start:
            seen.append((cycle, [], []))
            assert not busy and not pad.valid
        if busy:
            seen[-1][2].append(cycle - seen[-1][0])
        if held is not None:
            assert pad.valid and held == (int(pad.index), int(pad.memory_type)), "it must hold"
        held = None
        if pad.valid:
            assert busy
            assert pad.memory_type == plans[len(seen) - 1].fields["memory_type"]
            if pad.ready:
                seen[-1][1].append((cycle - seen[-1][0], int(pad.index)))
            else:
                held = int(pad.index), int(pad.memory_type)
        idle = not start and not busy
        if idle and len(seen) == len(plans):
            return True
        start.next = idle
        for name, value in plans[len(seen)].fields.items() if idle else ():
            getattr(plan, name).next = value
        if start:  # the loader's next plan may show at once
            plan.first_run.next = plan.y_size.next = 77
        pad.ready.next = random.random() < take
        return False

    simulate([block], clock, reset, on_edge, limit=limit)
    return seen


def random_runs(random):
    return Runs(
        random.choice((0, 0, 1, 2, 3, 6)), random.choice((0, 1, 2, 40)),
        random.choice((0, 0, 1, 2, 30)), random.choice((0, 1, 17)), x_size=random.randrange(1, 9),
        index=random.choice((random.randrange(1 << 16), (1 << 17) - 3)),
        memory_type=random.randrange(8),
    )


def test_elements_are_offered_in_their_cycles():
    random = Random(1)
    plans = [random_runs(random) for _ in range(40)]
    for plan, (_, taken, busy) in zip(plans, run(plans), strict=True):
        shows, last = plan.schedule()
        assert taken == list(zip(shows, plan.elements, strict=True)), plan.fields
        if plan.fields["y_size"] or plan.fields["first_run"]:
            assert busy == list(range(1, last + 1)), plan.fields
        else:
            assert busy == []


@pytest.mark.parametrize("take", [0.7, 0.3])
def test_back_pressure_neither_loses_nor_repeats_elements(take):
    random = Random(2)
    plans = [random_runs(random) for _ in range(40)]
    for plan, (_, taken, busy) in zip(plans, run(plans, take=take), strict=True):
        assert [index for _, index in taken] == plan.elements, plan.fields
        assert all(after - before == 1 for before, after in pairwise(busy))
        if taken:
            assert busy[0] == 1 and taken[-1][0] <= busy[-1]
            trailing = max(plan.lengths[::-1].index(length) for length in plan.lengths if length)
            assert busy[-1] <= taken[-1][0] + trailing


def test_long_rows():
    (_, taken, _), = run([Runs(2, 1, gap=1, last=1, x_size=40000, index=7)])
    assert [index for _, index in taken] == [7, 40008, 80009]

"""lane_sum: the sum of all terms of a lane, one cycle later for each registered level."""

from random import Random

import pytest
from rtl_bench import clock_and_reset, record
from step_bench import unpack

from myvta.rtl.compute.lane_sum import lane_sum
from myvta.rtl.lib.bundles import signed_word, word


@pytest.mark.parametrize(("count", "radices"), [
    (4, (4, 1)), (8, (4, 2)), (16, (4, 2)), (32, (4, 4)), (2, ()), (4, (2,)), (8, (2, 2)),
])
def test_lane_adds_all_its_terms(count, radices):
    random = Random(count)
    clock, reset = clock_and_reset()
    dot = word(22)
    terms = [signed_word(22) for _ in range(count)]
    values = [None]

    def drive(cycle):
        values.append([random.choice([-(2**15), 2**15 - 1, 1 << n % 15]) for n in range(count)])
        for signal, value in zip(terms, values[-1], strict=True):
            signal.next = value

    block = lane_sum(clock, terms, dot, radices=radices, width=22)
    rows = record([block], clock, reset, {"dot": dot}, drive, cycles=60)
    for at in range(1, 58):
        assert unpack(rows[at + len(radices)]["dot"], 22, 1) == [sum(values[at])]
